"""What libraries below push: judged object by object, kept as facts with their pictures, counted in the audit."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from domain.ids import content_name
from server.store.engine import stamp as stored
from server.store.schema import desired_state, media
from tests.server.engines import SQLITE, Engine
from tests.server.viid.served import (
    CAMERA,
    JPEG,
    LOWER,
    Caller,
    Served,
    codes,
    served,
    stamp,
    statuses,
    vehicle,
    vehicles,
)

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])


@pytest.fixture
async def centre(tmp_path: Path, engine: Engine) -> AsyncIterator[Served]:
    async with served(tmp_path, engine) as one:
        yield one


async def registered(centre: Served) -> Caller:
    caller = Caller(centre.url, LOWER)
    assert (await caller.register()).status_code == 200
    return caller


async def test_each_object_is_judged_and_kept_with_its_picture(centre: Served) -> None:
    caller, now = await registered(centre), centre.now()
    good, wrong = vehicle(1, now), vehicle(2, now, MotorVehicleID="33010600011190000001")
    answer = await caller.post("/VIID/MotorVehicles", vehicles(good, wrong, vehicle(3, now, PlateNo="无车牌")))
    assert codes(answer) == [0, 8, 0]
    assert statuses(answer)[0]["Id"] == good["MotorVehicleID"]
    assert "is no identifier" in statuses(answer)[1]["StatusString"]
    first, second = await centre.facts()
    assert (first.complex, first.gateway) == ("garden", "centre/garden")
    event = first.event
    assert (event.kind, event.label, event.device) == ("detection", "motor_vehicle", f"gat1400:{CAMERA}")
    assert event.subject is not None and (event.subject.id, event.subject.plate_color) == ("浙A12345", "blue")
    assert (event.source_event_id, event.ext["by"]) == (good["MotorVehicleID"], LOWER)
    assert second.event.subject is not None and second.event.subject.plate_status == "no_plate"
    name = content_name(base64.b64decode(JPEG))
    assert [one.sha256 for one in event.media] == [name]
    async with centre.house.db.read() as connection:
        kept = (await connection.execute(select(media.c.sha256, media.c.complex))).all()
    assert [tuple(row) for row in kept] == [(name, "garden")]


async def test_what_comes_again_is_the_same_fact(centre: Served) -> None:
    caller, pushed = await registered(centre), vehicles(vehicle(1, centre.now()))
    for _ in range(2):
        assert codes(await caller.post("/VIID/MotorVehicles", pushed)) == [0]
    assert len({fact.id for fact in await centre.facts()}) == 1


async def test_the_audit_counts_and_tells_nothing(centre: Served) -> None:
    caller, now = await registered(centre), centre.now()
    await caller.post("/VIID/MotorVehicles", vehicles(vehicle(1, now), vehicle(2, now, MotorVehicleID="1")))
    (row,) = await centre.audited("viid.received")
    assert (row["who"], row["complex"], row["details"]) == (LOWER, "garden", '{"MotorVehicle":1,"refused":1}')


@ON_SQLITE
async def test_a_car_is_a_passage_only_where_its_camera_stands_at_a_lane(centre: Served) -> None:
    caller = await registered(centre)
    listed = b'{"devices": [{"id": "gat1400:%s", "lane": "east-in", "direction": "in"}]}' % CAMERA.encode()
    row = {"complex": "garden", "kind": "devices", "version": 1, "made_by": "t", "made_at": stored(centre.now())}
    row["sha256"] = content_name(listed)
    async with centre.house.db.write("garden") as connection:
        await connection.execute(desired_state.insert().values(body=listed, **row))
    other = "33010600011190000002"
    pushed = vehicles(vehicle(1, centre.now()), vehicle(1, centre.now(), other))
    assert codes(await caller.post("/VIID/MotorVehicles", pushed)) == [0, 0]
    found = {fact.event.device: fact.event for fact in await centre.facts()}
    at_lane, elsewhere = found[f"gat1400:{CAMERA}"], found[f"gat1400:{other}"]
    assert (at_lane.kind, at_lane.lane, at_lane.direction) == ("plate", "east-in", "in")
    assert (elsewhere.kind, elsewhere.lane) == ("detection", None)


@ON_SQLITE
@pytest.mark.parametrize(
    ("age", "quality", "has_time"),
    [
        (timedelta(), "assumed_zone", True),
        (timedelta(minutes=11), "replay", True),
        (timedelta(minutes=-3), "device_clock_bad", False),
    ],
)
async def test_what_is_late_never_acts(age: timedelta, quality: str, has_time: bool, centre: Served) -> None:
    caller = await registered(centre)
    await caller.post("/VIID/MotorVehicles", vehicles(vehicle(1, centre.now() - age)))
    (fact,) = await centre.facts()
    assert (fact.event.time_quality, fact.event.time is not None) == (quality, has_time)


@ON_SQLITE
async def test_identities_and_passwords_are_not_kept(centre: Served) -> None:
    caller, now = await registered(centre), centre.now()
    image = f"{CAMERA}02{stamp(now)}00001"
    face = {"FaceID": f"{image}0600001", "InfoKind": 1, "SourceID": image, "DeviceID": CAMERA, "Name": "王小明"}
    face |= {"IDNumber": "330106199001010001", "FaceAppearTime": stamp(now)}
    assert codes(await caller.post("/VIID/Faces", {"FaceListObject": {"FaceObject": face}})) == [0]
    ape = {"ApeID": CAMERA, "Name": "东门", "IsOnline": "2", "Password": "camera-secret"}
    assert codes(await caller.post("/VIID/APEs", {"APEListObject": {"APEObject": [ape]}})) == [0]
    facts = await centre.facts()
    assert {(fact.event.kind, fact.event.label or fact.event.state) for fact in facts} == {
        ("detection", "face"),
        ("availability", "offline"),
    }
    text = str([fact.event for fact in facts]) + str(await centre.audited("viid.received"))
    assert not any(word in text for word in ("王小明", "330106199001010001", "camera-secret"))


async def test_notifications_bring_what_a_push_brings(centre: Served) -> None:
    caller, now = await registered(centre), centre.now()

    def notification(serial: int, **payload: Any) -> dict[str, Any]:
        head = {"NotificationID": f"33010600000004{stamp(now)}{serial:05}", "SubscribeID": "s", "InfoIDs": "x"}
        return {**head, **payload}

    several = [
        notification(1, MotorVehicleObjectList={"MotorVehicleObject": [vehicle(1, now)]}),
        notification(2, MotorVehicleObjectList={"MotorVehicleObject": [vehicle(2, now, MotorVehicleID="")]}),
        notification(3, TollgateObjectList={"TollgateObject": [{"TollgateID": "33010600011210000001"}]}),
        notification(4),
    ]
    body = {"SubscribeNotificationListObject": {"SubscribeNotificationObject": several}}
    answer = await caller.post("/VIID/SubscribeNotifications", body)
    assert codes(answer) == [0, 8, 8, 8]
    assert [one["Id"] for one in statuses(answer)] == [one["NotificationID"] for one in several]
    assert len(await centre.facts()) == 1


@ON_SQLITE
async def test_nothing_is_acknowledged_that_could_not_be_kept(centre: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the control: with the log as it is, the same push is taken."""
    from eventlog.log import LogBroken

    caller, pushed = await registered(centre), vehicles(vehicle(1, centre.now()))

    async def broken(*_: object) -> None:
        raise LogBroken("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("server.viid.taking.pass_on", broken)
        assert (await caller.post("/VIID/MotorVehicles", pushed)).status_code == 503
        assert await centre.audited("viid.received") == []
    assert codes(await caller.post("/VIID/MotorVehicles", pushed)) == [0]
