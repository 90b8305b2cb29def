"""What a hello says of the devices: when each was last heard, and in what state. Said at once where a state changed, at
most once a minute where only times moved on, and at the latest every ten minutes: what is said is always all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from edge.devices.driver import Registry
from edge.intake.last_seen import LastSeen

NAME = "heard"  # of it in a hello
_TIMES_EVERY_S, _ALL_EVERY_S = 60.0, 600.0
_States = Mapping[str, tuple[str | None, str | None]]


class _Said(NamedTuple):
    """What stands in a hello, to be compared with the next."""

    states: _States
    times: Mapping[str, datetime | None]
    at_s: float


class Heard:
    """Remembers what the centre was told, by a hello that it answered."""

    def __init__(
        self,
        seen: LastSeen,
        listed: Callable[[], Iterable[str]],
        registry: Registry,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._seen, self._listed, self._monotonic_s = seen, listed, monotonic_s
        self._pages = registry.pages
        self._told: _Said | None = None

    def due(self) -> dict[str, Any]:
        """For the next hello; empty where the centre knows it. The kinds are those that this version can speak to."""
        known = self._seen.of(self._listed())
        if not self._is_due({device: (one.state, one.fault) for device, one in known.items()}, known):
            return {}
        devices = {device: _short(one.at, one.state, one.fault) for device, one in known.items()}
        return {NAME: {"devices": devices, "kinds": self._pages}}

    def _is_due(self, states: _States, known: Mapping[str, Any]) -> bool:
        told = self._told
        if told is None or states != told.states:
            return True
        age_s = self._monotonic_s() - told.at_s
        if age_s < _TIMES_EVERY_S:
            return False
        return age_s >= _ALL_EVERY_S or any(one.at != told.times.get(device) for device, one in known.items())

    def told(self, hello: Mapping[str, Any]) -> None:
        """The centre has answered this hello."""
        if NAME not in hello:
            return
        devices: Mapping[str, Mapping[str, Any]] = hello[NAME]["devices"]
        states = {device: (one.get("state"), one.get("fault")) for device, one in devices.items()}
        self._told = _Said(states, {device: one.get("at") for device, one in devices.items()}, self._monotonic_s())


def _short(at: datetime | None, state: str | None, fault: str | None) -> dict[str, Any]:
    said: dict[str, Any] = {"at": at, "state": state, "fault": fault}
    return {name: value for name, value in said.items() if value is not None}
