"""What a library above subscribed to is brought to it: within its basis, once, in order, whatever it does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.events import Event
from domain.feeds.basis import Basis, Cover
from domain.viid.subscriptions import Subscription
from server.store import handover_rows, platform_rows
from server.store.platform_tables import handover
from server.store.platform_tables import platform as platforms
from server.store.viid_tables import viid_subscription
from simulators.upper.asking import NotHeard
from simulators.upper.faults import Faults
from simulators.upper.profiles import PROFILES
from tests.rig import until
from tests.server.engines import SQLITE, Engine
from tests.server.viid.cascade_side import CITY, GATE, OURS, Side, camera, cascade, passage, sent

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


def now() -> datetime:
    return datetime.now(UTC)


def states(*wanted: tuple[str, int]) -> Any:
    def enough(rows: list[dict[str, Any]]) -> bool:
        return sorted(
            {(state, sum(row["state"] == state for row in rows)) for state in {r["state"] for r in rows}}
        ) == (sorted(wanted))

    return enough


def plates(side: Side) -> list[str]:
    return [str(one.said["PlateNo"]) for one in side.told("MotorVehicle") if one.said]


async def test_nothing_leaves_without_a_basis_and_then_what_was_subscribed_to(tmp_path: Path, engine: Engine) -> None:
    """Not a byte: the platform counts who calls it. Then a basis is recorded, and the same subscription is served."""
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        number = await side.asks.subscribe("13", OURS, now())
        await sent(gateway, passage(1))
        await side.wait_for(platforms, lambda rows: rows[0]["session"] == "silent")
        await side.settled()
        assert await side.rows(handover) == []
        assert not side.platform.kept.requests
        await side.allow("vehicle")
        await side.wait_for(platforms, lambda rows: rows[0]["session"] in ("opening", "open"))
        await sent(
            gateway, passage(2), Event(kind="alarm", device="x:0", alarm="fire", time=now(), source_event_id="f")
        )
        (row,) = await side.wait_for(handover, states(("accepted", 1)))
        assert (row["line"], row["data_class"], row["body"]) == (number, "vehicle", None)
        assert plates(side) == ["浙A00002"]
        (told,) = side.told("SubscribeNotification")
        assert told.said is not None
        assert (told.said["SubscribeID"], told.said["InfoIDs"]) == (number, side.told("MotorVehicle")[0].id)
        counted = await side.noted("handover.sent")
        assert [one["count"] for one in counted] == [1]


@ON_SQLITE
@pytest.mark.parametrize("profile", PROFILES)
async def test_through_every_profile_with_faults_each_record_once_in_order(
    profile: str, tmp_path: Path, engine: Engine
) -> None:
    faults = Faults(5, 0.15, ["lost", "503", "busy", "half", "500"])
    settings = {"profile": "lax"} if profile == "lax" else {}
    async with cascade(tmp_path, engine, profile, faults=faults, settings=settings) as side:
        gateway = await side.gateway()
        await side.allow("vehicle")
        await side.asks.subscribe("13", OURS, now())
        await sent(gateway, *(passage(number, f"x:{number % 2 * 2}") for number in range(24)))
        async with asyncio.timeout(100):
            while not states(("accepted", 24))(await side.rows(handover)):
                await asyncio.sleep(0.1)
        assert sorted(plates(side)) == [f"浙A{number:05}" for number in range(24)]
        for n in (0, 2):
            mine = [str(one.said["PlateNo"]) for one in side.platform.kept.of("MotorVehicle", camera(n)) if one.said]
            assert mine == sorted(mine)
            assert len(mine) == 12
        assert side.platform.kept.counts().differing == 0
        async with side.house.db.read() as connection:
            day = await handover_rows.of_day(
                connection, CITY, "d", now() - timedelta(days=1), now() + timedelta(days=1)
            )
        assert (day.total.offered, day.total.accepted) == (24, 24)


async def test_only_what_was_asked_for_of_those_that_may_be_seen(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        garden, river = await side.gateway(), await side.gateway("river")
        await side.allow("vehicle", "person")
        by_camera = await side.asks.subscribe("13", camera(0), now())
        by_gate = await side.asks.subscribe("11,13", GATE, now())
        await side.asks.subscribe("14", OURS, now())
        await side.asks.subscribe("13", OURS, now(), BeginTime=later(60))
        walker = Event(kind="detection", label="person", device="x:2", time=now(), source_event_id="p")
        await sent(garden, passage(1, "x:0"), passage(2, "x:2"), walker)
        await sent(
            river, passage(3, "x:0")
        )  # its code belongs to the city's platform, but not to this peer's complexes
        rows = await side.wait_for(handover, states(("accepted", 4)))
        owed = sorted((row["line"], row["data_class"], row["device"]) for row in rows)
        assert owed == sorted(
            [
                (by_camera, "vehicle", "x:0"),
                (by_gate, "vehicle", "x:0"),
                (by_gate, "vehicle", "x:2"),
                (by_gate, "person", "x:2"),
            ]
        )
        # The same record on two subscriptions is brought on each, and is one record by its id.
        both = {one.id: one.times for one in side.told("MotorVehicle")}
        assert sorted(both.values()) == [1, 2]
        assert all(len(one) == 48 for one in both)


def later(minutes: int) -> str:
    return f"{now() + timedelta(hours=8, minutes=minutes):%Y%m%d%H%M%S}"


async def test_what_is_cancelled_or_over_is_withheld_and_stands_on_the_statement(
    tmp_path: Path, engine: Engine
) -> None:
    async with cascade(tmp_path, engine) as side:
        side.platform.is_away = True
        gateway = await side.gateway()
        await side.allow("vehicle")
        number = await side.asks.subscribe("13", OURS, now())
        soon = f"{now() + timedelta(hours=8, seconds=4):%Y%m%d%H%M%S}"
        await side.asks.subscribe("13", OURS, now(), EndTime=soon)
        await sent(gateway, passage(1))
        await side.wait_for(handover, lambda rows: len(rows) == 2)
        await side.asks.unsubscribe(number, "结案")
        await sent(gateway, passage(2))
        await side.settled()
        rows = await side.wait_for(handover, lambda rows: {row["state"] for row in rows} == {"withheld"})
        assert {row["reason"] for row in rows} == {"cancelled", "over"}
        assert all(row["body"] is None for row in rows)
        side.platform.is_away = False
        assert side.told("MotorVehicle") == []


@ON_SQLITE
async def test_reports_keep_their_interval_and_take_along_what_came_meanwhile(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        await side.allow("vehicle")
        number = await side.asks.subscribe("13", OURS, now(), ReportInterval=3600)
        await sent(gateway, passage(1, "x:0"))
        await side.wait_for(handover, states(("accepted", 1)))
        await sent(gateway, passage(2, "x:0"), passage(3, "x:2"))
        await side.wait_for(handover, states(("accepted", 1), ("waiting", 2)))
        await side.settled()
        assert len(side.told("SubscribeNotification")) == 1
        async with side.house.db.write() as connection:  # an hour later
            await connection.execute(viid_subscription.update().values(reported_at="2026-01-01T00:00:00.000Z"))
        await side.wait_for(handover, states(("accepted", 3)))
        told = side.told("SubscribeNotification")
        assert [len(str((one.said or {})["InfoIDs"]).split(",")) for one in told] == [1, 2]
        assert {str((one.said or {})["SubscribeID"]) for one in told} == {number}


async def test_the_directory_and_its_changes_go_to_who_subscribed_to_it(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        await side.allow("device")
        await side.asks.subscribe("3,4,7,9", OURS, now())
        await until(lambda: len(side.told("APE")) == 2 and side.told("Tollgate") and side.told("Lane"), 20)
        assert {one.id for one in side.told("APE")} == {camera(0), camera(2)}, "those of the other complex are not told"
        assert [one.id for one in side.told("Tollgate")] == [GATE]
        status = Event(kind="availability", device="x:0", state="offline", time=now(), source_event_id="s")
        await sent(gateway, status)
        await side.wait_for(handover, states(("accepted", 1)))
        last = side.told("SubscribeNotification")[-1].said or {}
        (state,) = last["DeviceStatusList"]["APEStatusObject"]
        assert (state["ApeID"], state["IsOnline"], last["ExecuteOperation"]) == (camera(0), 2, 2)
        assert len(side.told("APE")) == 2


@ON_SQLITE
async def test_a_refused_record_among_others_is_found_and_the_others_arrive(tmp_path: Path, engine: Engine) -> None:
    """The platform judges a notification as a whole; the strict one looks at each object within."""
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        await side.allow("vehicle")
        await side.asks.subscribe("13", OURS, now())
        side.platform.is_away = True
        bad = passage(7, "x:2", raw_codes={"VehicleClass": "K33"})
        await sent(gateway, passage(6, "x:0"), bad)
        await side.wait_for(handover, lambda rows: len(rows) == 2)
        side.platform._intake._wrong_with = lambda objects: (  # type: ignore[method-assign]
            "PlateNo 浙A00007 is not taken" if any(one.said.get("PlateNo") == "浙A00007" for one in objects) else ""
        )
        side.platform.is_away = False
        rows = await side.wait_for(handover, states(("accepted", 1), ("refused", 1)))
        assert {row["device"]: row["state"] for row in rows} == {"x:0": "accepted", "x:2": "refused"}


async def test_devices_are_told_as_the_basis_covers_them(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        with pytest.raises(NotHeard, match="no legal basis"):
            await side.asks.objects("APE")
        await side.allow("vehicle")
        assert [one["ApeID"] for one in await side.asks.objects("APE")] == [camera(0), camera(2)]
        assert {one["IsOnline"] for one in await side.asks.objects("APE")} == {9}, (
            "whether they answer is another class"
        )
        with pytest.raises(NotHeard, match="state of devices"):
            await side.asks.objects("APEStatus")
        await side.allow("device")
        gateway = await side.gateway()
        await sent(gateway, Event(kind="availability", device="x:2", state="online", time=now(), source_event_id="s"))
        await side.settled()
        assert {one["ApeID"]: one["IsOnline"] for one in await side.asks.objects("APEStatus")} == {
            camera(0): 9,
            camera(2): 1,
        }
        assert [one["ApeID"] for one in await side.asks.objects("APE", "?RecordStartNo=2&PageRecordNum=1")] == [
            camera(2)
        ]
        assert [one["TollgateID"] for one in await side.asks.objects("Tollgate")] == [GATE]
        assert [one["ApeID"] for one in await side.asks.objects("Lane", f"?Lane.ApeID={camera(2)}")] == [camera(2)]
        assert all("Password" not in one for one in await side.asks.objects("APE"))
        await side.turn(is_on=False)
        with pytest.raises(NotHeard, match="no legal basis"):
            await side.asks.objects("Tollgate")


async def test_records_are_asked_for_within_the_basis_by_page(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        walker = Event(kind="detection", label="person", device="x:0", time=now(), source_event_id="p")
        await sent(gateway, *(passage(number) for number in range(5)), passage(9, "x:2"), walker)
        await side.settled()
        span = f"MotorVehicle.PassTime=gte({later(-60)})&MotorVehicle.PassTime=lte({later(1)})"
        mine = f"?MotorVehicle.DeviceID={camera(0)}&{span}"
        with pytest.raises(NotHeard, match="no legal basis"):
            await side.asks.objects("MotorVehicle", mine)
        await side.allow("vehicle")
        found = await side.asks.objects("MotorVehicle", mine)
        assert [one["PlateNo"] for one in found] == [f"浙A{number:05}" for number in range(5)]
        by_plate = f"{mine}&MotorVehicle.PlateNo=浙A00004"
        second = await side.asks.objects("MotorVehicle", f"{mine}&RecordStartNo=3&PageRecordNum=2")
        assert second == found[2:4], "by the same numbers"
        number = str(found[3]["MotorVehicleID"])
        assert (await side.asks.ask("GET", f"/VIID/MotorVehicles/{number}"))["MotorVehicleObject"] == found[3]
        assert [one["PlateNo"] for one in await side.asks.objects("MotorVehicle", by_plate)] == ["浙A00004"]
        assert await side.asks.objects("MotorVehicle", f"?MotorVehicle.DeviceID={camera(1)}&{span}") == [], (
            "not its own"
        )
        with pytest.raises(NotHeard, match=r"name a MotorVehicle\.DeviceID"):
            await side.asks.objects("MotorVehicle")
        with pytest.raises(NotHeard, match="no legal basis"):
            await side.asks.objects("Person", f"?Person.DeviceID={camera(0)}")
        counted = await side.noted("handover.sent")
        assert [one["count"] for one in counted] == [5, 2, 5, 1, 0]


@ON_SQLITE
async def test_the_control_whose_subscriptions_cover_everything_is_caught(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broken variant offers what nobody asked for, and the account of lines shows it."""
    monkeypatch.setattr(Subscription, "covers", lambda *_: True)
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        await side.allow("vehicle")
        await side.asks.subscribe("14", camera(2), now(), BeginTime=later(60))
        await sent(gateway, passage(1, "x:0"))
        await side.wait_for(handover, lambda rows: len(rows) == 1)


@ON_SQLITE
async def test_the_control_that_offers_without_a_basis_would_be_seen(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a basis invented for every platform, the watched platform is called: the watch works."""
    days = {"since": now() - timedelta(days=1), "until": now() + timedelta(days=1)}
    basis = Basis(unit="-", document="-", classes=frozenset({"vehicle"}), **days)

    async def invented(*_: object) -> Cover:
        return Cover((basis,))

    monkeypatch.setattr(platform_rows, "cover_of", invented)
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        await side.asks.subscribe("13", OURS, now())
        await sent(gateway, passage(1))
        await until(lambda: plates(side) == ["浙A00001"], 20)
