"""GB/T 26875.3: every type of object, times as the standard and as the field write them, and what is no frame."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event, is_replay, stream_of
from domain.ids import fact_id
from edge.devices import _gb26875_frame as frames
from edge.devices import _gb26875_tables as tables
from edge.devices._gb26875_frame import Frame
from edge.devices.driver import Answer, BadMessage, CannotEncode, Command, Message, Packet, discover
from edge.transports.tcp_frames import Frames
from tests.edge.devices.samples import RECEIVED_AT, SITE, sample
from tests.edge.devices.test_contract import check

FAMILY, DEVICE = "gb26875", "gb26875:110000000001"
BCD, BINARY = bytes.fromhex("301508010326"), bytes((30, 15, 8, 1, 3, 26))
AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
FIRE, FAULT = 0x02, 0x04


def frame(body: bytes, command: int = 2, time: bytes = BCD, sequence: int = 7) -> bytes:
    source = frames.address_bytes("110000000001")
    return frames.frame(Frame(sequence, b"\x01\x00", time, source, bytes(6), command, body))


def read(payload: bytes, received_at: datetime | None = RECEIVED_AT) -> list[Event]:
    return discover().decode(Message(FAMILY, payload, received_at=received_at), SITE).events


def component(status: int, kind: int = 40, text: bytes = b"", time: bytes = BCD) -> bytes:
    where = bytes((1, 1, kind)) + bytes.fromhex("05000100") + status.to_bytes(2, "little")
    return b"\x02\x01" + where + text.ljust(31, b"\0") + time


def system(status: int, time: bytes = BCD) -> bytes:
    return b"\x01\x01\x01\x01" + status.to_bytes(2, "little") + time


def alarms(payload: bytes) -> list[tuple[str | None, str | None, str | None]]:
    return [(event.alarm, event.state, event.reason) for event in read(payload) if event.kind == "alarm"]


def test_the_recorded_confirmation_is_the_answer_to_the_recorded_fire() -> None:
    answer = discover().answer(sample(FAMILY, "component-fire.hex").message(), SITE)
    assert answer == Answer(sample(FAMILY, "confirm.hex").payload, "application/octet-stream")
    command = Command("ack", DEVICE, "r1", AT, {"seq": 7})
    assert discover().encode(command, SITE) == Packet(sample(FAMILY, "confirm.hex").payload, "r1")


@pytest.mark.parametrize("command", [3, 5, 6])
def test_an_answer_is_not_answered(command: int) -> None:
    assert discover().answer(Message(FAMILY, frame(b"", command)), SITE) is None


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (FIRE, [("fire", "active", None)]),
        (FIRE | 1, [("fire", "active", None)]),
        (FAULT, [("fire_system_fault", "active", "fault")]),
        (FIRE | FAULT, [("fire", "active", None), ("fire_system_fault", "active", "fault")]),
        (0x100, [("fire_system_fault", "active", "power_fault")]),
        (1, [("fire", "cleared", None), ("fire_system_fault", "cleared", None)]),
        (0, [("fire", "cleared", None), ("fire_system_fault", "cleared", None)]),  # panels that never set bit 0
    ],
)
def test_what_a_component_says(status: int, said: list[Any]) -> None:
    assert alarms(frame(component(status))) == said


def test_what_is_neither_fire_nor_fault_is_no_alarm() -> None:
    (event,) = read(frame(component(0x08 | 0x20)))
    assert (event.kind, event.state, event.raw_codes["status"]) == ("input", "shielded started", 0x28)


def test_a_gas_detector_finds_gas() -> None:
    assert alarms(frame(component(FIRE, kind=11))) == [("gas", "active", None)]


@pytest.mark.parametrize(
    ("status", "reason"), [(0x100, "mains_fault"), (0x600, "battery_fault bus_fault"), (FAULT, "fault")]
)
def test_what_a_system_says(status: int, reason: str) -> None:
    assert alarms(frame(system(status))) == [("fire_system_fault", "active", reason)]


def test_a_transmitters_own_state_is_a_sign_of_life_too() -> None:
    online, fault = read(frame(b"\x15\x01\x08" + BCD))
    assert (online.kind, online.state) == ("availability", "online")
    assert (fault.alarm, fault.point, fault.reason) == ("fire_system_fault", "transmitter", "mains_fault")


@pytest.mark.parametrize(
    ("number", "steps", "metrics"),
    [
        (3, b"\xff\xff", {"temperature_c": -0.1}),
        (8, b"\x90\x08", {"voltage_mv": 219_200.0}),
        (5, b"\x0a\x00", {"pressure_kpa": 1.0}),
        (2, b"\x64\x00", {"height_mm": 1000.0}),
        (99, b"\x07\x00", {"analogue_99": 7.0}),
    ],
)
def test_an_analogue_value_has_its_unit(number: int, steps: bytes, metrics: dict[str, float]) -> None:
    body = b"\x03\x01" + bytes((1, 1, 31)) + bytes.fromhex("05000100") + bytes((number,)) + steps + BCD
    (event,) = read(frame(body))
    assert (event.kind, event.metrics, event.point) == ("measurement", metrics, "system/1/component/31/00010005")


def test_what_somebody_did_at_the_panel() -> None:
    pressed, tested = read(frame(b"\x04\x01\x01\x02\x44\x09" + BCD))
    assert (pressed.alarm, pressed.state, pressed.reason, pressed.point) == (
        "fire",
        "active",
        "manual_alarm",
        "system/2",
    )
    assert (tested.kind, tested.label, tested.raw_codes["operator"]) == ("detection", "fire_panel_test", 9)
    (answered,) = read(frame(b"\x18\x01\x20\x01" + BCD))
    assert (answered.label, answered.point) == ("fire_panel_presence_answered", "transmitter")


@pytest.mark.parametrize(
    ("body", "point", "label", "text"),
    [
        (b"\x05\x01\x01\x02\x03\x04", "system/2", "version", "3.4"),
        (b"\x19\x01\x03\x04", "transmitter", "version", "3.4"),
        (b"\x06\x01\x01\x02\x08" + "报警主机".encode("gb18030"), "system/2", "configuration", "报警主机"),
        (b"\x1a\x01\x08" + "传输装置".encode("gb18030"), "transmitter", "configuration", "传输装置"),
        (b"\x08\x01\x01\x02" + BCD, "system/2", "clock", None),
        (b"\x1c\x01" + BCD, "transmitter", "clock", None),
    ],
)
def test_what_it_says_of_itself(body: bytes, point: str, label: str, text: str | None) -> None:
    (event,) = read(frame(body))
    assert (event.kind, event.point, event.label, event.text) == ("measurement", point, label, text)


def test_several_objects_in_one_frame_and_objects_without_times() -> None:
    one, two = component(FIRE), component(FAULT, kind=23)
    found = alarms(frame(b"\x02\x02" + one[2:] + two[2:]))
    assert found == [("fire", "active", None), ("fire_system_fault", "active", "fault")]
    (event,) = read(frame(component(FIRE)[:-6]))
    assert event.time == AT, "the frame's own"


def test_text_in_either_charset_and_in_none() -> None:
    words = "3栋1层电表间感烟"
    for raw, text in (
        (words.encode("gb18030"), words),
        ("3栋1层感烟".encode(), "3栋1层感烟"),
        (b"\xb6\xb0" * 15 + b"\xb6", "栋" * 15 + "\ufffd"),  # cut in the middle of a character
        (b"", None),
    ):
        (event,) = read(frame(component(FIRE, text=raw)))
        assert event.text == text


@pytest.mark.parametrize("label", [BCD, BINARY])
def test_times_as_the_standard_and_as_the_field_write_them(label: bytes) -> None:
    (event,) = read(frame(component(FIRE, time=label), time=label))
    assert (event.time, event.time_quality, event.device_time) == (AT, "assumed_zone", None)
    (event,) = read(
        frame(component(FIRE, time=bytes((59, 45, 23, 31, 12, 25))), time=bytes((59, 45, 23, 31, 12, 25))), None
    )
    assert event.time == datetime(2025, 12, 31, 15, 45, 59, tzinfo=UTC), (
        "45 s and 59 min are BCD too; 31 12 25 is not alone"
    )


@pytest.mark.parametrize(
    ("time", "quality"),
    [
        (bytes.fromhex("301500010326"), "assumed_zone"),  # set to UTC: corrected, and told
        (bytes.fromhex("301508010170"), "device_clock_bad"),
        (bytes.fromhex("595923311299"), "device_clock_bad"),
        (b"\xff" * 6, "device_clock_bad"),
        (bytes(6), "gateway"),
    ],
)
def test_a_clock_that_is_wrong_is_told_and_the_fire_counts_now(time: bytes, quality: str) -> None:
    (event,) = read(frame(component(FIRE, time=time), time=time))
    assert (event.alarm, event.state, event.time_quality) == ("fire", "active", quality)
    assert event.time is None or event.time == AT
    assert stream_of(event) == "urgent"
    assert (event.device_time is None) == (quality == "gateway")


def test_what_waited_for_the_line_is_no_news() -> None:
    earlier = bytes.fromhex("301507010326")
    (event,) = read(frame(component(FIRE, time=earlier)))
    assert (event.time, event.time_quality) == (AT - timedelta(hours=1), "replay")
    assert is_replay(event)


def test_what_is_repeated_is_one_fact_also_where_the_clock_is_bad() -> None:
    bad = bytes.fromhex("595923311299")
    for time in (BCD, bad):
        first, second = (
            read(frame(component(FIRE, time=time), time=time)),
            read(frame(component(FIRE, time=time), time=time)),
        )
        assert fact_id(first[0]) == fact_id(second[0]) is not None
    other = read(frame(component(FIRE, time=bad), time=bad, sequence=8))
    assert fact_id(other[0]) != fact_id(read(frame(component(FIRE, time=bad), time=bad))[0]), (
        "another report is another"
    )


@pytest.mark.parametrize(
    "body", [b"\x2a\x01\x01\x02", b"\x80\x01" + b"x" * 30, component(FIRE)[:-1], b"\x02\x09abc", b"\x02\x00"]
)
def test_what_has_another_shape_is_kept_whole_and_is_no_fire(body: bytes) -> None:
    payload = frame(body)
    (event,) = read(payload)
    assert (event.kind, event.code) == ("unknown", f"type {body[0]}")
    assert event.raw is not None
    assert event.raw_codes["bytes"] == len(body)
    assert discover().answer(Message(FAMILY, payload), SITE) is not None, "or it would repeat it for ever"


def test_a_sign_of_life_and_a_vendors_own_command() -> None:
    for body in (b"", b"\x16"):
        (event,) = read(frame(body))
        assert (event.kind, event.state) == ("availability", "online")
    (event,) = read(frame(b"\x01\x02\x03", command=200))
    assert (event.kind, event.code) == ("unknown", "command 200")


@pytest.mark.parametrize("name", ["door.open", "barrier.open"])
def test_it_opens_nothing(name: str) -> None:
    with pytest.raises(CannotEncode):
        discover().encode(Command(name, DEVICE, "r1", AT), SITE)


@pytest.mark.parametrize("device", ["gb26875:", "gb26875:12", "gb26875:zz0000000001"])
def test_an_address_of_another_length_is_refused(device: str) -> None:
    with pytest.raises(CannotEncode):
        discover().encode(Command("clock.set", device, "r1", AT), SITE)


@given(place=st.integers(2, 83), bit=st.integers(0, 7))
def test_no_damaged_frame_is_believed(place: int, bit: int) -> None:
    """A sum finds every single wrong bit, and no fire comes of one."""
    payload = bytearray(sample(FAMILY, "component-fire.hex").payload)
    place = min(place, len(payload) - 1)
    payload[place] ^= 1 << bit
    with pytest.raises(BadMessage):
        read(bytes(payload))


@given(body=st.binary(max_size=120), command=st.integers(0, 255), time=st.binary(min_size=6, max_size=6))
def test_no_whole_frame_breaks_the_driver(body: bytes, command: int, time: bytes) -> None:
    check(Message(FAMILY, frame(body, command, time), received_at=RECEIVED_AT))


@given(kind=st.sampled_from([1, 2, 3, 4, 5, 7, 8, 21, 24, 25, 28]), rest=st.binary(min_size=46, max_size=46))
def test_no_object_of_any_type_breaks_the_driver(kind: int, rest: bytes) -> None:
    size = tables.SHAPES[kind].size + (6 if tables.SHAPES[kind].timed else 0)
    payload = frame(bytes((kind, 1)) + rest[:size])
    check(Message(FAMILY, payload, received_at=RECEIVED_AT))
    assert "unknown" not in {event.kind for event in read(payload)}


@given(before=st.binary(max_size=40), cuts=st.lists(st.integers(1, 30), max_size=10))
def test_a_frame_is_found_behind_any_rubbish_and_in_any_pieces(before: bytes, cuts: list[int]) -> None:
    """Its line: once the rubbish is over, nothing more than one frame is ever lost."""
    payload = sample(FAMILY, "component-fire.hex").payload
    stream, reader = before + payload * 3 + bytes(1_200), Frames(discover().by_family[FAMILY].lines[0])
    found: list[bytes] = []
    for size in [*cuts, len(stream)]:
        found += reader.feed(stream[:size])
        stream = stream[size:]
    assert found.count(payload) >= 2
