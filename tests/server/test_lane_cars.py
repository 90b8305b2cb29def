"""Who stands at a lane, from reads that come in any order and from cameras that are behind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.events import Event, Subject
from domain.wire import Header
from server.batches import Batch
from server.facts import Fact
from server.feeds.lane_cars import LaneCars
from server.store.engine import Database
from server.store.payment_tables import lane_car
from tests.server import rows
from tests.server.engines import Engine, open_database

NOW = datetime(2026, 11, 27, 4, tzinfo=UTC)
FIRST, SECOND = "粤B12345", "粤B54321"


class Told(Batch):
    """A batch of facts as a reader gets it, without its bytes."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._here = list(facts)

    def facts(self, kinds: Any = None) -> list[Fact]:
        return [fact for fact in self._here if fact.event.kind in kinds]


def fact(number: int, plate: str, result: str, *, camera_s: float = 0.0) -> Fact:
    """A car at the exit, recorded in the ``number``-th second; its camera's clock is ahead by ``camera_s``."""
    at = NOW + timedelta(seconds=number)
    event = Event(
        kind="plate",
        device="vzenith:1",
        lane="out",
        direction="out",
        subject=Subject(type="plate", id=plate),
        result=result,
        reason="due" if result == "pending" else "paid",
        time=at + timedelta(seconds=camera_s),
        recorded_at=at,
    )
    return Fact(event, rows.GARDEN, Header("gw-1", "money", "e1", number, number, "event", 1), 0, NOW)


async def stands(db: Database, *told: Fact) -> str:
    """Whose plate the lane has, after reads that came one by one."""
    for one in told:
        async with db.write(rows.GARDEN) as connection:
            await LaneCars().fold(connection, [Told([one])])
    async with db.read() as connection:
        return (await connection.execute(select(lane_car.c.plate))).scalar_one()


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_latest_of_a_lane_stands_in_whatever_order_it_is_told(
    tmp_path: Path, engine: Engine, order: tuple[int, ...]
) -> None:
    told = [fact(1, FIRST, "pending"), fact(2, FIRST, "granted"), fact(3, SECOND, "pending")]
    async with open_database(tmp_path, engine) as db:
        assert await stands(db, *(told[index] for index in order)) == SECOND


async def test_a_camera_that_is_behind_hides_nobody(tmp_path: Path, engine: Engine) -> None:
    by_hand = fact(1, FIRST, "granted")
    behind = fact(2, SECOND, "pending", camera_s=-40)
    async with open_database(tmp_path, engine) as db:
        assert await stands(db, by_hand, behind) == SECOND


async def test_who_was_let_through_within_the_millisecond_stands_there_no_more(tmp_path: Path, engine: Engine) -> None:
    read = fact(1, FIRST, "pending")
    through = msgspec.structs.replace(fact(1, FIRST, "granted"))
    async with open_database(tmp_path, engine) as db:
        assert await stands(db, through, read) == ""
