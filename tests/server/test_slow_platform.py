"""A platform that does not answer holds up neither alerts nor another platform: both are through while it is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.feeds.basis import Basis
from server.feeds.handing import Handing
from server.feeds.sender import Offer, Verdict
from server.store import platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.store.platform_tables import handover
from server.store.schema import alert
from simulators.upper.platform import PASSWORD_FILE
from tests.rig import until
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import SQLITE, Engine
from tests.server.test_platforms import NOW, alarm, all_in, listening

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


async def add(db: Database, id_: str, address: str, **more: Any) -> None:
    said: dict[str, Any] = {"name": id_, "kind": "webhook", "settings": {}, "is_on": True} | more
    span = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=1)}
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset({"alarm"}), **span)
    async with db.write() as connection:
        await platform_rows.add(connection, Platform(id=id_, address=address, **said))
        await platform_rows.record_basis(connection, id_, basis, "wang", NOW)


class Silent:
    """Takes a call, and says nothing until it is let."""

    def __init__(self) -> None:
        self.calls, self.may, self.port = 0, asyncio.Event(), 0

    async def take(self, _reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        await self.may.wait()


@asynccontextmanager
async def silent() -> AsyncGenerator[Silent]:
    one = Silent()
    server = await asyncio.start_server(one.take, "127.0.0.1", 0)
    one.port = server.sockets[0].getsockname()[1]
    try:
        yield one
    finally:
        one.may.set()
        server.close()


async def elsewhere(here: Centre, gateway: Gateway, far: int) -> None:
    """Another platform is added while the first is being asked; then a fire breaks out at another device."""
    await add(here.house.db, "quick", f"http://127.0.0.1:{far}/")
    await gateway.send(*(alarm(n) for n in range(1, 31)))
    await gateway.send(msgspec.structs.replace(alarm(99), device="x:2"))


@pytest.mark.parametrize("kind", ["webhook", "gat1400"])
@ON_SQLITE
async def test_others_are_through_while_its_first_request_is_open(tmp_path: Path, engine: Engine, kind: str) -> None:
    more: dict[str, Any] = {"kind": kind}
    if kind == "gat1400":
        more |= {"settings": {"device_id": "33010600011200000001"}, "secret_file": PASSWORD_FILE}
    async with silent() as slow, listening() as socket, centre(tmp_path, engine) as here:
        (here.house.folder / PASSWORD_FILE).write_text("x")
        gateway = await here.gateway()
        await add(here.house.db, "slow", f"http://127.0.0.1:{slow.port}/", **more)
        await gateway.send(alarm(0))
        await until(lambda: slow.calls)
        await here.wait_for(handover, len, platform="slow")  # a call may be of its session alone
        await elsewhere(here, gateway, socket.port)
        await here.wait_for(handover, all_in("accepted", 31), platform="quick")
        await here.wait_for(alert, lambda rows: any(row["device"] == "x:2" for row in rows))
        waits = await here.rows(handover, platform="slow")
        assert len(waits) == 32 and all(row["state"] in ("sent", "waiting") for row in waits)
        assert slow.calls == 1, "its first request had ended: others may have waited for that"


@ON_SQLITE
async def test_control_one_hand_over_for_all_would_let_the_other_wait(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other: what the test above must see."""
    turn, waits, send = asyncio.Lock(), list[str](), Handing._send

    async def in_turn(self: Handing, offers: Sequence[Offer]) -> list[Verdict]:
        waits.append(self.platform)
        async with turn:
            return await send(self, offers)

    monkeypatch.setattr(Handing, "_send", in_turn)
    async with silent() as slow, listening() as socket, centre(tmp_path, engine) as here:
        gateway = await here.gateway()
        await add(here.house.db, "slow", f"http://127.0.0.1:{slow.port}/")
        await gateway.send(alarm(0))
        await until(lambda: slow.calls)
        await elsewhere(here, gateway, socket.port)
        await until(lambda: waits == ["slow", "quick"])
        assert not any(row["state"] == "accepted" for row in await here.rows(handover, platform="quick"))
        assert slow.calls == 1
