"""The whole hand-over to a platform of GA/T 1400: claimed and counted, sent, settled; alone, and beside a slow one."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks.feed import made, peer
from benchmarks.rows import Row, row
from domain.feeds.basis import Basis
from domain.feeds.statement import Statement
from server import own_loop
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.handing import Handing
from server.feeds.offering import Kept
from server.feeds.sender import Offer
from server.store import address, handover_rows, platform_rows
from server.store.engine import Database, stamp
from server.store.platform_rows import Platform

_AT_ONCE, _ANSWER_S, _LEAST_SHARE = 400, 5.0, 0.8
_QUICK, _SLOW = "quick", "slow"


class Run(NamedTuple):
    """``slow_taken``: what the slow platform had taken when the quick one had all."""

    seconds: float
    statement: Statement
    slow_taken: int


async def handed_rows(count: int) -> list[Row]:
    """Records a second with the hand-over's own work in them, and what a slow platform costs another."""
    alone = await asyncio.to_thread(_on_the_servers_loop, count, False)
    beside = await asyncio.to_thread(_on_the_servers_loop, count, True)
    rate, slowed = (round(count / run.seconds) for run in (alone, beside))
    share = round(slowed / rate, 2)
    what = f"the same while another platform takes {_ANSWER_S:g} s an answer"
    return [
        row("the same, offered, claimed, audited and settled", rate, "records/s", **_balance(alone.statement)),
        row(what, slowed, "records/s", **_balance(beside.statement), slow_taken=beside.slow_taken),
        row("of the rate without it", share, "x", at_least=_LEAST_SHARE),
    ]


def _balance(one: Statement) -> dict[str, Any]:
    """The statement, which adds up or is none."""
    return {"statement": {name: getattr(one.total, name) for name in ("offered", "accepted", "refused", "waiting")}}


def _on_the_servers_loop(count: int, has_slow: bool) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        return own_loop.run(_measured(Path(folder), count, has_slow))


async def _measured(folder: Path, count: int, has_slow: bool) -> Run:
    db = Database(address.of(folder, ""))
    async with contextlib.AsyncExitStack() as stack:
        sender, offers = await made(folder, db, await stack.enter_async_context(peer()), count)
        slow_at = await stack.enter_async_context(peer(_ANSWER_S)) if has_slow else None
        slow = (await made(folder, db, slow_at, 0))[0] if slow_at else None
        for name in (_QUICK, *([_SLOW] if slow else [])):
            await _owe(db, name, offers)
        stack.push_async_callback(db.close)
        stack.push_async_callback(sender.close)
        return await _run(db, sender, slow)


async def _run(db: Database, sender: Gat1400Sender, slow: Gat1400Sender | None) -> Run:
    await sender.session.online()
    held = asyncio.create_task(_all(Handing(_SLOW, slow, db, _now, _no_pause, _AT_ONCE))) if slow else None
    began = time.perf_counter()
    await _all(Handing(_QUICK, sender, db, _now, _no_pause, _AT_ONCE))
    seconds = time.perf_counter() - began
    if held is not None and slow is not None:
        held.cancel()
        await asyncio.wait([held])
        await slow.session.close()
    async with db.read() as connection:
        span = (_now() - timedelta(days=1), _now() + timedelta(days=1))
        statement = await handover_rows.of_day(connection, _QUICK, "today", *span)
        others = await handover_rows.of_day(connection, _SLOW, "today", *span)
    if statement.total.accepted != statement.total.offered:
        raise RuntimeError(f"not all was accepted: {_balance(statement)}")
    return Run(seconds, statement, others.total.accepted)


async def _all(handing: Handing) -> None:
    while (found := await handing.step()) is not None:
        if found is False:
            await asyncio.sleep(0.1)


async def _owe(db: Database, name: str, offers: Sequence[Offer]) -> None:
    span = {"since": _now() - timedelta(days=1), "until": _now() + timedelta(days=1)}
    basis = Basis(unit="u", document="d", classes=frozenset({"vehicle"}), **span)
    one = Platform(id=name, name=name, kind="gat1400", address="", settings={}, is_on=True)
    rows = [_owed(name, number, offer) for number, offer in enumerate(offers)]
    async with db.write() as connection:
        await platform_rows.add(connection, one)
        await platform_rows.record_basis(connection, name, basis, "bench", _now())
        await handover_rows.offer(connection, rows)


def _owed(name: str, number: int, offer: Offer) -> dict[str, Any]:
    kept = Kept(offer.event, offer.fact.header, 0, offer.fact.received_at)
    said = {"platform": name, "id": offer.id, "complex": offer.fact.complex, "device": offer.event.device}
    said |= {"data_class": offer.data_class, "number": number, "urgent": 0, "attempts": 0, "state": "waiting"}
    return {**said, "offered_at": stamp(_now()), "body": msgspec.json.encode(kept)}


def _no_pause(_failures: int) -> float:
    return 0.0


def _now() -> datetime:
    return datetime.now(UTC)
