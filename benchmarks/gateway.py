"""Our agent as a benchmark needs it: with the pass-through family or without, its store counted from outside."""

from __future__ import annotations

import re
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from simulators.broker import Broker
from simulators.processes import Child
from tests.rig import Rig

_SOURCE_ID = re.compile(rb'"source_event_id":"([^"]+)"')
_PLAIN_AGENT = [sys.executable, "-P", str(Path(__file__).with_name("plain_agent.py"))]


@contextmanager
def rig(broker: Broker, *, plain: bool = False) -> Iterator[Rig]:
    """A broker that runs and an agent that does not yet, in a folder that goes afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-bench-"))
    made = Rig(folder, broker, _PLAIN_AGENT if plain else None)
    try:
        broker.start()
        yield made
    finally:
        made.stop_all()
        shutil.rmtree(folder, ignore_errors=True)


class Gatehouse:
    """One agent and its centre in ``folder``, as the comparison with another gateway drives them."""

    name = "gatehouse"

    def __init__(self, folder: Path, broker: Broker) -> None:
        self._rig = Rig(folder, broker)

    @property
    def child(self) -> Child:
        return self._rig.edge

    async def start(self, *, cold: bool) -> None:
        """Up, and then cut off from its centre. ``cold``: it has never reached it since it was switched on."""
        await self._rig.start_server()
        await self._rig.enrol()
        if cold:
            self._rig.server.stop()
        await self._rig.start_edge()
        if not cold:
            self._rig.server.stop()

    async def restart(self) -> None:
        """Start it again after a kill; its centre is back."""
        await self._rig.start_server()
        await self._rig.start_edge()

    def rows(self) -> int:
        return self._rig.edge_head()

    def facts(self) -> list[str]:
        """The devices' own numbers of every event in the agent's log."""
        path = self._rig.edge_folder / "data" / "log.db"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
            found = (_SOURCE_ID.search(body) for (body,) in db.execute("SELECT body FROM record"))
            return [match[1].decode() for match in found if match]

    async def delivered(self, least: int) -> int:
        """Bring the centre back; how many events it holds once it holds all that the log took."""
        await self._rig.start_server()
        await self._rig.drained(least)
        return self._rig.centre_count()

    def stop(self) -> None:
        self._rig.edge.stop(5.0)
        self._rig.server.stop(5.0)
