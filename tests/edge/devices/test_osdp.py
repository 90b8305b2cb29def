"""OSDP: Wiegand by its bits and parity, reports as changes, secrets in no event, orders as libosdp words them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.events import Event, encode_event
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Packet, Secret, discover
from edge.devices.osdp import DRIVER
from tests.edge.devices.samples import SITE, json_of, sample

NOW = datetime(2026, 3, 1, 0, 16, tzinfo=UTC)


def said(**words: Any) -> list[Event]:
    return DRIVER.decode(Message("osdp", json.dumps({"pd": 101, **words}).encode()), SITE).events


def order(name: str, **args: Any) -> Any:
    packet = discover().encode(Command(name, "osdp:101", "g1", NOW, args), SITE)
    assert isinstance(packet, Packet)
    assert packet.request_id == "g1"
    return json.loads(packet.payload)


def wiegand(facility: int, number: int, widths: tuple[int, int]) -> str:
    """The bits of a card, counted out by hand: even parity, facility, number, odd parity."""
    inner = f"{facility:0{widths[0]}b}" if widths[0] else ""
    inner += f"{number:0{widths[1]}b}"
    half = (len(inner) + 1) // 2
    even = str(inner[:half].count("1") % 2)
    odd = str(1 - inner[len(inner) - half :].count("1") % 2)
    return even + inner + odd


def read(bits: str, length: int | None = None) -> Event:
    data = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
    words = {"event": "CardRead", "reader_no": 0, "format": "Wiegand", "data_hex": data.hex()}
    return said(**words, length=length or len(bits))[0]


@given(st.sampled_from([(8, 16), (16, 16), (16, 19)]), st.data())
def test_a_card_is_read_and_a_turned_bit_is_not(widths: tuple[int, int], drawn: st.DataObject) -> None:
    facility = drawn.draw(st.integers(0, 2 ** widths[0] - 1))
    number = drawn.draw(st.integers(0, 2 ** widths[1] - 1))
    bits = wiegand(facility, number, widths)
    subject = read(bits).subject
    assert subject is not None
    assert (subject.facility, subject.number) == (facility, number)
    assert subject.id == f"w{len(bits)}:{int(bits.ljust(-(-len(bits) // 8) * 8, '0'), 2):0{-(-len(bits) // 8) * 2}x}"
    turned = drawn.draw(st.integers(0, len(bits) - 1))
    middle = len(bits) == 37 and turned == 18  # which both parities of 37 bits cover
    broken = bits[:turned] + ("0" if bits[turned] == "1" else "1") + bits[turned + 1 :]
    with pytest.raises(BadMessage, match="misread"):
        read(broken)
    assert not middle or broken != bits


def test_bits_beyond_the_length_name_no_other_card() -> None:
    bits = wiegand(171, 21540, (8, 16))
    assert read(bits).subject == read(bits + "111111", length=26).subject


def test_other_formats_have_an_id_of_their_own() -> None:
    (raw,) = said(event="CardRead", format="Unspecified", length=32, data_hex="04a1b2c3")
    (odd,) = said(event="CardRead", format="Wiegand", length=32, data_hex="04a1b2c3")
    assert raw.subject is not None and odd.subject is not None
    assert (raw.subject.id, odd.subject.id) == ("raw32:04a1b2c3", "w32:04a1b2c3")


@pytest.mark.parametrize(
    "words",
    [
        {"event": "KeyPress", "data_hex": "3132333423"},
        {"event": "CardRead", "format": "ASCII", "length": 4, "data_hex": "31323334"},
    ],
)
def test_what_opens_by_being_known_is_in_no_event(words: dict[str, Any]) -> None:
    (event,) = said(**words)
    assert event.subject is not None
    assert (event.result, event.subject.id) == ("pending", None)
    assert b"1234" not in encode_event(event)
    assert b"31323334" not in encode_event(event)
    message = Message("osdp", b"{}", secret=Secret("1234"))
    assert "1234" not in f"{message!r} {message} {message.secret}"


def test_a_report_says_what_changed() -> None:
    def values(**words: Any) -> list[tuple[str | None, Any]]:
        return [(event.point, event.value) for event in said(event="Status", type="Input", **words)]

    assert values(report_hex="01000000") == [("input/0", 1)]
    assert values(report_hex="01000100", last_hex="01000000") == [("input/2", 1)]
    assert values(report_hex="00000100", last_hex="01000100") == [("input/0", 0)]
    assert values(report_hex="0001", whole=True) == [("input/0", 0), ("input/1", 1)]
    assert values(report_hex="0001", last_hex="0001") == []


def test_tamper_and_power_are_alarms() -> None:
    (local,) = said(event="Status", type="Local", report_hex="0100")
    (over,) = said(event="Status", type="Local", report_hex="0000", last_hex="0100")
    (remote,) = said(event="Status", type="Remote", report_hex="02")
    assert [(one.alarm, one.state) for one in (local, over)] == [("tamper", "active"), ("tamper", "cleared")]
    assert (remote.alarm, remote.point, remote.state) == ("tamper", "reader/0", "active")
    (power,) = said(event="Status", type="Local", report_hex="0001")
    assert power.alarm == "power_failure"


@pytest.mark.parametrize(
    "words",
    [
        {"event": "Sneeze"},
        {"event": "CardRead", "format": "Wiegand", "length": 0, "data_hex": "00"},
        {"event": "CardRead", "format": "Wiegand", "length": 26, "data_hex": "d5aa"},
        {"event": "CardRead", "format": "Wiegand", "length": 26, "data_hex": "zz"},
        {"event": "CardRead", "format": "Punched", "length": 8, "data_hex": "00"},
        {"event": "KeyPress", "reader_no": -1},
        {"event": "Status", "type": "Input", "report_hex": ""},
        {"event": "Status", "type": "Mood", "report_hex": "01"},
        {"event": "Result", "ok": True},
    ],
)
def test_what_is_no_event_is_refused(words: dict[str, Any]) -> None:
    with pytest.raises(BadMessage):
        said(**words)


def test_the_samples_order_field_for_field() -> None:
    assert order("output.pulse", point="output/0", ms=3000) == json_of("osdp", "cmd-output.json")
    encodes = sample("osdp", "cmd-output.json").encodes
    assert encodes == {"command": "output.pulse", "device": "osdp:101", "point": "output/0", "ms": 3000}


def test_a_door_opens_and_its_reader_shows_it() -> None:
    opened, light = order("door.open", point="reader/0", output=1, ms=5000, card="17")
    assert (opened["output_no"], opened["control_code"], opened["timer_count"]) == (1, 5, 50)
    assert (light["command"], light["on_color"]) == ("LED", 2)
    assert [one["command"] for one in order("door.deny", point="reader/0")] == ["LED", "Buzzer"]
    assert order("door.free")["control_code"] == 2
    assert order("door.normal")["control_code"] == order("output.off", point="output/0")["control_code"] == 1


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("output.pulse", {"point": "output/0"}),
        ("output.pulse", {"point": "reader/0", "ms": 100}),
        ("output.on", {"point": "output/x"}),
        ("door.open", {"point": "reader/0", "ms": 10**7}),
        ("barrier.open", {}),
    ],
)
def test_what_does_not_fit_is_said(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode):
        order(name, **args)
