"""How far the log that a device keeps by itself is in ours: what is missing is read back, and nothing is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from edge.store.durable import write_file

log = structlog.get_logger()

FILE = "read-up-to-{}.json"
_MOST_BEYOND = 10_000
_OFFERED_FOR_S = 30.0  # what was not durable by then was left with its sender: it is read again


class Numbers(msgspec.Struct):
    """One device's log: everything up to ``upto`` is durable here, and some beyond it."""

    upto: int
    beyond: set[int] = msgspec.field(default_factory=set[int])
    offered: dict[int, float] = msgspec.field(default_factory=dict[int, float])

    def durable(self, number: int) -> None:
        """A record is in our log, or parked; or it is known that there is none of this number."""
        self.offered.pop(number, None)
        if number > self.upto and len(self.beyond) < _MOST_BEYOND:
            self.beyond.add(number)
        while self.upto + 1 in self.beyond:
            self.upto += 1
            self.beyond.discard(self.upto)

    def skip_to(self, upto: int) -> None:
        """What is up to there will never be had."""
        self.beyond = {number for number in self.beyond if number > upto}
        self.upto = max(self.upto, upto)
        self.durable(0)

    def restart(self, upto: int = 0) -> None:
        """The device numbers anew."""
        self.upto, self.beyond, self.offered = upto, set(), {}

    def missing(self, newest: int, most: int, now_s: float) -> list[int]:
        """The oldest numbers up to ``newest`` that are neither durable nor on their way, at most ``most``."""
        self.offered = {number: at for number, at in self.offered.items() if now_s - at < _OFFERED_FOR_S}
        found: list[int] = []
        for number in range(self.upto + 1, newest + 1):
            if len(found) == most:
                break
            if number not in self.beyond and number not in self.offered:
                found.append(number)
        return found


class ReadUpTo:
    """The numbers of all devices, kept beside the log. The file may lag: what is read twice is one fact."""

    def __init__(self, folder: Path, transport: str) -> None:
        self._path = folder / FILE.format(transport)
        self._devices: dict[str, Numbers] = {device: Numbers(upto) for device, upto in _read(self._path).items()}
        self._saved = self._state()

    def of(self, device: str) -> Numbers | None:
        """None for a device whose log was never looked at."""
        return self._devices.get(device)

    def begin(self, device: str, upto: int) -> Numbers:
        """From here on everything of the device is ours to keep."""
        return self._devices.setdefault(device, Numbers(upto))

    def acknowledge(self, device: str, number: int, now_s: float) -> Callable[[], None]:
        """To be called when the record of this number, which is offered now, is durable."""
        numbers = self._devices.get(device)
        if numbers is None:
            return lambda: None
        numbers.offered[number] = now_s
        return lambda: numbers.durable(number)

    async def save(self) -> None:
        """Keep what changed. A disk that takes nothing is the keeper's affair: the file is tried again."""
        state = self._state()
        if state == self._saved:
            return
        try:
            await asyncio.to_thread(write_file, self._path, msgspec.json.encode(state))
            self._saved = state
        except OSError as error:
            log.warning("read_up_to_not_kept", error=str(error))

    def _state(self) -> dict[str, int]:
        return {device: numbers.upto for device, numbers in self._devices.items()}


def _read(path: Path) -> dict[str, int]:
    """Nothing where there is no file, or none that can be read: then the devices' own notes count, or the present."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}
