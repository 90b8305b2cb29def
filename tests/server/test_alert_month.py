"""A month of a complex: sums against a history that is added up here, at the complex's midnights, and whose it is."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from domain.alerts.noise import Judged, Source
from server.api.alert_month import Month, figures
from server.store import alert_months, schema, silence_rows
from server.store.engine import stamp
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city

FIRST, END = (datetime(2026, month, 1, tzinfo=rows.SHANGHAI) for month in (3, 4))
EDGES = (FIRST, FIRST - timedelta(seconds=1), END - timedelta(seconds=1), END)
CATEGORIES, SEVERITIES = ("security", "fire", "safety", "device"), ("critical", "high", "medium", "low")
LEVELS = (None, None, "community", "street", "department")


def times(dice: random.Random, count: int) -> list[datetime]:
    """From a week before the month to a week after it, and at its edges."""
    return [*EDGES, *(FIRST + timedelta(hours=dice.uniform(-168, 912)) for _ in range(count))]


def alerts() -> list[dict[str, Any]]:
    dice = random.Random(5)
    return [
        {
            "at": at,
            "complex": dice.choice((rows.GARDEN, rows.GARDEN, rows.RIVER)),
            "category": dice.choice(CATEGORIES),
            "severity": dice.choice(SEVERITIES),
            "device": f"x:{dice.randrange(3)}",
            "false": dice.choice((True, False, None)),
        }
        for at in times(dice, 200)
    ]


def matters() -> list[dict[str, Any]]:
    dice = random.Random(6)
    found: list[dict[str, Any]] = []
    for at in times(dice, 120):
        taken, ended = dice.choice((None, dice.randrange(4_000))), dice.choice((None, dice.randrange(4_000, 99_000)))
        why = None if ended is None else dice.choice(("closed", "false", "unanswered"))
        complex_id, at_top = dice.choice((rows.GARDEN, rows.RIVER)), dice.randrange(2)
        row = {"complex": complex_id, "climbed_to": dice.choice(LEVELS), "at_top": at_top, "taken_s": taken}
        found.append({"at": at, **row, "ended_s": ended, "ended_why": why, "status": "ended" if why else "open"})
    return found


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            for number, one in enumerate(alerts()):
                said = {name: one[name] for name in ("complex", "category", "severity", "device")}
                row = rows.alert_row(f"m{number}", **said, rule="crowd", occurred_at=one["at"].astimezone(UTC))
                await rows.insert(connection, schema.alert, row)
                if one["false"] is not None:
                    of = Source(one["complex"], one["device"], "crowd")
                    later = one["at"] + timedelta(days=40)  # by whom and when it was judged is no matter
                    await silence_rows.judge(connection, [Judged(of, f"m{number}", later, one["false"])], "li")
            for number, one in enumerate(matters()):
                at = stamp(one["at"].astimezone(UTC))
                row = {"incident": f"i{number}", "category": "fire", "place": "x", "state": b"{}", "revision": 1}
                row |= {"level": "complex", "person": "", "severity": "high", "opened_at": at, "updated_at": at}
                row |= {name: word for name, word in one.items() if name != "at"}
                await rows.insert(connection, schema.duty_state, row)
        yield made


async def month(town: City, complex_id: str = rows.GARDEN, now: datetime | None = None) -> Month:
    within = alert_months.Within(complex_id, FIRST, END)
    async with town.house.db.read() as connection:
        return await figures(connection, within, now or town.house.now())


def here(one: dict[str, Any]) -> bool:
    return one["complex"] == rows.GARDEN and FIRST <= one["at"] < END


async def test_alerts_and_what_people_said_of_them_are_those_of_the_history(town: City) -> None:
    found, told = await month(town), [one for one in alerts() if here(one)]
    assert found.total == len(told) > 50
    for category in CATEGORIES:
        its = [one for one in told if one["category"] == category]
        assert found.of(category) == len(its)
        for severity in SEVERITIES:
            assert found.of(category, severity) == sum(one["severity"] == severity for one in its)
    assert found.judged == sum(one["false"] is not None for one in told)
    assert found.false == sum(one["false"] is True for one in told)
    for source in found.noisiest:
        its = [one for one in told if one["device"] == source.device]
        said = [one["false"] for one in its if one["false"] is not None]
        assert source[2:] == (len(its), len(said), sum(said))
    assert [one.alerts for one in found.noisiest] == sorted((one.alerts for one in found.noisiest), reverse=True)


async def test_times_and_climbing_are_those_of_the_history(town: City) -> None:
    found, told = await month(town), [one for one in matters() if here(one)]
    assert found.matters == len(told) > 20
    taken = sorted(one["taken_s"] for one in told if one["taken_s"] is not None)
    ended = sorted(one["ended_s"] for one in told if one["ended_why"] in ("closed", "false"))
    for spans, ordered in ((found.taken, taken), (found.ended, ended)):
        median, nine = statistics.median_low(ordered), ordered[math.ceil(0.9 * len(ordered)) - 1]
        assert spans == (len(ordered), median, nine)
    for level in ("community", "street", "department"):
        assert found.climbed.get(level, 0) == sum(one["climbed_to"] == level for one in told)
    assert found.at_top == sum(one["at_top"] for one in told)
    assert found.unanswered == sum(one["ended_why"] == "unanswered" for one in told)
    assert found.goes_on == sum(one["status"] == "open" for one in told)


async def test_online_time_of_the_month_with_a_box_that_was_replaced(town: City) -> None:
    """One box to the 11th, the next from the 11th on; each heard half of every hour."""
    turn = FIRST + timedelta(days=10)
    async with town.house.db.write() as connection:
        await connection.execute(update(schema.gateway).values(enrolled_at=stamp(END.astimezone(UTC))))
        for identity, since, until in (("b1", FIRST - timedelta(days=60), turn), ("b2", turn, None)):
            began = stamp(since.astimezone(UTC))
            box: dict[str, Any] = {"id": identity, "complex": rows.GARDEN, "public_key": {}, "enrolled_at": began}
            box |= {"replaced_at": until and stamp(until.astimezone(UTC)), "last_seen_at": began}
            await rows.insert(connection, schema.gateway, box)
            health = {"gateway": identity, "at": began, "version": "1", "trouble": 0, "counted_since": began}
            health |= {"devices": 4}
            await rows.insert(connection, schema.gateway_health, health)
            for place in range(33):  # days of UTC, that begin in the month before
                day = (FIRST - timedelta(days=1)).date() + timedelta(days=place)
                hours: dict[str, list[int]] = {}
                for hour in range(24):
                    at = datetime(day.year, day.month, day.day, hour, tzinfo=UTC)
                    if (identity == "b1") == (at < turn):
                        hours[str(hour)] = [1_800, 7_200, 5_400]
                row: dict[str, Any] = {"gateway": identity, "place": place, "day": day.isoformat(), "hours": hours}
                await rows.insert(connection, schema.gateway_online, row)
    online = (await month(town)).online
    assert online.gateway_due_s == 31 * 86_400 and online.gateways == 0.5
    assert online.device_due_s == 31 * 86_400 * 4 and online.devices == pytest.approx(0.375)
    half = await month(town, now=turn)
    assert half.online.gateway_due_s == 10 * 86_400 and half.online.gateways == 0.5


async def test_the_page_its_chooser_and_who_may_not_see_it(town: City) -> None:
    li, zhao, wang = await town.visitor("li"), await town.visitor("zhao"), await town.visitor("wang")
    page = await li.page("/alerts/month/garden/2026-03")
    assert f"<b>{len([one for one in alerts() if here(one)])}</b>报警" in page and "print.css" in page
    assert 'href="/alerts/month/garden/2026-02"' in page and 'href="/alerts/month/garden/2026-04"' in page
    assert (await zhao.get("/alerts/month/garden/2026-03")).status_code == 404
    assert (await zhao.get("/alerts/month/garden")).status_code == 404
    assert "阳光花园" not in await zhao.page("/alerts/month?complex=garden")
    assert (await li.get("/alerts/month")).headers["location"] == "/alerts/month/garden"  # the only one
    assert (await wang.get("/alerts/month?complex=river&month=2026-03")).headers["location"].endswith("/river/2026-03")
    assert "滨河小区" in await wang.page("/alerts/month")
    assert (await wang.get("/alerts/month/garden/2026-13")).status_code == 404
    assert "这个月没有报警" in await wang.page("/alerts/month/garden/2020-01")
    assert (await (await town.visitor("sun")).get("/alerts/month/garden/2026-03")).status_code == 403
