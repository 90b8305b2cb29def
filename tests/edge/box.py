"""A box for tests: a data folder as an agent leaves it, with whatever lies in its log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from domain.events import Event, encode_event, stream_of
from edge import identity
from edge.intake.parked import Parked
from edge.status import status
from edge.store.file import open_store
from eventlog.log import Entry

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = 2**22 - 1  # a process id that is not given out: above the highest of a box as it comes


class Box:
    """The settings file and the data folder of one gateway."""

    def __init__(self, folder: Path, settings: str = "") -> None:
        self.config, self.folder = folder / "edge.toml", folder / "data"
        self.config.write_text(f'data = "data"\n{settings}')

    async def fill(
        self, events: Sequence[Event] = (), parked: Sequence[Parked] = (), acknowledged: dict[str, int] | None = None
    ) -> None:
        """What an agent would have written, a second apart from NOW on."""
        store = await open_store(self.folder, lambda: NOW)
        try:
            for second, event in enumerate(events):
                event.recorded_at = NOW + timedelta(seconds=second)
                await store.append([Entry(stream_of(event), encode_event(event))])
            await store.write([message.statement for message in parked])
            await status.remember(store, acknowledged or {})
        finally:
            await store.close()

    def agent_says(self, *, pid: int | None = None, **more: Any) -> None:
        """The status file of an agent; without ``pid`` of one that runs: this very process."""
        self.folder.mkdir(exist_ok=True, mode=0o700)
        said: dict[str, Any] = {"pid": os.getpid() if pid is None else pid, "version": version("gatehouse")}
        said |= {"time": datetime.now(UTC), "uplink": "online", "broker": "connected", "streams": {}, "counts": {}}
        status.write_file(self.folder, said | more)

    def enrol(self) -> identity.Identity:
        """An identity with a fresh key."""
        private = msgspec.json.encode(identity.new_key().as_dict(private=True)).decode()
        me = identity.Identity(gateway="gw-1", complex="garden", server="http://127.0.0.1:9", private_key=private)
        self.folder.mkdir(exist_ok=True, mode=0o700)
        identity.save(me, self.folder)
        return me


def parked(reason: str, detail: str = "", payload: bytes = b"x") -> Parked:
    return Parked(NOW, reason, detail, "test", "t/1", payload)
