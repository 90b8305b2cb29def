"""Dahua beyond the recorded messages: other firmware, uploads, refusals, records of the past."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.access import asks_for_a_decision
from domain.events import Event, is_replay
from edge.devices.driver import (
    ANSWER_STATUS,
    ANSWER_TO,
    BadMessage,
    CannotEncode,
    Command,
    Message,
    Request,
    discover,
)
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of, sample

FAMILY = "dahua"
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100
SECONDS = 1772324130  # 2026-03-01 00:15:30 UTC
AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)


def events(payload: bytes | str | dict[str, Any], **changes: Any) -> list[Event]:
    body = json.dumps(payload, ensure_ascii=False) if isinstance(payload, dict) else payload
    body = body.encode() if isinstance(body, str) else body
    return discover().decode(Message(FAMILY, body, received_at=RECEIVED_AT, **changes), SITE).events


def only(payload: bytes | str | dict[str, Any], **changes: Any) -> Event:
    (event,) = events(payload, **changes)
    return event


def told(code: str = "AccessControl", action: str = "Pulse", index: int = 0, **said: Any) -> str:
    return f"Code={code};action={action};index={index};data={json.dumps(said, ensure_ascii=False)}"


def access(**said: Any) -> Event:
    base = {"CardNo": "AABB1122", "Door": 0, "Method": 1, "Status": 0, "UTC": SECONDS, "Type": "Exit"}
    return only(told(**{**base, **said}), sender="TESTASI00001")


@pytest.mark.parametrize(
    ("error", "reason", "asks"),
    [
        (0x10, "no_permission", True),
        (0x14, "expired", True),
        (0x15, "anti_passback", False),
        (0x17, "door_normally_closed", False),
        (0x18, "interlock", False),
        (0x30, "first_card_needed", False),
        (0x40, "wrong_password", False),
        (0x42, "wrong_fingerprint", False),
        (0x51, "more_cards_needed", False),
        (0x61, "wrong_face", False),
        (0x63, "anti_passback", False),
        (0x22, None, True),
        (0x77, None, True),
    ],
)
def test_a_refusal_has_its_reason_and_a_card_list_outweighs_no_second_proof(
    error: int, reason: str | None, asks: bool
) -> None:
    event = access(ErrorCode=error)
    assert (event.result, event.reason, event.reason_code) == ("denied", reason, str(error))
    assert asks_for_a_decision(event) is asks


@pytest.mark.parametrize(
    ("sent", "method"),
    [(1, "card"), (2, "pin"), (3, "pin"), (9, "fingerprint"), (14, "qr"), (15, "face"), (25, "face"), (40, None)],
)
def test_of_several_proofs_it_is_not_the_card_that_is_told(sent: int, method: str | None) -> None:
    event = access(Method=sent, ErrorCode=0x10)
    assert (event.method, event.raw_codes) == (method, {"Method": sent})
    assert asks_for_a_decision(event) is (sent == 1), "a list of cards opens nothing that wanted more than a card"


@pytest.mark.parametrize(
    ("said", "quality"),
    [
        ({"UTC": SECONDS}, "ok"),
        ({"UTC": SECONDS + 8 * 3600}, "assumed_zone"),  # the wall clock as if it were UTC
        ({"UTC": SECONDS + 8 * 3600, "RealUTC": SECONDS}, "ok"),
        ({"UTC": 0, "CreateTime": SECONDS + 8 * 3600, "CreateTimeRealUTC": str(SECONDS)}, "ok"),
    ],
)
def test_the_time_that_is_utc_counts(said: dict[str, Any], quality: str) -> None:
    event = access(**said)
    assert (event.time, event.time_quality) == (AT, quality)


@pytest.mark.parametrize("sent", [12, 4_102_444_799, "x"])
def test_a_clock_that_is_wrong_beyond_use_is_said(sent: object) -> None:
    event = access(UTC=sent)
    assert (event.time, event.time_quality, event.device_time) == (None, "device_clock_bad", str(sent))


def test_an_old_record_told_as_news_opens_nothing() -> None:
    event = access(UTC=SECONDS - 7200)
    assert is_replay(event)
    assert not asks_for_a_decision(event)


def test_several_events_stand_in_one_message() -> None:
    both = told(Status=1, UTC=SECONDS) + "\r\n\r\n" + told("DoorStatus", Status="Open", UTC=SECONDS)
    assert [event.kind for event in events(both)] == ["access", "door"]


@pytest.mark.parametrize(
    "upload",
    [
        {"Code": "AccessControl", "Action": "Pulse", "Index": 0, "Data": {"Status": 1, "CardNo": "1", "UTC": SECONDS}},
        {"Events": [{"Code": "AccessControl", "Action": "Pulse", "Data": {"Status": 1, "CardNo": "1"}}]},
        {"Events": [{"Code": "AccessControl", "Status": "1", "CardNo": "1"}]},
    ],
)
def test_an_upload_is_read_as_the_stream(upload: dict[str, Any]) -> None:
    event = only(upload, sender="TESTASI00001")
    assert (event.device, event.result) == ("dahua:TESTASI00001", "granted")


def test_a_face_and_how_alike_it_was() -> None:
    event = only(told("_DoorFace_", Status=1, UserID="10017", Similarity=93, RealUTC=SECONDS, Door=0))
    assert (event.method, event.confidence, event.time) == ("face", 0.93, AT)
    assert event.subject is not None
    assert (event.subject.type, event.subject.id) == ("person", "10017")


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        (told("DoorStatus", Status="Close"), "door", {"state": "closed", "point": "door/0"}),
        (told("DoorStatus", Status="Break"), "door", {"state": "forced_open"}),
        (told("DoorStatus", Status="Fnord"), "door", {"state": "unknown", "state_code": "fnord"}),
        (told("DoorNotClosed", "Start", 1), "door", {"state": "held_open", "point": "door/1"}),
        (told("BreakIn", "Start"), "door", {"state": "forced_open"}),
        (told("AlarmLocal", "Start", 2), "input", {"point": "input/2", "value": 1}),
        (told("AlarmLocal", "Stop", 2), "input", {"value": 0}),
        (told("ChassisIntruded", "Start"), "alarm", {"alarm": "tamper", "state": "active"}),
        (told("FireWarning", "Stop"), "alarm", {"alarm": "fire", "state": "cleared"}),
        (told("CrossLineDetection", "Start"), "detection", {"label": "line_crossed", "phase": "start"}),
        ("Code=VideoMotion;action=Stop;index=0", "detection", {"label": "motion", "phase": "end"}),
        (told("NTPAdjustTime", Address="pool"), "unknown", {"code": "NTPAdjustTime"}),
        ("Heartbeat\r\n", "availability", {"state": "online"}),
    ],
)
def test_a_code_has_its_words(said: str, kind: str, words: dict[str, Any]) -> None:
    event = only(said, sender="X1")
    assert (event.kind, event.device) == (kind, "dahua:X1")
    assert {name: getattr(event, name) for name in words} == words


def test_a_shot_with_its_picture_from_either_wrapping() -> None:
    words = sample(FAMILY, "traffic-junction.txt").payload
    for charset in ("utf-8", "gb18030"):
        text = words.decode().encode(charset)
        head = b"--myboundary\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n"
        body = head + text + b"\r\n--myboundary\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n--myboundary--\r\n"
        event = only(body)
        assert event.subject is not None
        assert (event.subject.id, [media.bytes for media in event.media]) == ("粤B8K6Q2", [len(JPEG)])


def test_who_it_is_the_list_knows_better_than_what_somebody_typed() -> None:
    words = sample(FAMILY, "traffic-junction.txt").payload
    assert only(words, sender="LISTED1").device == "dahua:LISTED1"
    shot = json_of(FAMILY, "tollgate.json")
    assert only(shot, sender="LISTED1").device == "dahua:TESTITC00001"  # a serial number is its own


def test_a_car_without_a_plate_and_the_same_car_again() -> None:
    from domain.ids import fact_id

    shot = json_of(FAMILY, "tollgate.json")
    assert fact_id(only(shot)) == fact_id(only(shot)) != None  # noqa: E711
    shot["Picture"]["Plate"] |= {"IsExist": False, "PlateNumber": "", "Confidence": 0}
    event = only(shot)
    assert event.subject is not None
    assert (event.subject.id, event.subject.plate_status, event.confidence) == (None, "no_plate", None)


def test_records_of_the_past_never_act() -> None:
    lines = "found=1\r\nrecords[0].CardNo=00112233\r\nrecords[0].Status=0\r\nrecords[0].Method=1\r\n"
    event = only(lines + f"records[0].CreateTime={SECONDS}\r\nrecords[0].RecNo=7\r\nrecords[0].Door=0\r\n")
    assert (event.kind, event.result, event.source_event_id) == ("access", "denied", "7")
    assert not asks_for_a_decision(event)
    assert events("found=0\r\n", sender="X1") == []


@pytest.mark.parametrize(
    "payload",
    [
        "Code=AccessControl;action=Pulse;index=0;data={",
        "Code=AccessControl;action=Pulse;index=0;data={}",
        "Code=AccessControl;action=Pulse;index=0;rubbish",
        "Events[0].Lane=1",
        "Events[0].EventBaseInfo[0].a.b.c.d.e.f.g.h.i=1",
        "records[99999].CardNo=1",
        '{"Picture": {"NormalPic": {}}}',
        "<html></html>",
    ],
)
def test_half_a_message_is_refused(payload: str) -> None:
    with pytest.raises(BadMessage):
        events(payload, sender="X1")


@pytest.mark.parametrize("topic", ["/NotificationInfo/TollgateInfo", "/notificationinfo/KeepAlive"])
@pytest.mark.parametrize("payload", [b"{", b"", b'{"Picture": {}}'])
def test_itsapi_is_told_yes_whatever_it_sent(topic: str, payload: bytes) -> None:
    answer = discover().answer(Message(FAMILY, payload, topic), SITE)
    assert answer is not None
    assert json.loads(answer.payload) == {"Result": True, "Message": "Success"}


def encode(name: str, **args: Any) -> str:
    made = discover().encode(Command(name, "dahua:1", "order-1", RECEIVED_AT, args), SITE)
    assert isinstance(made, Request)
    return made.path


def test_doors_count_from_one_in_commands() -> None:
    assert "channel=3&" in encode("door.open", point="door/2")
    assert "openStrobe&channel=1" in encode("barrier.open")
    for point in ("door/-1", "door/x", "door/0&UserID=1"):
        with pytest.raises(CannotEncode):
            encode("door.open", point=point)


@pytest.mark.parametrize(
    ("status", "body", "ok"),
    [
        ("200", b"OK\r\n", True),
        ("200", b"Error\r\nBad Request!\r\n", False),
        ("400", b"OK", False),
        ("200", b"", False),
    ],
)
def test_an_answer_is_the_result_of_its_command(status: str, body: bytes, ok: bool) -> None:
    event = only(body, headers={ANSWER_STATUS: status, ANSWER_TO: "order-1"}, sender="X1")
    assert (event.kind, event.device, event.request_id, event.ok) == ("command_result", "dahua:X1", "order-1", ok)
