"""The overview: sums by complex and area against a history that is added up here; scope; the worst first."""

from __future__ import annotations

import io
import math
import random
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from openpyxl import load_workbook
from sqlalchemy import select, update

from domain.duty.acts import Acknowledge
from server.store import area_tree, schema
from server.store.engine import stamp
from server.store.scope import Scope
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

AREAS = {
    "d1": ("district", "东城区", None),
    "s1": ("street", "一街道", "d1"),
    "c1": ("community", "一社区", "s1"),
    "c2": ("community", "二社区", "s1"),
    "s2": ("street", "二街道", "d1"),
    "c3": ("community", "三社区", "s2"),
    "d2": ("district", "西城区", None),
    "s3": ("street", "三街道", "d2"),
    "c4": ("community", "四社区", "s3"),
}
HOMES = {f"p{number:02}": f"c{number % 4 + 1}" for number in range(18)} | {"alone": None}


class History(NamedTuple):
    """What was written: of each complex hours of gateways, matters and faults."""

    online: dict[str, list[tuple[int, int, int]]]  # complex -> a gateway each: seconds heard, devices, offline of them
    matters: list[tuple[str, str, str | None, int, int | None, float]]
    faults: list[tuple[str, str, str, float]]


def history() -> History:
    """Matters: complex, status, climbed to, at the top, taken after seconds, opened days ago."""
    dice = random.Random(11)
    online = {
        home: [(dice.randrange(20, 25) * 3_600, dice.randrange(1, 9), dice.randrange(2)) for _ in range(2)]
        for home in HOMES
    }
    matters: list[Any] = []
    for _ in range(500):
        home, status = dice.choice(list(HOMES)), dice.choice(("open", "acknowledged", "ended", "ended"))
        taken = None if status == "open" else dice.randrange(5, 90_000)
        climbed = dice.choice((None, None, "community", "department"))
        matters.append((home, status, climbed, int(climbed == "department"), taken, dice.uniform(0, 45)))
    rules = ("device_offline", "alarm_video_loss", "alarm_battery_low")
    faults = [
        (dice.choice(list(HOMES)), f"x:{dice.randrange(6)}", dice.choice(rules), dice.uniform(0, 12))
        for _ in range(200)
    ]
    return History(online, matters, faults)


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine, is_filled=False) as made:
        await rows.add_people(made.house)
        async with made.house.db.write() as connection:
            for identity, (kind, name, parent) in AREAS.items():
                await rows.insert(
                    connection, schema.area, {"id": identity, "kind": kind, "name": name, "parent": parent}
                )
            await area_tree.settle(connection)
            for identity, area in HOMES.items():
                place = {"id": identity, "name": f"小区 {identity}", "timezone": "Asia/Shanghai", "area": area}
                await rows.insert(connection, schema.complex_, place)
            await rows.add_person(connection, "jie", "street", Scope(areas=frozenset({"s1"})))
            await rows.add_person(connection, "wu", "committee", Scope())
        await write(made, history())
        yield made


async def write(town: City, told: History) -> None:
    now = town.house.now()
    async with town.house.db.write() as connection:
        for home, gateways in told.online.items():
            for number, (heard, devices, down) in enumerate(gateways):
                await add_gateway(town, connection, home, f"{home}-{number}", heard, devices, down)
        for number, (home, status, climbed, at_top, taken, days) in enumerate(told.matters):
            at = stamp(now - timedelta(days=days))
            row = {"incident": f"i{number}", "complex": home, "category": "security", "place": "x", "state": b"{}"}
            row |= {"revision": 1, "status": status, "level": "complex", "person": "", "severity": "high"}
            row |= {"at_top": at_top, "opened_at": at, "updated_at": at, "climbed_to": climbed, "taken_s": taken}
            await rows.insert(connection, schema.duty_state, row)
        for number, (home, device, rule, days) in enumerate(told.faults):
            fault = {"complex": home, "device": device, "rule": rule, "category": "device"}
            at = now - timedelta(days=days)
            await rows.insert(connection, schema.alert, rows.alert_row(f"f{number}", **fault, occurred_at=at))


async def add_gateway(
    town: City, connection: Any, home: str, identity: str, heard: int, devices: int, down: int
) -> None:
    """Heard in the hours before this one, whole hours, counted since long ago."""
    now = town.house.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    old, seen = stamp(now - timedelta(days=90)), stamp(now - timedelta(minutes=5))
    row: dict[str, Any] = {"id": identity, "complex": home, "public_key": {}, "enrolled_at": old, "last_seen_at": seen}
    await rows.insert(connection, schema.gateway, row)
    health = {"gateway": identity, "at": seen, "version": "1", "trouble": 0, "counted_since": old, "devices": devices}
    await rows.insert(connection, schema.gateway_health, health)
    days: dict[str, dict[str, list[int]]] = {}
    for back in range(1, heard // 3_600 + 1):
        at = hour - timedelta(hours=back)
        up = 3_600 * (devices - min(down, devices))
        days.setdefault(at.date().isoformat(), {})[str(at.hour)] = [3_600, 3_600 * devices, up]
    for place, (day, hours) in enumerate(days.items()):
        await rows.insert(
            connection, schema.gateway_online, {"gateway": identity, "place": place, "day": day, "hours": hours}
        )


class Expected(NamedTuple):
    """Counted here, one by one."""

    gateways: float
    devices: float
    open: int
    taken: int
    overdue: int
    at_top: int
    p90: int | None
    faults: int


def expected(told: History, homes: set[str], due_s: float) -> Expected:
    gateways = [one for home in homes for one in told.online[home]]
    heard = sum(seconds for seconds, _, _ in gateways)
    up = sum(seconds * (devices - min(down, devices)) for seconds, devices, down in gateways)
    its = [one for one in told.matters if one[0] in homes]
    waiting = [one for one in its if one[1] == "open"]
    times = sorted(one[4] for one in its if one[4] is not None and one[5] < 30)
    return Expected(
        heard / (due_s * len(gateways)),
        up / (due_s * sum(devices for _, devices, _ in gateways)),
        len(waiting),
        sum(one[1] == "acknowledged" for one in its),
        sum(one[2] is not None or one[3] == 1 for one in waiting),
        sum(one[3] for one in waiting),
        times[math.ceil(0.9 * len(times)) - 1] if times else None,
        sum(home in homes and days < 7 for home, _, _, days in told.faults),
    )


async def table(visitor: Visitor, query: str = "") -> dict[str, tuple[Any, ...]]:
    """By id; the whole under ""."""
    answer = await visitor.get(f"/overview.xlsx{query}")
    assert answer.status_code == 200
    page = load_workbook(io.BytesIO(answer.content)).active
    assert page is not None
    lines = [tuple(cell.value for cell in row) for row in page.iter_rows(min_row=2)]
    return {str(line[-1] or ""): line for line in lines}


def same(line: tuple[Any, ...], wanted: Expected) -> None:
    assert float(line[3]) == pytest.approx(100 * wanted.gateways, abs=0.2)
    assert float(line[4]) == pytest.approx(100 * wanted.devices, abs=0.2)
    assert (*line[5:10], line[10]) == (*wanted[2:7], wanted.faults)


def homes_of(area: str) -> set[str]:
    below = {one for one, (_, _, parent) in AREAS.items() if one == area or parent == area}
    below |= {one for one, (_, _, parent) in AREAS.items() if parent in below}
    return {home for home, community in HOMES.items() if community in below}


def due_s(town: City) -> float:
    now = town.house.now()
    return 86_400 + (now - now.replace(minute=0, second=0, microsecond=0)).total_seconds()


async def test_sums_by_complex_area_and_all_are_those_of_the_history(town: City) -> None:
    found, told, due = await table(await town.visitor("wang")), history(), due_s(town)
    same(found[""], expected(told, set(HOMES), due))
    for home in HOMES:
        same(found[home], expected(told, {home}, due))
    for area in ("d1", "d2"):
        same(found[area], expected(told, homes_of(area), due))
    assert found["-"][2] == 1 and found["d1"][2] == len(homes_of("d1"))
    below = await table(await town.visitor("wang"), "?area=d1")
    assert set(below) - set(HOMES) == {"", "s1", "s2"}
    for area in ("s1", "s2"):
        same(below[area], expected(told, homes_of(area), due))
    assert set(below) & set(HOMES) == homes_of("d1")
    assert below[""][5:] == (*found["d1"][5:-1], None)


async def test_the_worst_stand_first(town: City) -> None:
    lines = [line for id_, line in (await table(await town.visitor("wang"))).items() if id_ in HOMES]
    orders = [(-line[7], float(line[3]), float(line[4])) for line in lines]
    assert [order[0] for order in orders] == sorted(order[0] for order in orders)
    assert orders == sorted(orders)


async def test_who_may_not_see_is_in_no_sum(town: City) -> None:
    jie = await town.visitor("jie")
    found, told = await table(jie), history()
    homes = homes_of("s1")
    assert set(found) & set(HOMES) == homes
    same(found[""], expected(told, homes, due_s(town)))
    same(found["d1"], expected(told, homes, due_s(town)))  # of a district, what of it they see
    assert "d2" not in found and "-" not in found
    page = await jie.page("/overview")
    assert "西城区" not in page and all(f"小区 {home}" not in page for home in set(HOMES) - homes)
    assert (await jie.get("/overview?area=d2")).status_code == 404
    assert (await jie.get("/overview.xlsx?area=c3")).status_code == 404
    assert set(await table(jie, "?area=-")) == {""}
    nobody = await table(await town.visitor("wu"))
    assert set(nobody) == {""} and nobody[""][2] == 0
    assert "这里还没有小区" in await (await town.visitor("wu")).page("/overview")
    assert (await (await town.visitor("li")).get("/overview")).status_code == 403  # a patrol
    for query in ("area=%00", "skip=-1", f"skip={2**70}"):
        assert (await (await town.visitor("wang")).get(f"/overview?{query}")).status_code == 422


async def test_the_page_drills_down_and_says_what_fails_most(town: City) -> None:
    wang, told = await town.visitor("wang"), history()
    page = await wang.page("/overview?area=s1")
    assert "一街道" in page and 'href="/overview?area=c1"' in page and 'href="/overview?area=d1"' in page
    counts: dict[tuple[str, str, str], int] = {}
    for home, device, rule, days in told.faults:
        if home in homes_of("s1") and days < 7:
            counts[home, device, rule] = counts.get((home, device, rule), 0) + 1
    top = sorted(counts.values(), reverse=True)[:10]
    box = page[page.index("故障最多的设备") :]
    assert [int(count) for count in re.findall(r'<td class="number">(\d+)</td>', box)] == top


async def test_a_gateway_that_was_replaced_counts_no_more_and_one_without_a_word_is_not_online(town: City) -> None:
    async with town.house.db.write() as connection:
        gone = update(schema.gateway).where(schema.gateway.c.id == "alone-1")
        await connection.execute(gone.values(replaced_at=stamp(town.house.now())))
        silent = update(schema.gateway).where(schema.gateway.c.id == "alone-0")
        await connection.execute(silent.values(last_seen_at=None))
        await connection.execute(schema.gateway_health.delete().where(schema.gateway_health.c.gateway == "alone-0"))
        await connection.execute(schema.gateway_online.delete().where(schema.gateway_online.c.gateway == "alone-0"))
    assert (await table(await town.visitor("wang")))["alone"][3:5] == ("0.0", None)


async def test_figures_of_a_matter_are_written_with_its_state(town: City) -> None:
    """By the ladder itself: opened, climbed, taken, closed."""
    house, opened = town.house, town.house.now() - timedelta(hours=1)
    async with house.db.write("p00") as connection:
        from server.store import duty_rows
        from server.store.duty_rows import Moved

        machine = rows.Duty(rows.BUILT_IN, rows.Rota(()), rows.Place())
        state, _ = machine.opened(rows.Matter("m1", "p00", "fire", "critical"), opened)
        at = opened
        while (state.owner.level) != "street":
            at = machine.next_at(state, at) or at
            state, _ = machine.due(state, at)
        state, _ = machine.apply(state, Acknowledge(key="k1", by="wang", level="street"), at + timedelta(seconds=7))
        await duty_rows.keep(connection, [Moved(duty_rows.Matter(state, "x", opened), is_new=True)], house.now())
        found = await connection.execute(select(schema.duty_state).where(schema.duty_state.c.incident == "m1"))
        row = found.mappings().one()
    assert (row["climbed_to"], row["ended_s"], row["ended_why"]) == ("street", None, None)
    assert row["taken_s"] == int((at - opened).total_seconds()) + 7


ONLINE = {  # of 10,000 s that a gateway with one device should be heard: heard, and its device online
    "even": (9_800, 9_500),
    "under": (9_799, 9_499),
    "box": (9_799, 9_500),
    "thing": (9_800, 9_499),
}
SAID = {"even": (98.0, 95.0), "under": (97.9, 94.9), "box": (97.9, 95.0), "thing": (98.0, 94.9)}
_RATE = re.compile(
    r'<td data-label="(?:网关|设备)在线率" class="number( bad)?">([\d.]+)%(?: <span class="falls-short">(.*?)</span>)?'
)


@pytest.fixture
async def edges(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    """Complexes that lie on the bounds, and the least below them."""
    async with city(tmp_path, engine, is_filled=False) as made:
        await rows.add_people(made.house)
        now = made.house.now().replace(microsecond=0)
        seen, hour = now - timedelta(seconds=5), now.replace(minute=0, second=0) - timedelta(hours=3)
        since = stamp(seen - timedelta(seconds=10_000))
        async with made.house.db.write() as connection:
            for home, (heard, up) in ONLINE.items():
                place = {"id": home, "name": home, "timezone": "Asia/Shanghai"}
                await rows.insert(connection, schema.complex_, place)
                box: dict[str, Any] = {"id": f"gw-{home}", "complex": home, "public_key": {}, "enrolled_at": since}
                await rows.insert(connection, schema.gateway, box | {"last_seen_at": stamp(seen)})
                health = {"gateway": f"gw-{home}", "at": stamp(seen), "version": "1", "trouble": 0, "devices": 1}
                await rows.insert(connection, schema.gateway_health, health | {"counted_since": since})
                day = {"place": 0, "day": hour.date().isoformat(), "hours": {str(hour.hour): [heard, heard, up]}}
                await rows.insert(connection, schema.gateway_online, {"gateway": f"gw-{home}"} | day)
        yield made


async def test_98_and_95_percent_are_enough_and_the_least_below_is_red_and_said_in_words(edges: City) -> None:
    wang = await edges.visitor("wang")
    page = await wang.page("/overview")
    for home, rates in SAID.items():
        line = re.search(rf'<tr><th scope="row"><a href="/board\?complex={home}">.*?</tr>', page, re.S)
        assert line is not None
        found = _RATE.findall(line.group())
        assert [float(shown) for _, shown, _ in found] == list(rates), home
        bad = [least if rate < least else None for rate, least in zip(rates, (98, 95), strict=True)]
        assert [bool(colour) for colour, _, _ in found] == [one is not None for one in bad], home
        assert [words for _, _, words in found] == [f"低于 {one}%" if one else "" for one in bad], home
    await wang.get("/lang/en")
    assert "below 98%" in await wang.page("/overview")
