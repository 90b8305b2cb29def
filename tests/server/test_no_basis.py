"""With no basis in force nothing leaves, whatever the protocol: real sockets are watched, for every kind there is."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest

from domain.events import Event, Subject
from domain.feeds.basis import Basis
from domain.feeds.classes import CLASSES
from domain.viid.sources import Coded
from server.api.platforms import KINDS, SCHEMES
from server.config import Config
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.platform_worker import MakeSender, Platforms
from server.feeds.protocols import protocols
from server.house import House
from server.store import platform_rows, viid_rows
from server.store.platform_rows import Platform
from server.store.platform_tables import handover, platform
from server.viid.settings import Peer, Settings
from tests.domain.viid.test_cascade_words import SUBSCRIBED
from tests.rig import until
from tests.server.centre import GARDEN, Centre, centre
from tests.server.engines import SQLITE, Engine
from tests.server.test_platforms import NOW, FarEnd, alarm, allow, owed, swipe

EVERY_KIND = sorted(protocols(cast("House", None)))  # a new protocol is tested by being one
ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
OURS, ORG, UPPER, CAMERA = "33010600015030000001", "330106000000", "33010600005030000001", "33010600011190000001"
_ITEM = {"item": {"code": CAMERA, "name": "东门"}, "complex": GARDEN.id, "device": "x:1"}
_QUICK = {"first_s": 0.1, "longest_s": 0.4, "give_up_s": 2.0}
_DAY = timedelta(days=1)
BASIS = Basis(unit="u", document="d", classes=frozenset({"vehicle"}), since=NOW - _DAY, until=NOW + _DAY)
# What a kind cannot do without.
SETTINGS: dict[str, dict[str, Any]] = {
    "gat1400": {"device_id": "33010600011200000001"},
    "gb28181": {"server": "33010600002000000001", "ours": OURS, "items": [_ITEM], "timers": _QUICK},
}


class Watch(asyncio.DatagramProtocol):
    """Whoever calls, or sends a datagram, at one port; nobody is answered."""

    def __init__(self) -> None:
        self.calls, self.open, self.port = 0, 0, 0

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.calls += 1

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self.open += 1
        try:
            while await reader.read(65_536):
                self.calls += 1
        except ConnectionError:
            pass
        self.open -= 1
        writer.close()


@asynccontextmanager
async def watched() -> AsyncGenerator[Watch]:
    """A port of loopback, for both."""
    one, loop = Watch(), asyncio.get_running_loop()
    server = await asyncio.start_server(one.take, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setblocking(False)
    datagrams.bind(("127.0.0.1", one.port))
    transport, _ = await loop.create_datagram_endpoint(lambda: one, sock=datagrams)
    try:
        yield one
    finally:
        transport.close()
        server.close()


@asynccontextmanager
async def owing(folder: Path, engine: Engine, kind: str, port: int) -> AsyncGenerator[Centre]:
    """A platform of a kind that is on, set up whole, and has no basis."""
    secret = folder / "far.secret"
    secret.write_text("a word of the platform")
    at = f"{SCHEMES[kind][0]}://127.0.0.1:{port}"
    told_at = f"http://127.0.0.1:{port}/VIID"
    upper = Peer(UPPER, "upper", secret.name, everywhere=True, report_to=told_at, platform="city")
    config = Config(complexes=[GARDEN], viid=Settings(OURS, ORG, peers=[upper]))
    async with centre(folder, engine, config) as here:
        said: dict[str, Any] = {"kind": kind, "address": at, "settings": SETTINGS.get(kind, {})}
        one = Platform(id="city", name="市局", is_on=True, secret_file=secret.name, **said)
        await DeviceCodes(here.house.db, "city").replace([((GARDEN.id, "x:1"), Coded(CAMERA))])
        wish = msgspec.structs.replace(
            SUBSCRIBED, receive_at=f"{told_at}/x", sources=(OURS,), begins_at=NOW - timedelta(1)
        )
        async with here.house.db.write() as connection:
            await platform_rows.add(connection, one)
            await viid_rows.subscribe(connection, UPPER, wish, NOW)
        yield here


def some(number: int) -> list[Event]:
    """Something of what every protocol carries."""
    car = Subject(type="plate", id="浙A00001", plate_color="blue", plate_status="read")
    seen = Event(kind="plate", device="x:1", time=datetime.now(UTC), subject=car, source_event_id=f"c{number}")
    return [alarm(number), swipe(number), seen]


async def stands(here: Centre, *sessions: str) -> None:
    await here.wait_for(platform, lambda rows: rows[0]["session"] in sessions)


def test_every_protocol_can_be_recorded_and_is_watched_here() -> None:
    assert sorted(KINDS) == EVERY_KIND == sorted(SCHEMES)


@pytest.mark.parametrize("kind", EVERY_KIND)
@ON_SQLITE
async def test_nothing_leaves_before_a_basis_nor_after_it(tmp_path: Path, engine: Engine, kind: str) -> None:
    """Then a basis is recorded and the same socket is called: the watch works. Then it ends, in the midst of that."""
    async with watched() as far, owing(tmp_path, engine, kind, far.port) as here:
        gateway = await here.gateway()
        await stands(here, "silent")
        await gateway.send(*some(1))
        await here.settled()
        assert await here.rows(handover) == []
        assert not far.calls
        number = await allow(here.house.db, *CLASSES)
        await stands(here, "opening", "open", "ill")
        await gateway.send(*some(2))
        await until(lambda: far.calls)
        await here.settled()
        offered = await here.rows(handover)
        assert offered
        async with here.house.db.write() as connection:
            assert await platform_rows.end_basis(connection, "city", number, "wang", "期满", datetime.now(UTC))
        await stands(here, "silent")
        await until(lambda: not far.open)  # what was under way is broken off
        calls = far.calls
        await gateway.send(*some(3))
        await here.settled()
        left = await here.wait_for(handover, lambda rows: all(row["state"] in ("withheld", "sent") for row in rows))
        assert len(left) == len(offered), "what came after the end is not even offered"
        assert far.calls == calls


@ON_SQLITE
async def test_a_basis_ends_by_itself_at_its_moment(tmp_path: Path, engine: Engine) -> None:
    """By the clock alone, nobody ending it: the next look closes the session."""
    async with owed(tmp_path, engine) as here:
        until_ = NOW + timedelta(days=9)  # as the basis has it
        moment = [until_]
        kinds: dict[str, MakeSender] = {"by_hand": lambda _one, _secret: FarEnd()}
        worker = Platforms(here.house.db, tmp_path, kinds, lambda: moment[0], lambda _: 30.0)
        for at, running in ((until_, []), (until_ - timedelta(milliseconds=1), ["city"]), (until_, [])):
            moment[0] = at
            await worker.look()
            assert worker.running == running
        await worker.stop()


@ON_SQLITE
async def test_control_one_who_asks_for_no_basis_is_seen(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control, of a protocol that opens a session."""
    whole = platform_rows.cover_of

    async def always(connection: Any, id_: str, now: datetime) -> Any:
        found = await whole(connection, id_, now)
        return found if found.bases else msgspec.structs.replace(found, bases=(BASIS,))

    monkeypatch.setattr(platform_rows, "cover_of", always)
    async with watched() as far, owing(tmp_path, engine, "gat1400", far.port):
        await until(lambda: far.calls)
