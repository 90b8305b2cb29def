"""Which events are alarms above, how they are named, and that nobody's name or plate goes with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.conditions import When
from domain.events import Event, Subject
from domain.gb28181.alarms import BUILT_IN, AlarmRow, row_of
from domain.gb28181.asked import Answer, Control, Notice, Query, read_asked
from domain.gb28181.control import Guard, after, refusal
from domain.gb28181.interest import interest_of
from domain.gb28181.said import Alarm, alarm, alarm_sn, device_status, keepalive, result
from domain.gb28181.xml import BadXml, read, written

AT = datetime(2026, 11, 22, 8, 10, tzinfo=UTC)
DOOR = "33010600011420000001"
OURS = "33010600012000000001"


def event(**fields: Any) -> Event:
    return Event(device="uhppoted:1", recorded_at=AT, **fields)


SUGGESTED: list[tuple[dict[str, Any], tuple[int, int, int | None]]] = [
    ({"kind": "alarm", "alarm": "sos"}, (1, 2, None)),
    ({"kind": "door", "state": "forced_open"}, (2, 2, None)),
    ({"kind": "door", "state": "held_open"}, (3, 2, None)),
    ({"kind": "alarm", "alarm": "tamper"}, (2, 2, 2)),
    ({"kind": "alarm", "alarm": "video_loss"}, (3, 2, 1)),
    ({"kind": "detection", "label": "intrusion", "phase": "start"}, (2, 5, 6)),
    ({"kind": "detection", "label": "loitering"}, (3, 5, 8)),
    ({"kind": "alarm", "alarm": "disk_fault"}, (3, 6, 1)),
    ({"kind": "alarm", "alarm": "smoke"}, (1, 2, None)),
    ({"kind": "alarm", "alarm": "something_new"}, (4, 2, None)),
]


@pytest.mark.parametrize(("fields", "codes"), SUGGESTED, ids=[str(fields) for fields, _ in SUGGESTED])
def test_the_mapping_that_the_reference_suggests(fields: dict[str, Any], codes: tuple[int, int, int | None]) -> None:
    row = row_of(event(**fields))
    assert row is not None
    assert (row.priority, row.method, row.type) == codes


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "access", "result": "granted"},
        {"kind": "door", "state": "closed"},
        {"kind": "alarm", "alarm": "fire", "state": "cleared"},
        {"kind": "alarm", "alarm": "smoke", "state": "test"},
        {"kind": "detection", "label": "intrusion", "phase": "update"},
        {"kind": "plate"},
    ],
)
def test_what_is_no_alarm_is_none_above_either(fields: dict[str, Any]) -> None:
    assert row_of(event(**fields)) is None


def test_a_city_s_own_rows_go_before_ours() -> None:
    own = AlarmRow(When(kind=("door",), state=("held_open",)), 1, "门开", 5, 6)
    assert row_of(event(kind="door", state="held_open"), (own, *BUILT_IN)) == own


def test_no_row_uses_the_methods_that_receivers_read_otherwise() -> None:
    """4 is taken as a position, 7 is not stored."""
    assert {row.method for row in BUILT_IN} <= {2, 5, 6}


def test_the_body_of_the_reference() -> None:
    row = row_of(event(kind="alarm", alarm="tamper"))
    assert row is not None
    body = read(written(alarm(Alarm(DOOR, 3, row, AT, "东门", 120.1, 30.2)), "GB2312"))
    assert [(one.name, one.text) for one in body.children][:-1] == [
        ("CmdType", "Alarm"), ("SN", "3"), ("DeviceID", DOOR), ("AlarmPriority", "2"), ("AlarmMethod", "2"),
        ("AlarmTime", "2026-11-22T16:10:00"), ("AlarmDescription", "防拆报警 东门"),
        ("Longitude", "120.100000"), ("Latitude", "30.200000"),
    ]  # fmt: skip
    assert body.word("Info", "AlarmType") == "2"


def test_nobody_s_name_plate_card_or_word_goes_with_an_alarm() -> None:
    personal = Subject(type="card", id="8112345", name="李四", person_id="P77")
    told = event(kind="door", state="forced_open", subject=personal, text="李四 13800000000", place="1号楼")
    row = row_of(told)
    assert row is not None
    body = written(alarm(Alarm(DOOR, 1, row, AT, told.place or "")), "UTF-8").decode()
    assert not [word for word in ("李四", "8112345", "P77", "138") if word in body]


@given(st.binary(min_size=16, max_size=16))
def test_the_serial_of_a_record_is_the_same_at_every_attempt_and_fits(identity: bytes) -> None:
    assert 1 <= alarm_sn(identity) <= 2_147_483_647
    assert alarm_sn(identity) == alarm_sn(bytes(identity))


# --- what is asked of us ---


def control(inner: str, target: str = DOOR) -> Control:
    one = read_asked(
        f"<Control><CmdType>DeviceControl</CmdType><SN>9</SN><DeviceID>{target}</DeviceID>{inner}</Control>".encode()
    )
    assert isinstance(one, Control)
    return one


def test_arming_disarming_and_clearing() -> None:
    guard = Guard(is_alarming=True)
    assert after(guard, control("<AlarmCmd>ResetAlarm</AlarmCmd>")).duty == "ONDUTY"
    disarmed = after(guard, control("<GuardCmd>ResetGuard</GuardCmd>"))
    assert disarmed.duty == "OFFDUTY"
    assert after(disarmed, control("<GuardCmd>SetGuard</GuardCmd>")).duty == "ONDUTY"
    assert refusal(control("<GuardCmd>SetGuard</GuardCmd>"), {DOOR}) is None


OPENINGS = ["<DoorCmd>Open</DoorCmd>", "<OpenDoor>1</OpenDoor>", "<GateControl>up</GateControl>", "<UnlockCmd/>"]
OPENINGS.append("<GuardCmd>SetGuard</GuardCmd><DoorCmd>1</DoorCmd>")
STRANGE = ["<TeleBoot>Boot</TeleBoot>", "<PTZCmd>A50F01</PTZCmd>", "<GuardCmd>Sing</GuardCmd>", ""]


@pytest.mark.parametrize("inner", OPENINGS)
def test_no_door_is_opened_by_a_platform(inner: str) -> None:
    assert control(inner).wish == "open"
    assert refusal(control(inner), {DOOR}) == "no door or barrier is opened by this platform"


@pytest.mark.parametrize(
    "inner", ["<TeleBoot>Boot</TeleBoot>", "<PTZCmd>A50F01</PTZCmd>", "<GuardCmd>Sing</GuardCmd>", ""]
)
def test_what_is_not_supported_is_refused(inner: str) -> None:
    assert refusal(control(inner), {DOOR}) is not None
    assert after(Guard(), control(inner)) == Guard()


def test_a_device_that_is_not_ours_is_not_armed() -> None:
    assert refusal(control("<GuardCmd>SetGuard</GuardCmd>", OURS), {DOOR}) == "no device of ours"


def test_the_four_roots() -> None:
    head = "<CmdType>Alarm</CmdType><SN>3</SN><DeviceID>1</DeviceID>"
    assert isinstance(read_asked(f"<Query>{head}</Query>".encode()), Query)
    assert read_asked(f"<Response>{head}<Result>OK</Result></Response>".encode()) == Answer("Alarm", 3, "1", "OK")
    assert read_asked(f"<Notify>{head}</Notify>".encode()) == Notice("Alarm", "1")


@pytest.mark.parametrize(
    "body",
    [
        "<Query><SN>1</SN><DeviceID>1</DeviceID></Query>",
        "<Query><CmdType>Catalog</CmdType><SN>x</SN><DeviceID>1</DeviceID></Query>",
        "<Query><CmdType>Catalog</CmdType><SN>99999999999</SN><DeviceID>1</DeviceID></Query>",
        "<Wish><CmdType>Catalog</CmdType><SN>1</SN><DeviceID>1</DeviceID></Wish>",
    ],
)
def test_what_is_no_message_is_refused_in_words(body: str) -> None:
    with pytest.raises(BadXml, match=r"CmdType|SN|neither"):
        read_asked(body.encode())


def interest(inner: str) -> Any:
    query = read_asked(f"<Query><CmdType>Alarm</CmdType><SN>1</SN><DeviceID>1</DeviceID>{inner}</Query>".encode())
    assert isinstance(query, Query)
    return interest_of(query)


def test_what_a_subscriber_wants_to_hear() -> None:
    urgent, video = AlarmRow(When(kind=("alarm",)), 1, "a", 2), AlarmRow(When(kind=("alarm",)), 4, "b", 5)
    for inner in (
        "",
        "<AlarmMethod>0</AlarmMethod>",
        "<StartAlarmPriority>0</StartAlarmPriority>",
        "<AlarmMethod>?</AlarmMethod>",
    ):
        assert interest(inner).wants(urgent) and interest(inner).wants(video)
    one_or_two = interest("<AlarmMethod>12</AlarmMethod>")
    assert one_or_two.wants(urgent) and not one_or_two.wants(video)
    high = interest("<StartAlarmPriority>1</StartAlarmPriority><EndAlarmPriority>2</EndAlarmPriority>")
    assert high.wants(urgent) and not high.wants(video)


def test_the_smaller_bodies() -> None:
    alive = keepalive(OURS, 101)
    assert (alive.name, alive.word("CmdType"), alive.word("SN"), alive.word("Status")) == (
        "Notify",
        "Keepalive",
        "101",
        "OK",
    )
    status = device_status(5, OURS, AT, {DOOR: Guard(False)}, is_online=True)
    assert status.word("Alarmstatus", "Item", "DutyStatus") == "OFFDUTY"
    assert (status.word("Online"), status.word("DeviceTime")) == ("ONLINE", "2026-11-22T16:10:00")
    assert result("DeviceControl", 9, DOOR, ok=False).word("Result") == "ERROR"
