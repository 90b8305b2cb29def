"""Statements by hand, and records removed by hand: for tests of what the centre makes of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from sqlalchemy import delete, select

from domain.days import day_number
from domain.events import Event
from server.conservation import Balance
from server.gateway_auth import Gateway as Enrolled
from server.store.schema import batch
from tests.server.centre import Centre, Gateway

ZONE = "Asia/Shanghai"
TODAY = day_number(datetime.now(UTC), ZoneInfo(ZONE))


def routine(number: int, at: datetime | None = None) -> Event:
    return Event(kind="input", device="x:1", source_event_id=str(number), recorded_at=at)


def row(produced: int, through: int | None = None, day: int = TODAY, **counts: Any) -> list[Any]:
    """A row as the wire has it; all held and sent unless told otherwise."""
    said = {"held": produced, "unsent": 0, "trimmed": 0, "dropped": 0, "stream": "routine", "epoch": "e1"} | counts
    through = produced if through is None else through
    numbers = [produced, said["held"], said["unsent"], said["trimmed"], said["dropped"], through]
    return [said["stream"], said["epoch"], day, *numbers]


async def state(gateway: Gateway, *rows: list[Any], **changes: Any) -> httpx.Response:
    """Post a statement whose streams go by the last of the rows."""
    streams = {line[0]: {"epoch": line[1], "through": line[-1]} for line in rows}
    said = {"made_at": datetime.now(UTC).isoformat(), "zone": ZONE, "streams": streams, "rows": rows} | changes
    return await gateway.client.post("/v1/statements", json=said, headers=gateway.headers())


async def check(here: Centre, gateway: Gateway, *, is_full: bool = True) -> Balance:
    await here.settled()
    return await here.house.conservation.check(Enrolled(gateway.id, "garden"), is_full=is_full)


def verdicts(found: Balance) -> dict[int, str]:
    return {day.day: day.verdict for day in found.days if day.stream == "routine"}


async def remove_batch(here: Centre, gateway: Gateway, number: int = 0) -> tuple[int, int]:
    """Delete a batch row, as a hand would; its first and last sequence."""
    query = select(batch).where(batch.c.gateway == gateway.id).order_by(batch.c.position)
    async with here.house.db.write() as connection:
        victim = (await connection.execute(query)).all()[number]
        await connection.execute(delete(batch).where(batch.c.position == victim.position))
    return victim.first, victim.last
