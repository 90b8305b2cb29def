"""Vzenith's TCP messages: either charset, pictures that are whole or are left out, answers, and rubbish."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event
from domain.ids import fact_id
from edge.devices import _vzenith_frame as frames
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Packet, Reading, discover
from edge.transports.tcp_frames import Frames
from tests.edge.devices.samples import SITE, sample
from tests.edge.devices.test_contract import check, json_values, places

FAMILY, DEVICE = "vzenith-tcp", "vzenith:fe71e106-57263272"
ISSUED_AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
TAKEN_AT = datetime(2016, 3, 25, 5, 4, tzinfo=UTC)
JPEG = b"\xff\xd8\xff\xe0" + bytes(100) + b"\xff\xd9"


def recorded() -> dict[str, Any]:
    text, _ = frames.text_and_rest(sample(FAMILY, "ivs-result-gb2312.hex").payload[8:])
    return json.loads(text)


def framed(said: Any, rest: bytes = b"", charset: str = "gb18030", head: bytes = b"", sequence: int = 0) -> bytes:
    return frames.frame(sequence, head + json.dumps(said, ensure_ascii=False).encode(charset) + rest)


def read(payload: bytes, **changes: Any) -> Reading:
    return discover().decode(Message(FAMILY, payload, **changes), SITE)


def car(charset: str = "gb18030", rest: bytes = b"", **changed: Any) -> Event:
    said = recorded()
    plate = changed.pop("plate", {})
    said["PlateResult"] |= plate
    (event,) = read(framed(said | changed, rest, charset), received_at=TAKEN_AT).events
    return event


@pytest.mark.parametrize("charset", ["gb2312", "utf-8"])
@pytest.mark.parametrize(
    "plate", [f"{province}A12345" for province in "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"]
)
def test_every_province_in_either_charset(plate: str, charset: str) -> None:
    event = car(charset, plate={"license": plate})
    assert event.subject is not None
    assert (event.subject.id, event.subject.valid) == (plate, True)


@pytest.mark.parametrize(("word", "status"), [("_无_", "unreadable"), ("无牌车", "no_plate"), ("", "unreadable")])
def test_words_for_no_plate(word: str, status: str) -> None:
    event = car(plate={"license": word})
    assert event.subject is not None
    assert (event.subject.id, event.subject.plate_status) == (None, status)


def test_the_line_says_whose_it_is() -> None:
    payload = sample(FAMILY, "ivs-result-gb2312.hex").payload
    assert read(payload).events[0].device == "vzenith-tcp"
    assert read(payload, sender="fe71e106-57263272").events[0].device == DEVICE


def test_a_number_names_a_car_with_its_time_and_zero_is_no_number() -> None:
    first, other = car(id=7), car(id=7, plate={"timeStamp": {"Timeval": {"sec": 1458882299, "usec": 1}}})
    assert fact_id(first) != fact_id(other), "a camera that was reset counts from 1 again"
    assert fact_id(first) == fact_id(car(id=7))
    nameless = car(id=0)
    assert nameless.source_event_id is None
    assert fact_id(nameless) is not None


def test_what_was_read_back_is_a_record_and_never_acts() -> None:
    payload = framed(recorded())
    (event,) = read(payload, headers={"stored": "1"}, received_at=TAKEN_AT).events
    assert event.time_quality == "replay"
    (event,) = read(framed(recorded() | {"cmd": "get_record"}), received_at=TAKEN_AT).events
    assert event.time_quality == "replay"


@pytest.mark.parametrize(
    ("full", "clip", "rest", "roles"),
    [
        (len(JPEG), len(JPEG), JPEG + JPEG, ["scene", "plate"]),
        (len(JPEG), len(JPEG), JPEG + JPEG[:-1], ["scene"]),
        (0, len(JPEG), JPEG, ["plate"]),
        (len(JPEG), 0, JPEG, ["scene"]),
        (len(JPEG), None, JPEG, ["scene"]),
        ("oops", -5, JPEG, []),
        (10**9, 10**9, JPEG, []),
        (len(JPEG), len(JPEG), b"x" * 2 * len(JPEG), []),
    ],
)
def test_pictures_are_whole_or_left_out_and_the_car_came(full: Any, clip: Any, rest: bytes, roles: list[str]) -> None:
    event = car(rest=b"\0" + rest, fullImgSize=full, clipImgSize=clip)
    assert [media.role for media in event.media] == roles
    assert event.subject is not None
    assert event.subject.id == "青PTW3Z3"


def test_a_megabyte_of_picture() -> None:
    big = JPEG[:-2] + bytes(3_000_000) + b"\xff\xd9"
    event = car(rest=b"\0" + big, fullImgSize=len(big), clipImgSize=0)
    assert event.media[0].bytes == len(big)
    with pytest.raises(BadMessage):
        car(rest=bytes(5_000_000))


def test_a_nul_before_the_text() -> None:
    (event,) = read(framed(recorded(), head=b"\0\0")).events
    assert event.kind == "plate"


@pytest.mark.parametrize(
    ("seconds", "quality"),
    [
        (1458882234, "ok"),
        (1458882234 + 8 * 3600, "assumed_zone"),
        (1, "device_clock_bad"),
        (4102444799, "device_clock_bad"),
    ],
)
def test_a_clock_is_judged(seconds: int, quality: str) -> None:
    event = car(plate={"timeStamp": {"Timeval": {"sec": seconds, "usec": 0}}})
    assert event.time_quality == quality


def test_without_a_time_stamp_the_clock_on_the_picture_counts() -> None:
    event = car(plate={"timeStamp": None})
    assert event.time == datetime(2016, 3, 25, 5, 3, 54, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"cmd": "getsn", "value": "unknown"}, {"kind": "command_result", "ok": False, "serial": None}),
        ({"cmd": "set_time", "state_code": 400}, {"ok": False, "code": "400", "label": "set_time"}),
        ({"cmd": "white_list_operator", "state": "succeed"}, {"ok": True, "code": "succeed"}),
        ({"cmd": "offline", "response": "ok"}, {"ok": True}),
        ({"cmd": "get_max_rec_id", "max_id": 1024}, {"value": 1024}),
        ({"cmd": "get_device_timestamp", "timestamp": 1443213456}, {"value": 1443213456}),
        ({"cmd": "get_gpio_value", "gpio": 1, "value": 0}, {"kind": "input", "point": "input/1", "value": 0}),
        ({"cmd": "ttransmission", "data": "AQID", "comm": "rs485-2"}, {"kind": "passthrough", "bytes": 3}),
        (
            {"cmd": "brand_new", "x": 1},
            {"kind": "unknown", "code": "brand_new", "raw_codes": {"cmd": "brand_new", "x": 1}},
        ),
    ],
)
def test_answers_and_states(said: dict[str, Any], expected: dict[str, Any]) -> None:
    (event,) = read(framed(said), request_id="r1").events
    assert {name: getattr(event, name) for name in expected} == expected
    assert event.request_id == ("r1" if event.kind == "command_result" else None)


def test_a_binary_result_is_kept_unread() -> None:
    (event,) = read(frames.frame(0, b"IR\x01\0" + bytes(60), frames.BINARY)).events
    assert (event.kind, event.code) == ("unknown", "binary")
    assert event.raw is not None


def encode(name: str, **args: Any) -> bytes:
    packet = discover().encode(Command(name, DEVICE, "r1", ISSUED_AT, args), SITE, "", FAMILY)
    assert isinstance(packet, Packet)
    return packet.payload


def test_commands_are_the_recorded_frames() -> None:
    assert encode("identify") == sample(FAMILY, "cmd-getsn.hex").payload
    assert encode("barrier.open", io=0, pulse_ms=500) == sample(FAMILY, "cmd-open.hex").payload
    assert encode("clock.set")[8:] == b'{"cmd":"set_time","timestring":"2026-03-01 08:15:30"}'
    span = ["2026-03-01T00:00:00+08:00", "2026-12-31T00:00:00+08:00"]
    listed = encode("allowlist.put", plates=["京A12345"], valid_utc=span)
    assert "京A12345".encode("gb2312") in listed
    assert b'"operator_type":"delete"' in encode("allowlist.delete", plates=["京A12345"])
    assert b'"comm":"rs485-1"' in encode("display.voice", text="欢迎光临")


def test_over_which_line_a_camera_is_told_is_where_it_was_last_heard() -> None:
    command = Command("barrier.open", DEVICE, "r1", ISSUED_AT)
    assert isinstance(discover().encode(command, SITE, "", FAMILY), Packet)
    assert not isinstance(discover().encode(command, SITE, "", "vzenith-mqtt"), Packet)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("barrier.open", {"io": 9}),
        ("barrier.open", {"pulse_ms": 1}),
        ("door.open", {}),
        ("allowlist.put", {"plates": ["a", "b"], "valid_utc": ["2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"]}),
        ("display.voice", {"board": "other", "text": "x"}),
    ],
)
def test_what_does_not_fit_is_refused(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode):
        encode(name, **args)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"VZ",
        b"XX\0\0\0\0\0\0",
        b"VZ\0\0\0\0\0\x02{}{}",
        b"VZ\0\0\0\0\0\x02{]",
        b"VZ\0\0\0\0\0\x02{}",
        frames.frame(0, b'{"cmd":"\xff\xfe\xff"}'),
        frames.frame(0, b"[" * 100_000),
        frames.frame(0, b'{"PlateResult":' * 10_000),
    ],
)
def test_rubbish_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        read(payload)


@given(value=json_values, drawn=st.data())
def test_a_field_of_another_type_is_refused_or_read(value: Any, drawn: st.DataObject) -> None:
    said = recorded()
    holder, key = drawn.draw(st.sampled_from(list(places(said))))
    if drawn.draw(st.booleans()):
        holder[key] = value
    elif isinstance(holder, dict):
        del holder[key]
    text = json.dumps(said, ensure_ascii=False).encode("gb18030", "replace")
    check(Message(FAMILY, frames.frame(0, text + b"\0" + JPEG + JPEG), received_at=TAKEN_AT, sender="x"))


@given(before=st.binary(max_size=40), cuts=st.lists(st.integers(1, 60), max_size=10))
def test_a_frame_is_found_in_any_pieces_and_behind_rubbish(before: bytes, cuts: list[int]) -> None:
    """Rubbish that promises a long frame swallows what follows, until the line is begun anew: see the connection."""
    payload = sample(FAMILY, "ivs-result-gb2312.hex").payload
    stream, reader = before.replace(b"V", b"W") + payload * 2, Frames(discover().by_family[FAMILY].lines[0])
    found: list[bytes] = []
    for size in [*cuts, len(stream)]:
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found[-2:] == [payload, payload]
