"""Vzenith cameras with other firmware, other clocks and other habits than the recorded ones."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.events import Event, is_replay, stream_of
from domain.ids import fact_id
from edge.devices.driver import BadMessage, Message, Reading, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of, sample

JPEG = sample("vzenith-http", "plate-yellowgreen.json")
PICTURE = base64.b64decode(json.loads(JPEG.payload)["AlarmInfoPlate"]["result"]["PlateResult"]["imageFile"])
TRUE_TIME = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)


def wrapped(text: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


def decode(body: Any, topic: str = "device/cam-1/message/up/ivs_result", **changes: Any) -> Reading:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    return discover().decode(Message("vzenith-mqtt", payload, topic, **changes), SITE)


def plate(*, received_at: datetime | None = None, retained: bool = False, **result: Any) -> Event:
    """The recorded plate with these fields instead; ``...`` leaves one out."""
    body = json_of("vzenith-mqtt", "ivs-result-blue.json")
    fields = body["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]
    fields.update(result)
    for name in [name for name, value in result.items() if value is ...]:
        del fields[name]
    (event,) = decode(body, received_at=received_at, retained=retained).events
    return event


@pytest.mark.parametrize(
    ("license", "read"),
    [
        (wrapped("粤B8K6Q2"), "粤B8K6Q2"),
        ("粤B8K6Q2", "粤B8K6Q2"),
        (wrapped("粤B8K6Q2", "gb18030"), "粤B8K6Q2"),
        (wrapped("粤B8K6Q2\0"), "粤B8K6Q2"),
        (wrapped(" 粤b·8k6q2"), "粤B8K6Q2"),
        ("蓝粤B8K6Q2", "粤B8K6Q2"),
        (wrapped("粤Z9065澳"), "粤Z9065澳"),
        (wrapped("WJ粤1234X"), "WJ粤1234X"),
        ("CA12345", "CA12345"),  # a military plate of ASCII only
        (wrapped("ABC1234"), "ABC1234"),  # a foreign one, wrapped
        ("ABC1234", "ABC1234"),
        ("ABCD1234", "ABCD1234"),  # eight letters and digits could be base64, but of nothing readable
        (12345678, "12345678"),
    ],
)
def test_a_license_is_read_wrapped_or_plain(license: object, read: str) -> None:
    subject = plate(license=license).subject
    assert subject is not None
    assert (subject.id, subject.plate_status) == (read, "read")


def test_a_plate_that_fits_no_grammar_is_kept_and_marked() -> None:
    valid, odd = plate(license=wrapped("粤B8K6Q2")).subject, plate(license=wrapped("ABC1234")).subject
    assert valid is not None
    assert odd is not None
    assert (valid.valid, odd.valid) == (True, False)


@pytest.mark.parametrize(
    ("result", "status", "id_"),
    [
        ({"license": wrapped("_无_")}, "unreadable", None),
        ({"license": "_无_", "type": 31}, "no_plate", None),
        ({"license": wrapped("无牌车")}, "no_plate", None),
        ({"license": "noPlate"}, "no_plate", None),
        ({"license": wrapped("unknown")}, "unreadable", None),
        ({"license": ""}, "unreadable", None),
        ({"license": ...}, "unreadable", None),
        ({"license": None}, "unreadable", None),
        ({"license": {"no": 1}}, "unreadable", None),
        ({"license": "q83vEjRWeJCrze8SNFZ4kA=="}, "unreadable", None),
        ({"is_fake_plate": 1}, "suspect_fake", "粤B8K6Q2"),
        ({"is_fake_plate": "1"}, "suspect_fake", "粤B8K6Q2"),
        ({"type": 29}, "suspect_fake", "粤B8K6Q2"),
        ({"is_encrypted": 1, "license": "q83vEjRWeJCrze8SNFZ4kA=="}, "encrypted", None),
        ({"type": 31}, "read", "粤B8K6Q2"),  # says there is none, and reads one: the reading counts
    ],
)
def test_what_was_not_read_says_why(result: dict[str, Any], status: str, id_: str | None) -> None:
    subject = plate(**result).subject
    assert subject is not None
    assert (subject.plate_status, subject.id) == (status, id_)


@pytest.mark.parametrize(
    ("result", "color"),
    [
        ({"colorType": "1"}, "blue"),
        ({"colorType": 6, "type": 20}, "yellow_green"),
        ({"colorType": ..., "type": 19}, "green"),
        ({"colorType": ..., "type": 5}, "white"),
        ({"colorType": ..., "type": ...}, "unknown"),
        ({"colorType": 0, "license": "黄粤B8K6Q2"}, "yellow"),
        ({"colorType": 0, "license": "黑A12345"}, "unknown"),  # a province, not a colour
        ({"colorType": 99}, "unknown"),
    ],
)
def test_colors(result: dict[str, Any], color: str) -> None:
    subject = plate(**result).subject
    assert subject is not None
    assert subject.plate_color == color


def test_numbers_sent_as_text_mean_the_same() -> None:
    texts = {"confidence": "97", "type": "1", "direction": "4", "triggerType": "1", "isoffline": "0"}
    assert plate(**texts, start_time="1772324130000") == plate()


@pytest.mark.parametrize(
    ("sent", "read"),
    [(97, 0.97), ("88.5", 0.885), (0.97, 0.97), (100, 1.0), (0, 0.0), (255, None), (-1, None), ("?", None)],
)
def test_confidence_is_a_share(sent: object, read: float | None) -> None:
    assert plate(confidence=sent).confidence == read


def test_codes_without_a_word_are_kept() -> None:
    event = plate(direction=9, triggerType=128, colorType=99, type=77)
    assert (event.travel, event.trigger) == (None, None)
    assert event.raw_codes == {"type": 77, "colorType": 99, "direction": 9, "triggerType": 128}


@pytest.mark.parametrize(
    ("code", "word"), [(1, "left"), (2, "right"), (3, "departing"), (4, "approaching"), (0, "unknown"), (None, None)]
)
def test_travel_is_what_the_camera_saw(code: int | None, word: str | None) -> None:
    assert plate(direction=code).travel == word


@pytest.mark.parametrize(
    ("fields", "time"),
    [
        ({"start_time": 1772324130123}, TRUE_TIME + timedelta(milliseconds=123)),
        ({"start_time": 1772324130}, TRUE_TIME),  # seconds on clones
        ({"start_time": 0}, TRUE_TIME),
        ({"start_time": ..., "begin_time": 1772324131}, TRUE_TIME + timedelta(seconds=1)),
        (
            {"start_time": ..., "begin_time": ..., "timeStamp": {"Timeval": {"sec": 1772324130, "usec": 687772}}},
            TRUE_TIME + timedelta(microseconds=687772),
        ),
        ({"start_time": ..., "begin_time": ...}, TRUE_TIME),  # the envelope's
        ({"start_time": "soon", "begin_time": ...}, TRUE_TIME),
    ],
)
def test_the_most_trusted_time_counts(fields: dict[str, Any], time: datetime) -> None:
    event = plate(**fields)
    assert (event.time, event.time_quality) == (time, "ok")


def test_a_clock_in_the_wrong_zone_is_corrected() -> None:
    for fault in (timedelta(hours=8), timedelta(hours=-8)):
        wrong = int((TRUE_TIME + fault).timestamp() * 1000)
        event = plate(start_time=wrong, received_at=RECEIVED_AT)
        assert (event.time, event.time_quality, event.device_time) == (TRUE_TIME, "assumed_zone", str(wrong))


@pytest.mark.parametrize(
    "wrong", [1_500_000_000_000, 12_345_000, 253_402_300_799_000, "2026", "x" * 500, 10**30, {}, -5]
)
def test_a_clock_beyond_belief_gives_no_time(wrong: object) -> None:
    body = json_of("vzenith-mqtt", "ivs-result-blue.json")
    body["timestamp"] = 0
    body["payload"]["AlarmInfoPlate"]["result"]["PlateResult"] |= {"start_time": wrong, "begin_time": None}
    (event,) = decode(body, received_at=RECEIVED_AT).events
    assert (event.time, event.time_quality) == (None, "device_clock_bad")
    assert event.device_time
    assert len(event.device_time) <= 64


def test_without_any_clock_the_gateway_s_counts() -> None:
    body = json_of("vzenith-mqtt", "ivs-result-blue.json")
    del body["timestamp"]
    body["payload"]["AlarmInfoPlate"]["result"]["PlateResult"] |= {"start_time": None, "begin_time": None}
    (event,) = decode(body, received_at=RECEIVED_AT).events
    assert (event.time, event.time_quality, event.device_time) == (None, "gateway", None)


def test_a_stored_record_is_a_replay_whatever_its_clock_says() -> None:
    for start_time in (1772324130000, 1_500_000_000_000, "broken"):
        event = plate(isoffline=1, start_time=start_time, received_at=RECEIVED_AT)
        assert event.time_quality == "replay"
        assert is_replay(event)


def test_a_retained_plate_is_a_stored_record() -> None:
    event = plate(retained=True, received_at=RECEIVED_AT + timedelta(hours=3))
    assert (event.time, event.time_quality, event.retained) == (TRUE_TIME, "replay", True)


def test_offline_record_is_a_replay_and_the_same_fact() -> None:
    body = json_of("vzenith-mqtt", "ivs-result-blue.json")
    (live,) = decode(body).events
    body["name"] = "offline_record"
    (stored,) = decode(body, "device/cam-1/message/up/offline_record").events
    assert stored.time_quality == "replay"
    assert fact_id(stored) == fact_id(live)


def test_a_number_that_starts_again_names_a_fact_only_with_its_time() -> None:
    first = plate(unique_id=..., plateid=7)
    again = plate(unique_id=..., plateid="7", start_time=1772410530000)
    assert (first.source_event_id, again.source_event_id) == ("7", "7")
    assert first.counter_restarts
    assert fact_id(first) != fact_id(again)
    assert not plate().counter_restarts


def test_pictures_inside_the_message_are_named_by_content() -> None:
    body = json_of("vzenith-mqtt", "ivs-result-blue.json")
    content = base64.b64encode(PICTURE).decode()
    body["payload"]["AlarmInfoPlate"]["result"]["PlateResult"] |= {
        "full_image_content": content,
        "small_image_content": "data:image/jpeg;base64," + content,
    }
    reading = decode(body)
    assert [(media.role, media.bytes, media.ref) for media in reading.events[0].media] == [
        ("scene", len(PICTURE), None),
        ("plate", len(PICTURE), None),
    ]
    assert {picture.body for picture in reading.pictures} == {PICTURE}


def test_a_broken_picture_does_not_lose_the_car() -> None:
    event = plate(
        full_image_content="%%%", small_image_content=wrapped("no picture"), imagePath=..., imageFragmentPath=""
    )
    assert event.media == []
    assert event.subject is not None
    assert event.subject.id == "粤B8K6Q2"


def test_a_reference_is_kept_without_what_opens_it() -> None:
    event = plate(imagePath=wrapped("http://admin:pw@192.0.2.31/a.jpg?id=3&sig=abc&x=1"), imageFragmentPath="/b.jpg")
    assert [media.ref for media in event.media] == ["http://192.0.2.31/a.jpg?id=3&sig=&x=1", "/b.jpg"]


def test_an_envelope_without_names_is_addressed_by_its_topic() -> None:
    body = {"payload": {"body": {"timestamp": 1772324130}}}
    for topic in ("device/cam-1/message/up/keep_alive", "cam-1/device/message/up/keep_alive"):
        (event,) = decode(body, topic).events
        assert (event.kind, event.device, event.time) == ("availability", "vzenith:cam-1", TRUE_TIME)
    with pytest.raises(BadMessage, match="sn"):
        decode(body, "")


def test_a_keep_alive_may_begin_with_nul() -> None:
    payload = b"\0" + json.dumps(json_of("vzenith-mqtt", "keep-alive.json")).encode() + b"\0\n"
    assert decode(payload, "").events[0].state == "online"


def test_a_message_without_topic_is_told_by_its_name() -> None:
    assert decode(json_of("vzenith-mqtt", "ivs-result-blue.json"), "").events[0].kind == "plate"
    assert decode(json_of("vzenith-mqtt", "reply-open.json"), "").events[0].kind == "command_result"


def test_each_press_on_an_input_is_a_fact() -> None:
    body = json_of("vzenith-mqtt", "gpio-in.json")
    (first,) = decode(body, "").events
    (again,) = decode(body | {"id": "another"}, "").events
    assert (first.point, first.value) == ("input/0", 1)
    assert fact_id(first) != fact_id(again)
    assert fact_id(first) == fact_id(decode(body, "").events[0])


def test_an_input_may_come_without_body_and_as_text() -> None:
    body = json_of("vzenith-mqtt", "gpio-in.json")
    alarm = body["payload"]["body"]
    alarm["AlarmGioIn"]["result"]["TriggerResult"] = {"source": "3", "value": "0"}
    (event,) = decode(body | {"payload": alarm}, "").events
    assert (event.point, event.value) == ("input/3", 0)


@pytest.mark.parametrize(
    ("body", "link", "code"),
    [
        ({"gate_status": 2, "connect_status": 0}, "disconnected", 2),
        ({"gate_status": "3", "connect_status": "1"}, "connected", 3),
        ({"gate_status": "opening"}, None, "opening"),
        ({"gate_status": 0, "connect_status": 7}, None, 0),
    ],
)
def test_a_barrier_s_code_is_kept_and_not_guessed(body: dict[str, Any], link: str | None, code: int | str) -> None:
    message = json_of("vzenith-mqtt", "barrier-status.json") | {"payload": {"body": body}}
    (event,) = decode(message, "").events
    assert (event.kind, event.state, event.state_code, event.link) == ("barrier", "unknown", code, link)


@pytest.mark.parametrize(
    ("code", "label", "phase"),
    [
        (81, "person_stay", "start"),
        (73, "person_stay", "end"),
        (82, "vehicle_stay", "instant"),
        (83, "vehicle_passed", "instant"),
        ("84", "vehicle_turned_back", "instant"),
        (85, "tailgating", "instant"),
        (96, "crowd", "start"),
        (97, "crowd", "end"),
    ],
)
def test_lane_events(code: object, label: str, phase: str) -> None:
    body = json_of("vzenith-mqtt", "lanectrl-turnback.json")
    body["payload"] = {"event_type": code, "result": []}
    (event,) = decode(body, "").events
    assert (event.kind, event.label, event.phase, event.subject) == ("detection", label, phase, None)


def test_each_car_of_a_lane_event_is_an_event() -> None:
    body = json_of("vzenith-mqtt", "lanectrl-turnback.json")
    body["payload"]["result"] *= 2
    first, second = decode(body, "").events
    assert fact_id(first) != fact_id(second)


def test_an_unknown_lane_event_is_kept_as_unknown() -> None:
    body = json_of("vzenith-mqtt", "lanectrl-turnback.json")
    body["payload"]["event_type"] = 12345
    (event,) = decode(body, "").events
    assert (event.kind, event.code, event.raw_codes["event_type"]) == ("unknown", "lanectrl_result", 12345)


def test_serial_data_is_passed_through() -> None:
    frames = [{"serialChannel": 1, "data": "Y2guY29tFw==", "dataLen": 7}, {"data": "AA=="}]
    body = {"id": "s", "sn": "cam-1", "name": "serial_data", "payload": {"body": {"SerialData": frames}}}
    first, second = decode(body, "").events
    assert (first.kind, first.point, first.bytes, first.ext) == (
        "passthrough",
        "serial/1",
        7,
        {"base64": "Y2guY29tFw=="},
    )
    assert (second.point, second.bytes) == ("serial/0", 1)
    assert fact_id(first) != fact_id(second)


def test_a_snapshot_is_a_detection_with_its_picture() -> None:
    body = {"sn": "cam-1", "name": "snapshot", "payload": {"image_content": base64.b64encode(PICTURE).decode()}}
    reading = decode(body, "")
    assert [picture.body for picture in reading.pictures] == [PICTURE]
    assert reading.events[0].media[0].sha256 == reading.pictures[0].sha256


@pytest.mark.parametrize(("code", "ok"), [(200, True), ("200", True), (404, False), (500, False), (None, None)])
def test_a_reply_is_an_answer_not_a_movement(code: object, ok: bool | None) -> None:
    body = json_of("vzenith-mqtt", "reply-open.json") | {"code": code}
    (event,) = decode(body, "device/cam-1/message/down/gpio_out/reply").events
    assert (event.kind, event.ok, event.request_id, event.label) == ("command_result", ok, "9f0e", "gpio_out")
    assert event.state is None
    assert stream_of(event) == "urgent"


def test_what_we_do_not_know_is_kept_whole() -> None:
    body = {
        "id": "u",
        "sn": "cam-1",
        "name": "gate_wizardry",
        "timestamp": 1772324130,
        "payload": {"body": {"level": 3}},
    }
    reading = decode(body, "device/cam-1/message/up/gate_wizardry")
    (event,) = reading.events
    assert (event.kind, event.code, event.raw_codes) == ("unknown", "gate_wizardry", {"body.level": 3})
    assert event.raw is not None
    assert [(picture.sha256, json.loads(picture.body)) for picture in reading.pictures] == [(event.raw.sha256, body)]


def test_a_password_is_not_kept() -> None:
    cloud = {"user": "u1", "pass_wd": "hunter2", "mqtt": {"password": "hunter2", "port": 1883}}
    reading = decode({"sn": "cam-1", "name": "cloud_ctrl", "payload": {"body": cloud}}, "")
    assert reading.pictures == []
    assert reading.events[0].raw is None
    assert reading.events[0].raw_codes == {"body.user": "u1", "body.mqtt.port": 1883}


@pytest.mark.parametrize("payload", [None, [], "x", {}, {"AlarmInfoPlate": None}, {"AlarmInfoPlate": {"result": {}}}])
def test_a_plate_message_without_a_result_is_refused(payload: Any) -> None:
    with pytest.raises(BadMessage):
        decode(json_of("vzenith-mqtt", "ivs-result-blue.json") | {"payload": payload})


def test_a_heartbeat_by_http_gives_away_nothing() -> None:
    reading = discover().decode(sample("vzenith-http", "heartbeat.multipart.txt").message(), SITE)
    assert reading.pictures == []
    assert "admin" not in repr(reading)
