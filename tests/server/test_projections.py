"""Views folded from the log: what they show, that facts count once, and that a rebuild gives the same rows."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import Event, Media, Subject
from server.config import Config
from server.projections.alerts import picture_arrived
from server.readers import quiet_projections
from server.rebuild import rebuild
from server.store.schema import alert, charge, door, live, session
from tests.server.centre import CONFIG, GARDEN, Centre, centre
from tests.server.engines import Engine

NOW = datetime.now(UTC).replace(microsecond=0)
PICTURE, OTHER = "a" * 64, "b" * 64


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as running:
        yield running


def forced(number: int, seconds: int = 0, **fields: object) -> Event:
    base = {"kind": "door", "device": "uhppoted:1", "point": "door/1", "state": "forced_open", "place": "gate"}
    return Event(**{**base, "source_event_id": str(number), "time": NOW + timedelta(seconds=seconds), **fields})  # type: ignore[arg-type]


def seen(picture: str, seconds: int, place: str = "gate") -> Event:
    media = [Media(role="scene", type="image/jpeg", bytes=3, sha256=picture)]
    at = NOW + timedelta(seconds=seconds)
    return Event(
        kind="detection", device="frigate:gate", label="person", phase="update", time=at, place=place, media=media
    )


def passage(plate: str, direction: str, minutes: float, number: int) -> Event:
    return Event(
        kind="plate",
        device=f"vzenith:{direction}",
        direction=direction,
        lane=f"east-{direction}",
        subject=Subject(type="plate", id=plate, plate_color="blue", plate_status="read"),
        source_event_id=f"{direction}{number}",
        time=NOW + timedelta(minutes=minutes),
    )


async def test_an_alert_once_for_a_fact_that_comes_twice(here: Centre) -> None:
    one, other = await here.gateway(), await here.gateway()
    now = datetime.now(UTC)
    await one.send(forced(1, time=now))
    await other.send(forced(1, time=now))
    await here.settled()
    (row,) = await here.rows(alert)
    assert (row["rule"], row["severity"], row["lateness"]) == ("door_forced", "critical", "live")
    assert len(await here.rows(live)) == 1, "and the screens hear of it once"


async def test_an_alarm_is_not_put_away_for_a_time_that_is_unsure(here: Centre) -> None:
    gateway = await here.gateway()
    yesterday = datetime.now(UTC) - timedelta(days=1)
    await gateway.send(forced(1, time=yesterday, time_quality="unsynced"), forced(2, time=yesterday))
    await here.settled()
    assert sorted(row["lateness"] for row in await here.rows(alert)) == ["late", "recent"]


async def test_a_gateway_whose_clock_is_off_is_one_alert_of_devices(here: Centre) -> None:
    gateway = await here.gateway()
    skew = {"kind": "alarm", "device": "gateway", "point": "clock", "alarm": "clock_skew"}
    for state, seconds in (("active", 0), ("cleared", 60)):
        at = NOW + timedelta(seconds=seconds)
        await gateway.send(Event(**skew, state=state, time=at, metrics={"clock_offset_ms": 90_000.0}))  # type: ignore[arg-type]
    await here.settled()
    (row,) = await here.rows(alert)
    assert (row["rule"], row["category"], row["severity"]) == ("alarm_clock_skew", "device", "medium")


async def test_alerts_of_one_cause_are_one_incident(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(forced(1), forced(2, 60), forced(3, 60, point="door/2"), forced(4, 60 + 301))
    await here.settled()
    rows = {row["event"]: row for row in await here.rows(alert)}
    by_number = {msgspec.json.decode(event)["source_event_id"]: row for event, row in rows.items()}
    assert by_number["2"]["incident"] == by_number["1"]["incident"]
    assert len({by_number[number]["incident"] for number in "134"}) == 3


@pytest.mark.parametrize("picture_first", [True, False])
async def test_an_alert_gets_the_picture_of_its_place(here: Centre, picture_first: bool) -> None:
    gateway = await here.gateway()
    events = [seen(PICTURE, 4), forced(1)] if picture_first else [forced(1), seen(PICTURE, 4)]
    for event in events:
        await gateway.send(event)
        await here.settled()
    await gateway.send(seen(OTHER, 9), seen(OTHER, 1, "another place"))
    await here.settled()
    (row,) = await here.rows(alert)
    assert row["picture"] == PICTURE


async def test_a_picture_too_far_away_is_not_taken(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(forced(1), seen(PICTURE, 16))
    await here.settled()
    assert (await here.rows(alert))[0]["picture"] is None


async def test_screens_hear_of_a_picture_that_arrives_after_its_alert(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(forced(1, media=[Media(role="scene", sha256=PICTURE)]))
    await here.settled()
    before = len(await here.rows(live))
    async with here.house.db.write() as connection:
        assert await picture_arrived(connection, "garden", PICTURE, NOW)
        assert not await picture_arrived(connection, "elsewhere", PICTURE, NOW)
    assert len(await here.rows(live)) == before + 1


async def test_doors_show_the_last_state_and_count_each_fact_once(here: Centre) -> None:
    gateway, again = await here.gateway(), await here.gateway()
    base = {"device": "uhppoted:1", "point": "door/1"}
    swipes = [
        Event(kind="access", result=result, source_event_id=str(n), time=NOW + timedelta(seconds=n), **base)  # type: ignore[arg-type]
        for n, result in enumerate(["granted", "denied", "granted"])
    ]
    states = [
        Event(kind="door", state=state, source_event_id=f"s{n}", time=NOW + timedelta(seconds=n), **base)  # type: ignore[arg-type]
        for n, state in enumerate(["open", "closed"])
    ]
    await gateway.send(*swipes, *states)
    await again.send(*reversed(states), *swipes)
    await here.settled()
    (row,) = await here.rows(door)
    assert (row["granted"], row["denied"], row["state"], row["last_result"]) == (2, 1, "closed", "granted")


async def test_a_car_comes_and_goes_and_its_charge_is_explained(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(passage("粤B8K6Q2", "in", -150, 1), passage("粤B8K6Q2", "out", 0, 1))
    await here.settled()
    (stay,) = await here.rows(session)
    assert (stay["state"], stay["plate"]) == ("exited", "粤B8K6Q2")
    (entry,) = await here.rows(charge)
    assert (entry["amount_fen"], entry["session"], entry["reason"]) == (600, stay["id"], "priced")
    assert sum(line["fen"] for line in entry["lines"]) == 600


async def test_late_events_correct_the_book_by_new_entries(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(passage("粤B8K6Q2", "in", -300, 1), passage("粤B8K6Q2", "out", 0, 9))
    await here.settled()
    await gateway.send(passage("粤B8K6Q2", "out", -200, 2))  # it had left, and this exit came late
    await here.settled()
    entries = sorted(await here.rows(charge), key=lambda row: row["number"])
    assert [(row["amount_fen"], row["change_fen"], row["reason"]) for row in entries] == [
        (1000, 1000, "priced"),
        (400, -600, "corrected"),
    ]
    assert sorted(row["state"] for row in await here.rows(session)) == ["exited", "no_entry"]


async def test_any_arrival_order_gives_the_same_sessions_and_the_same_money(tmp_path: Path, engine: Engine) -> None:
    events = [passage("粤B8K6Q2", way, n * 37.0 - 900, n) for n, way in enumerate(["in", "out"] * 4)]
    events += [passage("京A12345", way, n * 23.0 - 900, 50 + n) for n, way in enumerate(["in", "in", "out", "out"])]
    found: set[tuple[object, ...]] = set()
    for seed in range(4):
        (tmp_path / str(seed)).mkdir()
        async with centre(tmp_path / str(seed), engine) as here:
            shuffled = random.Random(seed).sample(events, len(events))
            gateway = await here.gateway()
            for event in shuffled:
                await gateway.send(event)
            await here.settled()
            sessions = sorted((row["id"], row["state"], row["exited_at"]) for row in await here.rows(session))
            found.add((tuple(sessions), sum(row["change_fen"] for row in await here.rows(charge))))
    assert len(found) == 1


async def test_a_rebuild_gives_the_same_rows_and_rings_and_bills_nobody(here: Centre) -> None:
    gateway = await here.gateway()
    plates = [passage("粤B8K6Q2", "in", -100, 1), passage("粤B8K6Q2", "out", 0, 1)]
    swipe = Event(kind="access", device="uhppoted:1", point="door/1", result="denied", source_event_id="9", time=NOW)
    for event in [forced(1), seen(PICTURE, 4), *plates, swipe, forced(2, 30)]:
        await gateway.send(event)
    await here.settled()
    rung, billed = await here.rows(live), await here.rows(charge)
    for projection in quiet_projections(CONFIG).values():
        rebuilt = await rebuild(projection, here.house.db, here.house.log)
        assert rebuilt.records > 0
        assert rebuilt.before == rebuilt.after, projection.name
    assert (await here.rows(live), await here.rows(charge)) == (rung, billed)


async def test_the_rebuild_hash_sees_a_changed_row(here: Centre) -> None:
    """The positive control: rows that the log does not explain are noticed."""
    gateway = await here.gateway()
    await gateway.send(forced(1))
    await here.settled()
    async with here.house.db.write() as connection:
        await connection.execute(alert.update().values(severity="low"))
    rebuilt = await rebuild(quiet_projections(CONFIG)["alerts"], here.house.db, here.house.log)
    assert rebuilt.before != rebuilt.after
    assert (await here.rows(alert))[0]["severity"] == "critical"


async def test_an_event_that_is_not_understood_stops_no_reader(here: Centre) -> None:
    from domain.wire import pack

    gateway = await here.gateway()
    odd = b'{"kind":"door","device":"x:1","recorded_at":"2026-03-01T00:00:00Z","zones":7}'
    assert (await gateway.post(pack(gateway.id, "routine", "e1", 1, [odd]))).status_code == 200
    await gateway.send(forced(1))
    await here.settled()
    assert len(await here.rows(alert)) == 1


async def test_a_nul_sign_in_a_text_stops_no_reader(here: Centre) -> None:
    """One engine keeps it, the other refuses it: neither sees it. What only looks like one stays."""
    gateway = await here.gateway()
    await gateway.send(forced(1, place="ga\x00te"), forced(2, place="a\\u0000b"), passage("粤B\x008K6Q2", "in", -9, 1))
    await here.settled()
    assert {row["place"] for row in await here.rows(alert)} == {"ga\ufffdte", "a\\u0000b"}


ODD_TIMES = ['"2026-03-01T00:00:00"', '"0001-01-01T00:00:00+08:00"', '"garbage"', "7"]


@pytest.mark.parametrize("odd", ODD_TIMES)
async def test_odd_times_that_were_stored_once_stop_no_reader(here: Centre, odd: str) -> None:
    """Ingest refuses them; a batch stored before it did must not stop the readers either."""
    from domain.wire import pack, read_header
    from eventlog.log import Arrival

    gateway = await here.gateway()
    body = b'{"kind":"door","state":"forced_open","device":"x:1","recorded_at":%s,"time":%s}' % (
        odd.encode(),
        odd.encode(),
    )
    packed = pack(gateway.id, "routine", "e1", 1, [body])
    assert (await gateway.post(packed)).status_code == 422
    await here.house.log.append([Arrival(read_header(packed), packed, "garden")])
    await gateway.send(forced(1))
    await here.settled()
    assert [row["rule"] for row in await here.rows(alert)] == ["door_forced"]


async def test_no_complex_can_name_anothers_facts(tmp_path: Path, engine: Engine) -> None:
    other = msgspec.structs.replace(GARDEN, id="other", tariff="")
    async with centre(tmp_path, engine, Config(complexes=[GARDEN, other])) as here:
        one, two = await here.gateway("garden"), await here.gateway("other")
        await one.send(forced(1))
        await two.send(forced(1))
        await here.wait_for(alert, lambda rows: len(rows) == 2)
        assert {row["complex"] for row in await here.rows(alert)} == {"garden", "other"}


WINDOWED = """\
timezone: Asia/Shanghai
plans:
  small:
    window_cap: {hours: 24, fen: 1000}
    charge: {kind: unit, unit_min: 60, fen: 200, rounding: ceil}
"""


@pytest.mark.parametrize("late", [False, True])
async def test_a_stay_that_arrives_late_costs_what_it_would_have_in_time(
    tmp_path: Path, engine: Engine, late: bool
) -> None:
    (tmp_path / "windowed.yaml").write_text(WINDOWED)
    lot = msgspec.structs.replace(GARDEN, tariff="windowed.yaml")
    async with centre(tmp_path, engine, Config(complexes=[lot])) as here:
        gateway = await here.gateway()
        first = [passage("粤B8K6Q2", "in", -600, 1), passage("粤B8K6Q2", "out", -360, 1)]
        second = [passage("粤B8K6Q2", "in", -300, 2), passage("粤B8K6Q2", "out", -60, 2)]
        for events in (second, first) if late else (first, second):
            await gateway.send(*events)
            await here.settled()
        assert sum(row["change_fen"] for row in await here.rows(charge)) == 1_000
