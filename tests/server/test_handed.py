"""What time and erasures do to what platforms are owed: bodies go by their class, counts stay, who was sent is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.feeds.classes import OF_RECORDS
from domain.retention import Terms
from server.cells.depart import NotMoved
from server.retention import handed
from server.store import handover_rows
from server.store.engine import Database, stamp
from server.store.platform_tables import handover
from tests.server.engines import SQLITE, Engine, chosen, open_database
from tests.server.test_cells import move
from tests.server.two_cells import departure, fill, two_cells

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
TERMS = Terms()
ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


def row(number: int, state: str, data_class: str = "door", *, days: float = 0, **more: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"platform": "p1", "id": bytes([number]) * 16, "complex": "garden", "device": "x:1"}
    said |= {"data_class": data_class, "number": number, "urgent": 0, "attempts": 0, "state": state, "body": b"{}"}
    return said | {"offered_at": stamp(NOW - timedelta(days=days))} | more


@asynccontextmanager
async def owing(folder: Path, engine: Engine, *rows: dict[str, Any]) -> AsyncIterator[Database]:
    async with open_database(folder, engine) as db:
        async with db.write() as connection:
            for one in rows:
                await handover_rows.offer(connection, [one])
        yield db


async def kept(db: Database) -> dict[int, tuple[str, bool, str | None]]:
    """By number: its state, whether its body is there, and why."""
    async with db.read() as connection:
        found = await connection.execute(handover.select())
        return {one.number: (one.state, one.body is not None, one.reason) for one in found}


async def test_bodies_go_with_their_class_and_what_waited_is_not_sent(tmp_path: Path, engine: Engine) -> None:
    longer = TERMS.door + 1
    assert TERMS.video_index < TERMS.door < TERMS.alarm, "the default terms this test goes by"
    rows = [
        row(1, "waiting", days=longer),
        row(2, "refused", days=longer, reason="no such lane"),
        row(3, "waiting", days=longer, complex="held"),
        row(4, "waiting", "alarm", days=longer),
        row(5, "waiting", "behaviour", days=TERMS.video_index + 1),
        row(6, "waiting", days=TERMS.video_index + 1),
        row(7, "accepted", days=longer, body=None),
    ]
    async with owing(tmp_path, engine, *rows) as db:
        async with db.write() as connection:
            assert await handed.expire(connection, TERMS, ["held"], NOW, 100) == 3
            assert await handed.expire(connection, TERMS, ["held"], NOW, 100) == 0
        assert await kept(db) == {
            1: ("withheld", False, "expired"),
            2: ("refused", False, "expired"),
            3: ("waiting", True, None),
            4: ("waiting", True, None),
            5: ("withheld", False, "expired"),
            6: ("waiting", True, None),
            7: ("accepted", False, None),
        }
        async with db.read() as connection:
            far = NOW - timedelta(days=1_000)
            made = await handover_rows.of_day(connection, "p1", "d", far, NOW + timedelta(days=1))
        assert made.total.offered == 7, "what has no body is still counted"


@ON_SQLITE
@pytest.mark.parametrize("data_class", OF_RECORDS)
async def test_no_class_is_kept_for_ever(tmp_path: Path, engine: Engine, data_class: str) -> None:
    """A class without a term would keep its bodies: one that is added needs its line in ``handed``."""
    async with owing(tmp_path, engine, row(1, "waiting", data_class, days=10_000)) as db, db.write() as connection:
        assert await handed.expire(connection, TERMS, [], NOW, 100) == 1


@ON_SQLITE
async def test_control_a_class_without_a_term_is_seen(tmp_path: Path, engine: Engine) -> None:
    async with owing(tmp_path, engine, row(1, "waiting", "salary", days=10_000)) as db, db.write() as connection:
        assert await handed.expire(connection, TERMS, [], NOW, 100) == 0


async def test_rows_go_with_the_audits_term_and_never_with_a_body(tmp_path: Path, engine: Engine) -> None:
    longer = TERMS.audit + 1
    rows = [
        row(1, "accepted", days=longer, body=None),
        row(2, "waiting", days=longer),
        row(3, "accepted", days=TERMS.audit - 1, body=None),
        row(4, "accepted", days=longer, body=None, complex="held"),
    ]
    async with owing(tmp_path, engine, *rows) as db:
        async with db.write() as connection:
            assert await handed.forget(connection, TERMS, ["held"], NOW, 100) == 1
        assert set(await kept(db)) == {2, 3, 4}


async def test_who_was_sent_a_record_is_told_of_its_erasure(tmp_path: Path, engine: Engine) -> None:
    """Whoever may have it: what was accepted or refused left, and so did what was sent once without an answer."""
    rows = [
        row(1, "accepted", body=None),
        row(2, "refused"),
        row(3, "sent"),
        row(4, "waiting", attempts=1),
        row(5, "waiting"),
        row(6, "withheld", body=None),
        row(1, "accepted", body=None, platform="p2"),
        row(7, "elsewhere", body=None),
    ]
    async with owing(tmp_path, engine, *rows) as db, db.read() as connection:
        found = await handed.sent_to(connection, [bytes([number]) * 16 for number in range(1, 8)])
        assert await handed.sent_to(connection, []) == {}
    names = {name: sorted(int(one[:2], 16) for one in ids) for name, ids in found.items()}
    assert names == {"platform:p1": [1, 2, 3, 4], "platform:p2": [1]}


@pytest.mark.parametrize("state", ["waiting", "sent"])
async def test_a_complex_is_not_let_go_while_a_platform_has_not_answered(tmp_path: Path, state: str) -> None:
    async with two_cells(tmp_path, (chosen()[0], chosen()[0])) as (east, west):
        await fill(east)
        async with east.house.db.write() as connection:
            await handover_rows.offer(connection, [row(1, state), row(2, "waiting", complex="river")])
        await move(east, west)
        with pytest.raises(NotMoved, match="p1 has not answered"):
            await departure(east).let_go("garden")
        async with east.house.db.write() as connection:
            settled = [handover_rows.Settled(bytes([1]) * 16, "accepted", None)]
            await handover_rows.settle(connection, "p1", settled, NOW)
        await departure(east).let_go("garden")
