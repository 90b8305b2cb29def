"""Which entities each device has shown, kept over a restart: none is lost there, and those gone are taken back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import structlog

from edge.outward.entities import Entity
from edge.store.durable import write_file

log = structlog.get_logger()

FILE = "home-assistant.json"
_MOST_ENTITIES = 64  # of one device
_MOST_DEVICES = 5_000


class Known(msgspec.Struct):
    """Device -> its entities by name. ``complex`` is the one they were told under."""

    complex: str = ""
    devices: dict[str, dict[str, Entity]] = {}

    def note(self, device: str, entity: Entity) -> bool:
        """Whether it is new, and there is room for it."""
        mine = self.devices.get(device, {})
        is_full = len(mine) >= _MOST_ENTITIES or (not mine and len(self.devices) >= _MOST_DEVICES)
        if entity.name in mine or is_full:
            return False
        self.devices.setdefault(device, mine)[entity.name] = entity
        return True


def load(folder: Path) -> Known:
    """Nothing where there is no file, or none that is read: what shows itself again is told again."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Known)
    except (OSError, msgspec.MsgspecError):
        return Known()


def save(folder: Path, body: bytes) -> None:
    """A disk that takes nothing is the keeper's affair."""
    try:
        write_file(folder / FILE, body)
    except OSError as error:
        log.warning("home_assistant_not_kept", error=str(error))
