"""GA/T 1400: how cameras really write it, whose it is, when it was, what they are told; no identity, no password."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.desired_bodies import Device
from domain.events import Event, encode_event
from edge.devices.driver import Answer, BadMessage, Message, Reading, discover
from edge.intake.device_list import DeviceList
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of, sample

DEVICE, OTHER = "44030000001210000001", "44030000001210000002"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
HEADERS = {"User-Identify": OTHER}


def message(body: Any, path: str = "/VIID/MotorVehicles", **changes: Any) -> Message:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Message("gat1400", payload, path, **changes)


def decode(body: Any, **changes: Any) -> Reading:
    return discover().decode(message(body, **changes), SITE)


def car(**changed: Any) -> dict[str, Any]:
    """The recorded vehicle; a field that is ... is left out."""
    said = {**json_of("gat1400", "motor-vehicle.json")["MotorVehicleListObject"]["MotorVehicleObject"][0], **changed}
    return {name: value for name, value in said.items() if value is not ...}


def one(body: Any, **changes: Any) -> Event:
    (event,) = decode(body, **changes).events
    return event


def cars(*several: dict[str, Any]) -> dict[str, Any]:
    return {"MotorVehicleListObject": {"MotorVehicleObject": list(several)}}


def seen(**changed: Any) -> Event:
    return one(cars(car(**changed)))


WRITTEN = [
    cars(car()),
    {"MotorVehicleListObject": {"MotorVehicleObject": car()}},
    {"MotorVehicleListObject": [car()]},
    {"MotorVehicleObjectList": {"MotorVehicleObject": [car()]}},
    {"MotorVehicleObject": car()},
    {"SubscribeNotificationListObject": {"SubscribeNotificationObject": [
        {"NotificationID": "n", "SubscribeID": "s", "MotorVehicleObjectList": {"MotorVehicleObject": [car()]}}]}},
]  # fmt: skip


@pytest.mark.parametrize("body", WRITTEN)
def test_a_car_in_every_way_it_is_written(body: Any) -> None:
    event = one(body)
    assert event.subject is not None
    assert (event.kind, event.device, event.subject.id) == ("plate", f"gat1400:{DEVICE}", "粤B8K6Q2")


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "gb18030", "gb2312"])
def test_a_plate_in_any_charset(charset: str) -> None:
    event = one(json.dumps(cars(car()), ensure_ascii=False).encode(charset))
    assert event.subject is not None and event.subject.id == "粤B8K6Q2"


def test_lists_of_faces_and_people_and_two_wheelers() -> None:
    common = {"DeviceID": DEVICE, "SubImageList": [{"Type": "11", "Data": b64encode(JPEG).decode()}]}
    who = {
        "Name": "nobody",
        "IDNumber": "110101199003070000",
        "FeatureList": {"FeatureInfoObject": [{"FeatureData": "AA"}]},
    }
    face = {"FaceID": "f1", "FaceAppearTime": "20260301081530", **common, **who}
    reading = decode(
        {"FaceObjectList": {"FaceObject": [face]}, "PersonListObject": {"PersonObject": [{"PersonID": "p1", **common}]}}
    )
    assert [(e.label, e.source_event_id, e.media[0].role) for e in reading.events] == [
        ("face", "f1", "face"),
        ("person", "p1", "face"),
    ]
    assert [kept.body for kept in reading.pictures] == [JPEG]
    assert not any(word in encode_event(reading.events[0]) for word in (b"nobody", b"110101", b"Feature"))
    bike = one(
        {
            "NonMotorVehicleListObject": {
                "NonMotorVehicleObject": [{"NonMotorVehicleID": "b1", "PlateNo": "粤B12345", **common}]
            }
        }
    )
    assert bike.subject is not None
    assert (bike.label, bike.subject.id) == ("non_motor_vehicle", "粤B12345")


@pytest.mark.parametrize(
    ("changed", "color"),
    [
        ({"PlateColor": 5}, "blue"),
        ({"PlateColor": "6"}, "yellow"),
        ({"PlateColor": "2"}, "white"),
        ({"PlateColor": "1"}, "black"),
        ({"PlateColor": "9"}, "green"),
        ({"PlateColor": "9", "PlateClass": "51"}, "yellow_green"),
        ({"PlateColor": "99"}, "unknown"),
        ({"PlateColor": ""}, "unknown"),
        ({"PlateColor": None}, "unknown"),
    ],
)
def test_its_own_table_of_colours(changed: dict[str, Any], color: str) -> None:
    subject = seen(**changed).subject
    assert subject is not None and subject.plate_color == color


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"HasPlate": True}, "read"),
        ({"HasPlate": 1}, "read"),
        ({"HasPlate": "0", "PlateNo": ""}, "no_plate"),
        ({"HasPlate": False, "PlateNo": ...}, "no_plate"),
        ({"HasPlate": "2", "PlateNo": "无车牌"}, "no_plate"),
        ({"PlateNo": "无车牌"}, "no_plate"),
        ({"PlateNo": "粤B--6Q2"}, "unreadable"),
        ({"PlateNo": "粤B-8K6Q2"}, "read"),
        ({"PlateNo": ...}, "unreadable"),
        ({"IsDecked": "1"}, "suspect_fake"),
        ({"IsDecked": "2", "IsCovered": 0}, "read"),
    ],
)
def test_what_was_read_of_a_plate(changed: dict[str, Any], status: str) -> None:
    subject = seen(**changed).subject
    assert subject is not None and subject.plate_status == status


@pytest.mark.parametrize(
    ("written", "share"), [("97", 0.97), (97, 0.97), ("0.97", 0.97), ("", None), ("x", None), (900, None), (-1, None)]
)
def test_reliability(written: Any, share: float | None) -> None:
    assert seen(PlateReliability=written).confidence == share


def test_whose_an_object_is() -> None:
    assert one(cars(car(DeviceID=...)), headers=HEADERS).device == f"gat1400:{OTHER}"
    assert one(cars(car(DeviceID="")), sender="x1").device == "gat1400:x1"
    with pytest.raises(BadMessage, match="User-Identify"):
        decode(cars(car(DeviceID=...)))


AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "time", "quality"),
    [
        ("20260301081530", AT, "assumed_zone"),
        (20260301081530, AT, "assumed_zone"),
        ("20260301081530250", AT + timedelta(milliseconds=250), "assumed_zone"),
        ("2026-03-01 08:15:30", AT, "assumed_zone"),
        ("2026-03-01T00:15:30Z", AT, "ok"),
        ("1772324130", AT, "ok"),
        ("20260301001530", AT, "assumed_zone"),  # a clock that counts in UTC
        ("20260228081530", AT - timedelta(days=1), "replay"),
        ("20250101081530", None, "device_clock_bad"),
        ("20260301101530", None, "device_clock_bad"),
        ("19700101080001", None, "device_clock_bad"),
        ("20990101000000", None, "device_clock_bad"),
        ("20261399999999", None, "device_clock_bad"),
        ("²0260301081530", None, "device_clock_bad"),
    ],
)
def test_when_a_car_passed(sent: Any, time: datetime | None, quality: str) -> None:
    event = one(cars(car(PassTime=sent)), received_at=RECEIVED_AT)
    assert (event.time, event.time_quality) == (time, quality)


def test_without_a_time_the_receipt_counts() -> None:
    assert seen(PassTime=...).time_quality == "gateway"
    assert seen(PassTime="", AppearTime="20260301081530").time == AT


def test_pictures_their_roles_and_their_places() -> None:
    path = "http://user:pw@192.0.2.61/a.jpg?token=t1"  # pragma: allowlist secret
    parts = [
        {"Type": "01", "Data": b64encode(JPEG).decode()},
        {"Type": "2", "Data": b64encode(JPEG + b"plate").decode()},
        {"Type": "14", "Data": "", "StoragePath": path},
        {"Type": "01", "Data": "bm90IGEgcGljdHVyZQ=="},
    ]
    media = seen(SubImageList={"SubImageInfoObject": parts}).media
    assert [(entry.role, entry.ref) for entry in media] == [
        ("scene", None), ("plate", None), ("scene", "http://192.0.2.61/a.jpg?token="),
    ]  # fmt: skip
    (only,) = seen(SubImageList=...).media
    assert only.ref == "http://192.0.2.61/pic/1.jpg"


def test_the_installer_s_lane_counts_before_the_camera_s() -> None:
    devices = DeviceList([Device(id=f"gat1400:{DEVICE}", lane="east-in")], accept_unknown=False)
    assert devices.place(seen()).lane == "east-in"
    assert DeviceList([], accept_unknown=True).place(seen(LaneNo="2")).lane == "2"
    assert seen(LaneNo=0).lane is None


def test_cameras_behind_a_system_without_their_passwords() -> None:
    listed = [
        {"ApeID": OTHER, "IsOnline": "2", "UserId": "admin", "Password": "s3cret"},  # pragma: allowlist secret
        {"ApeID": DEVICE, "IsOnline": 1},
    ]
    reading = decode({"APEListObject": {"APEObject": listed}})
    assert [(e.device, e.state) for e in reading.events] == [
        (f"gat1400:{OTHER}", "offline"),
        (f"gat1400:{DEVICE}", "online"),
    ]
    status = one({"DeviceStatusList": {"APEStatusObject": [{"ApeID": OTHER, "IsOnline": "1"}]}})
    assert (status.device, status.state) == (f"gat1400:{OTHER}", "online")
    (odd,) = decode({"LaneListObject": {"LaneObject": [{"LaneId": "1", "Password": "s3cret"}]}}, headers=HEADERS).events
    assert (odd.kind, odd.code, odd.raw) == ("unknown", "Lane", None)
    assert not any(b"s3cret" in encode_event(event) for event in (*reading.events, odd))


def test_farewell() -> None:
    event = one({"UnRegisterObject": {"DeviceID": DEVICE}})
    assert (event.kind, event.state) == ("availability", "offline")


@pytest.mark.parametrize(
    "body", [[], {}, {"MotorVehicleListObject": {}}, {"MotorVehicleListObject": None}, {"a": 1}, {"Object": {}}]
)
def test_what_holds_no_object_is_refused(body: Any) -> None:
    with pytest.raises(BadMessage):
        decode(body)


def answer(body: Any, path: str = "/VIID/MotorVehicles", **changes: Any) -> Any:
    at = RECEIVED_AT.replace(minute=15, second=31)
    found = discover().answer(message(body, path, received_at=at, **changes), SITE)
    assert isinstance(found, Answer) and found.status == 200
    return json.loads(found.payload)


def test_the_recorded_answer_field_for_field() -> None:
    assert answer(json_of("gat1400", "motor-vehicle.json")) == json.loads(sample("gat1400", "response-ok.json").payload)


def test_a_status_for_each_object_under_its_own_number() -> None:
    body = cars(car(MotorVehicleID="a"), car(MotorVehicleID="b", DeviceID=...))
    entries = answer(body)["ResponseStatusListObject"]["ResponseStatusObject"]
    assert [(entry["Id"], entry["StatusCode"]) for entry in entries] == [("a", "0"), ("b", "8")]
    (entry,) = answer(WRITTEN[-1], "/VIID/SubscribeNotifications")["ResponseStatusListObject"]["ResponseStatusObject"]
    assert entry["Id"] == "n"


def test_about_the_session_one_status() -> None:
    said = answer(json_of("gat1400", "register.json"), "/VIID/System/Register")["ResponseStatusObject"]
    assert (said["Id"], said["StatusCode"], said["LocalTime"]) == (DEVICE, "0", "20260301081531")


@pytest.mark.parametrize(
    ("body", "code"), [(b"{", "7"), (b"\xff", "7"), (b"\xff\xfe{", "7"), ({}, "8"), (b"[" * 100_000, "7")]
)
def test_what_is_wrong_with_a_message_is_told(body: Any, code: str) -> None:
    assert answer(body)["ResponseStatusObject"]["StatusCode"] == code


def test_the_time_for_who_asks() -> None:
    assert decode(b"", path="/VIID/System/Time") == Reading([])
    assert answer(b"", "/VIID/System/Time")["SystemTimeObject"]["LocalTime"] == "20260301081531"
