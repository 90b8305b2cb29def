"""Hikvision beyond the recorded messages: other firmware, other charsets, damage, and doors that ask."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.access import asks_for_a_decision
from domain.events import Event, is_replay
from edge.devices.driver import (
    ANSWER_STATUS,
    ANSWER_TO,
    NO_ANSWER,
    NOT_REACHED,
    BadMessage,
    CannotEncode,
    Command,
    Message,
    Request,
    discover,
)
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of, sample

FAMILY = "hikvision-isapi"
JPEG = b"\xff\xd8\xff\xe0" + b"x" * 100
XML = sample(FAMILY, "anpr-blue-cn.xml").payload.decode()


def events(payload: bytes | str | dict[str, Any], **changes: Any) -> list[Event]:
    body = json.dumps(payload) if isinstance(payload, dict) else payload
    body = body.encode() if isinstance(body, str) else body
    return discover().decode(Message(FAMILY, body, received_at=RECEIVED_AT, **changes), SITE).events


def only(payload: bytes | str | dict[str, Any], **changes: Any) -> Event:
    (event,) = events(payload, **changes)
    return event


def access(minor: int, major: int = 5, **changes: Any) -> dict[str, Any]:
    body = json_of(FAMILY, "acs-card-denied.json")
    body["AccessControllerEvent"] |= {"majorEventType": major, "subEventType": minor, **changes}
    return body


# --- plates, however they are written ---


@pytest.mark.parametrize(
    "written",
    [
        XML.encode("gb18030"),  # says UTF-8, and is not
        XML.replace("UTF-8", "GB2312").encode("gb18030"),
        XML.replace("UTF-8", "gbk").encode("gb18030"),
        XML.replace("UTF-8", "utf-16").encode(),
        XML.replace("UTF-8", "x-unheard-of").encode(),
        b"\xef\xbb\xbf" + XML.encode(),
        b"\0\0\r\n" + XML.encode() + b"\0\0",
        XML.replace("http://www.isapi.org/ver20/XMLSchema", "http://www.hikvision.com/ver20/XMLSchema").encode(),
        XML.replace(' xmlns="http://www.isapi.org/ver20/XMLSchema"', "").encode(),
        XML.replace("<", "<h:").replace("<h:/", "</h:").replace("<h:?", "<?").encode(),  # nobody declares h
        json.dumps(
            {
                "EventNotificationAlert": {
                    "macAddress": "00-00-5E-00-53-41",
                    "dateTime": "2026-03-01T08:15:30+8:00",
                    "eventType": "ANPR",
                    "ANPR": {"licensePlate": "蓝粤B8K6Q2", "plateColor": "BLUE", "confidenceLevel": "97", "line": 1},
                    "UUID": "6f1d2c3e-0001-4b7a-9c11-0a0b0c0d0e0f",
                }
            },
            ensure_ascii=False,
        ).encode("gb18030"),
    ],
)
def test_a_plate_is_read_in_whatever_it_is_written(written: bytes) -> None:
    event = only(written)
    assert event.subject is not None
    assert (event.device, event.subject.id, event.subject.plate_color) == ("hikvision:00005e005341", "粤B8K6Q2", "blue")
    assert (event.time, event.time_quality, event.confidence, event.lane) == (
        datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC),
        "ok",
        0.97,
        "1",
    )


@pytest.mark.parametrize(
    "bomb",
    [
        '<!DOCTYPE a [<!ENTITY b "boom">]>',
        '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://192.0.2.1/a.dtd">',
    ],
)
def test_xml_with_entities_is_refused(bomb: str) -> None:
    head, _, rest = XML.partition("\n")
    with pytest.raises(BadMessage, match="entities"):
        events(f"{head}{bomb}{rest}")


def multipart(*parts: tuple[str, str, bytes], end: bytes = b"\r\n") -> bytes:
    pieces = [
        f'--MIME_boundary\nContent-Disposition: form-data; name="{name}"; filename="{name}"\n'
        f"Content-Type: {kind}\nContent-Length: 7\n\n".replace("\n", end.decode()).encode()
        + body
        + end
        for name, kind, body in parts
    ]
    return b"".join(pieces) + b"--MIME_boundary--" + end


def test_a_content_type_that_lies_is_not_believed() -> None:
    event = only(XML, headers={"content-type": "multipart/form-data; boundary=boundary"})
    assert event.kind == "plate"
    body = multipart(("anpr.xml", "text/xml", XML.encode()), ("detectionPicture.jpg", "image/jpeg", JPEG))
    assert len(only(body, headers={"content-type": "application/xml"}).media) == 1
    assert len(only(body, headers={"content-type": "multipart/form-data; boundary=other"}).media) == 1


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
def test_pictures_are_known_by_what_they_are(end: bytes) -> None:
    """Lengths lie, types are octet-stream, one is empty, one is no picture, and the words come last."""
    body = multipart(
        ("licensePlatePicture.jpg", "application/octet-stream", JPEG),
        ("vehiclePicture.jpg", "image/jpeg", b""),
        ("featurePicture.jpg", "image/jpeg", b"not found"),
        ("detectionPicture.jpg", "image/jpeg", b"\x89PNG\r\n\x1a\n..."),
        ("anpr.xml", "text/xml", XML.encode("gb18030")),
        end=end,
    )
    event = only(body)
    assert [(media.role, media.type) for media in event.media] == [("plate", "image/jpeg"), ("scene", "image/png")]


def test_a_megabyte_picture_is_kept_whole() -> None:
    picture = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 16_000
    reading = discover().decode(
        Message(
            FAMILY, multipart(("detectionPicture.jpg", "image/jpeg", picture), ("a.xml", "text/xml", XML.encode()))
        ),
        SITE,
    )
    assert [kept.body for kept in reading.pictures] == [picture]


def test_the_second_message_of_a_car_is_the_same_fact() -> None:
    from domain.ids import fact_id

    first = XML.replace("<picNum>0</picNum>", "<hasMoreData>true</hasMoreData>")
    second = multipart(("anpr.xml", "text/xml", XML.encode()), ("detectionPicture.jpg", "image/jpeg", JPEG))
    assert fact_id(only(first)) == fact_id(only(second))


def test_a_retransmitted_plate_is_a_replay() -> None:
    event = only(XML.replace("<picNum>", "<isDataRetransmission>true</isDataRetransmission><picNum>"))
    assert is_replay(event)


@pytest.mark.parametrize(
    ("said", "time", "quality"),
    [
        ("2026-03-01T08:15:30", "2026-03-01T00:15:30+00:00", "assumed_zone"),  # no zone: the site's
        ("2026-03-01T08:15:30Z", "2026-03-01T00:15:30+00:00", "assumed_zone"),  # a wall clock that says it is UTC
        ("2026-03-01T00:15:30+08:00", "2026-03-01T00:15:30+00:00", "assumed_zone"),
        ("1970-01-01T08:00:12+08:00", None, "device_clock_bad"),
        ("2099-12-31T23:59:59+08:00", None, "device_clock_bad"),
        ("yesterday", None, "device_clock_bad"),
        ("", None, "gateway"),
    ],
)
def test_a_wrong_clock_is_seen(said: str, time: str | None, quality: str) -> None:
    event = only(XML.replace("2026-03-01T08:15:30+08:00", said))
    assert (event.time and event.time.astimezone(UTC).isoformat(), event.time_quality) == (time, quality)


# --- access ---


@pytest.mark.parametrize(
    ("minor", "kind", "words"),
    [
        (0x01, "access", {"result": "granted", "method": "card"}),
        (0x06, "access", {"result": "denied", "reason": "no_permission"}),
        (0x07, "access", {"result": "denied", "reason": "outside_time_period"}),
        (0x08, "access", {"result": "denied", "reason": "expired"}),
        (0x0A, "access", {"result": "denied", "reason": "anti_passback"}),
        (0x0B, "access", {"result": "denied", "reason": "interlock"}),
        (0x10, "access", {"result": "granted"}),
        (0x26, "access", {"result": "granted", "method": "fingerprint"}),
        (0x27, "access", {"result": "denied", "method": "fingerprint"}),
        (0x36, "access", {"result": "granted", "method": "face"}),
        (0x37, "access", {"result": "denied", "method": "face"}),
        (0x38, "access", {"result": "denied", "reason": "timeout"}),
        (0x4C, "access", {"result": "denied", "method": "face"}),
        (0x65, "access", {"result": "granted", "method": "pin"}),
        (0x70, "access", {"result": "denied"}),
        (0x71, "access", {"result": "denied", "reason": "blocklist"}),
        (0x99, "access", {"result": "granted"}),
        (0x9B, "access", {"result": "denied"}),
        (0x15, "door", {"state": "unlocked"}),
        (0x16, "door", {"state": "locked"}),
        (0x17, "access", {"result": "granted", "method": "button"}),
        (0x19, "door", {"state": "open"}),
        (0x1A, "door", {"state": "closed"}),
        (0x1C, "door", {"state": "held_open"}),
        (0x25, "detection", {"label": "doorbell"}),
        (0x33, "alarm", {"alarm": "sos", "state": "active"}),
        (0x35, "alarm", {"alarm": "fire", "state": "cleared"}),
        (0x85, "alarm", {"alarm": "tailgating"}),
        (0x88, "alarm", {"alarm": "intrusion", "reason": "climbing"}),
    ],
)
def test_a_minor_type_has_its_words(minor: int, kind: str, words: dict[str, str]) -> None:
    event = only(access(minor))
    assert event.kind == kind
    assert {name: getattr(event, name) for name in words} == words


@pytest.mark.parametrize(("major", "minor"), [(5, 0x7FFF), (9, 1), (3, 0x50)])
def test_what_nobody_knows_is_kept_with_its_codes(major: int, minor: int) -> None:
    reading = discover().decode(Message(FAMILY, json.dumps(access(minor, major)).encode()), SITE)
    (event,) = reading.events
    assert (event.kind, event.code) == ("unknown", f"{major}/{minor}")
    assert event.raw_codes["AccessControllerEvent.subEventType"] == minor
    assert event.raw is not None
    assert [kept.sha256 for kept in reading.pictures] == [event.raw.sha256]


def test_a_button_that_is_let_go_says_nothing() -> None:
    assert events(access(0x18)) == []


def test_numbers_as_text_and_an_event_in_its_name() -> None:
    body = access(0x09)
    body["AccessControllerEvent"] = {key: str(value) for key, value in body["AccessControllerEvent"].items()}
    event = only({"EventNotificationAlert": body})
    assert (event.result, event.source_event_id, event.point) == ("denied", "1200", "door/1")


def test_a_card_with_its_owner() -> None:
    event = only(access(0x01, name="测试住户甲", employeeNoString="10017"))
    assert event.subject is not None
    assert (event.subject.type, event.subject.id, event.subject.person_id, event.subject.name) == (
        "card",
        "3812345678",
        "10017",
        "测试住户甲",
    )


def test_a_device_that_waits_for_a_verdict_asks() -> None:
    event = only(access(0x01, remoteCheck=True))
    assert event.result == "pending"
    assert asks_for_a_decision(event)
    assert not asks_for_a_decision(only(access(0x01)))


@pytest.mark.parametrize("minor", [0x03, 0x04, 0x0A, 0x0B, 0x29, 0x37, 0x3D, 0x66, 0x75, 0x97, 0x9B])
def test_a_card_list_does_not_open_what_asked_for_more(minor: int) -> None:
    assert not asks_for_a_decision(only(access(minor, remoteCheck=False)))


@pytest.mark.parametrize(
    ("said", "late"),
    [
        ({"currentEvent": False}, timedelta()),
        ({"currentEvent": "false"}, timedelta()),
        ({"currentEvent": None}, timedelta(hours=2)),
    ],
)
def test_history_never_asks(said: dict[str, Any], late: timedelta) -> None:
    body = access(0x09, **said)
    body["dateTime"] = (datetime.fromisoformat(body["dateTime"]) - late).isoformat()
    event = only(body)
    assert is_replay(event)
    assert not asks_for_a_decision(event)


def test_a_clock_that_lost_its_year_still_asks() -> None:
    """Where the device says that it is news: a battery that died must not lock a house."""
    body = access(0x09)
    body["dateTime"] = "1970-01-01T08:00:12+08:00"
    assert asks_for_a_decision(only(body))


# --- the rest ---


def test_keep_alives_and_what_lasts() -> None:
    beat = json_of(FAMILY, "heartbeat.json")
    for kind, state in (("heartBeat", "active"), ("heartbeat", "active"), ("videoloss", "inactive")):
        event = only(beat | {"eventType": kind, "eventState": state})
        assert (event.kind, event.state) == ("availability", "online")
    loss = only(beat | {"eventType": "videoloss", "eventState": "active"})
    assert (loss.kind, loss.alarm, loss.state) == ("alarm", "video_loss", "active")
    shelter = only(beat | {"eventType": "shelteralarm", "eventState": "inactive"})
    assert (shelter.alarm, shelter.state) == ("tamper", "cleared")


def test_a_detection_begins_and_ends_and_is_not_repeated() -> None:
    beat = json_of(FAMILY, "heartbeat.json") | {"eventType": "linedetection"}
    phases = [event.phase for count in (1, 2, 3) for event in events(beat | {"activePostCount": count})]
    phases += [event.phase for event in events(beat | {"eventState": "inactive", "activePostCount": 3})]
    assert phases == ["start", "end"]
    bike = only(beat | {"eventType": "ELECTRIC_BIKE_IN_ELEVATOR"})
    assert (bike.label, bike.reason_code) == ("ebike_in_elevator", "ELECTRIC_BIKE_IN_ELEVATOR")


@pytest.mark.parametrize(
    ("changes", "device"),
    [
        ({"macAddress": "00:00:5E:00:53:51"}, "hikvision:00005e005351"),
        ({"macAddress": "00:00:00:00:00:00"}, "hikvision:TESTAC001"),
        ({"macAddress": None}, "hikvision:TESTAC001"),
        ({"macAddress": "", "shortSerialNumber": ""}, "hikvision:listed"),
    ],
)
def test_a_device_is_named_by_what_is_its_own(changes: dict[str, Any], device: str) -> None:
    assert only(access(0x01) | changes, sender="listed").device == device


def test_a_message_of_nobody_is_refused() -> None:
    with pytest.raises(BadMessage, match="macAddress"):
        events({"eventType": "heartBeat"})


# --- commands ---


def encode(name: str, **args: Any) -> Request:
    made = discover().encode(Command(name, "hikvision:1", "order-1", RECEIVED_AT, args), SITE)
    assert isinstance(made, Request)
    return made


def test_a_barrier_without_a_barrier_gate_hangs_at_a_relay() -> None:
    request = encode("barrier.open", output=1)
    assert (request.method, request.path) == ("PUT", "/ISAPI/System/IO/outputs/1/trigger")
    assert b"<outputState>high</outputState>" in request.body


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("door.open", {}),
        ("door.open", {"point": "door/0"}),
        ("door.open", {"point": "door/1/../2"}),
        ("reboot.now", {}),
    ],
)
def test_what_does_not_fit_is_refused(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode):
        encode(name, **args)


@pytest.mark.parametrize(
    ("status", "body", "ok"),
    [
        ("200", b"<ResponseStatus><statusCode>1</statusCode><statusString>OK</statusString></ResponseStatus>", True),
        ("200", b'{"statusCode": 1, "statusString": "OK", "subStatusCode": "ok"}', True),
        ("200", b"<ResponseStatus><statusCode>4</statusCode></ResponseStatus>", False),
        ("403", b"<ResponseStatus><statusCode>1</statusCode></ResponseStatus>", False),
        ("200", b"<html>login</html>", False),
        ("200", b"", False),
        (NOT_REACHED, b"refused", False),
        (NO_ANSWER, b"", None),
    ],
)
def test_an_answer_is_the_result_of_its_command(status: str, body: bytes, ok: bool | None) -> None:
    event = only(body, headers={ANSWER_STATUS: status, ANSWER_TO: "order-1"}, sender="00005e005351")
    assert (event.kind, event.device, event.request_id, event.ok) == (
        "command_result",
        "hikvision:00005e005351",
        "order-1",
        ok,
    )
