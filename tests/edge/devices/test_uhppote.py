"""UHPPOTE packets: held against pip uhppoted for every function, and against bytes that no controller sends."""

from __future__ import annotations

from datetime import UTC, date, datetime
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uhppoted import decode as peer_decode
from uhppoted import encode as peer_encode

from domain.card_lists import CardWish
from domain.events import Event
from domain.ids import fact_id
from edge.devices import _uhppote_packet as packets
from edge.devices._uhppote_cards import CARD_LIST
from edge.devices._uhppote_packet import CardRecord
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Packet, discover
from simulators.devices import uhppote as sim
from tests.edge.devices.samples import RECEIVED_AT, SITE, sample

SERIAL, DEVICE = 405419896, "uhppote:405419896"
DAY, LAST = date(2026, 1, 2), date(2026, 12, 31)
NOON = datetime(2026, 3, 1, 12, 34, 56)
FULL = CardRecord(8165537, DAY, LAST, (1, 0, 29, 1), bytes.fromhex("409c00") + b"\x05")  # PIN 39999... as they have it

REQUESTS: dict[str, tuple[bytes, Any]] = {
    "status": (packets.request(packets.STATUS, SERIAL), peer_encode.get_status_request(SERIAL)),
    "set time": (packets.set_time(SERIAL, NOON), peer_encode.set_time_request(SERIAL, NOON)),
    "get time": (packets.request(packets.GET_TIME, SERIAL), peer_encode.get_time_request(SERIAL)),
    "put card": (
        packets.put_card(SERIAL, FULL),
        peer_encode.put_card_request(SERIAL, 8165537, DAY, LAST, 1, 0, 29, 1, 40000, {1: True, 3: True}),
    ),
    "delete card": (
        packets.request(packets.DELETE_CARD, SERIAL, packets.number(7)),
        peer_encode.delete_card_request(SERIAL, 7),
    ),
    "delete cards": (
        packets.request(packets.DELETE_ALL_CARDS, SERIAL, packets.sure()),
        peer_encode.delete_cards_request(SERIAL),
    ),
    "count cards": (packets.request(packets.CARD_COUNT, SERIAL), peer_encode.get_cards_request(SERIAL)),
    "get card": (
        packets.request(packets.GET_CARD, SERIAL, packets.number(7)),
        peer_encode.get_card_request(SERIAL, 7),
    ),
    "card at": (
        packets.request(packets.GET_CARD_AT, SERIAL, packets.number(7)),
        peer_encode.get_card_by_index_request(SERIAL, 7),
    ),
    "set door": (packets.set_door(SERIAL, 3, 2, 7), peer_encode.set_door_control_request(SERIAL, 3, 2, 7)),
    "get door": (
        packets.request(packets.GET_DOOR, SERIAL, b"\3"),
        peer_encode.get_door_control_request(SERIAL, 3),
    ),
    "special": (
        packets.request(packets.SPECIAL_EVENTS, SERIAL, b"\1"),
        peer_encode.record_special_events_request(SERIAL, True),
    ),
    "set listener": (
        packets.set_listener(SERIAL, IPv4Address("192.0.2.7"), 60001, 15),
        peer_encode.set_listener_request(SERIAL, IPv4Address("192.0.2.7"), 60001, 15),
    ),
    "get listener": (packets.request(packets.GET_LISTENER, SERIAL), peer_encode.get_listener_request(SERIAL)),
    "controller": (packets.request(packets.GET_CONTROLLER, SERIAL), peer_encode.get_controller_request(SERIAL)),
    "get event": (
        packets.request(packets.GET_EVENT, SERIAL, packets.number(73)),
        peer_encode.get_event_request(SERIAL, 73),
    ),
    "set index": (
        packets.request(packets.SET_EVENT_INDEX, SERIAL, packets.sure(packets.number(73))),
        peer_encode.set_event_index_request(SERIAL, 73),
    ),
    "get index": (packets.request(packets.GET_EVENT_INDEX, SERIAL), peer_encode.get_event_index_request(SERIAL)),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_is_the_peers_byte_for_byte(name: str) -> None:
    ours, theirs = REQUESTS[name]
    assert ours == bytes(theirs)


def test_the_simulators_answers_mean_to_us_what_they_mean_to_the_peer() -> None:
    controller = sim.Controller(SERIAL, SITE.zone, lambda: datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC))
    controller.keep_card(8165537, (1, 3), "20260102", "20261231")
    controller.swipe(3, 8165537)
    ask = lambda request: sim._ANSWERS[request[1]](controller, request)  # noqa: E731
    status = ask(packets.request(packets.STATUS, SERIAL))
    theirs = peer_decode.get_status_response(status)
    record = packets.record_in(status)
    assert (record.index, record.type, record.granted, record.door) == (
        theirs.event_index,
        theirs.event_type,
        theirs.event_access_granted,
        theirs.event_door,
    )
    assert (record.direction, record.card, record.reason) == (
        theirs.event_direction,
        theirs.event_card,
        theirs.event_reason,
    )
    assert record.timestamp == str(theirs.event_timestamp)
    assert packets.status_clock(status) == f"{theirs.system_date} {theirs.system_time}"
    at = ask(packets.request(packets.GET_CARD_AT, SERIAL, packets.number(1)))
    card, other = packets.card_in(at), peer_decode.get_card_by_index_response(at)
    assert (card.card, card.begin, card.end) == (other.card_number, other.start_date, other.end_date)
    assert card.rights == (other.door_1, other.door_2, other.door_3, other.door_4)
    listener = ask(packets.set_listener(SERIAL, IPv4Address("192.0.2.7"), 60001))
    assert peer_decode.set_listener_response(listener).ok
    listener = ask(packets.request(packets.GET_LISTENER, SERIAL))
    heard = peer_decode.get_listener_response(listener)
    assert packets.listener_in(listener) == (heard.address, heard.port)
    about = ask(packets.request(packets.GET_CONTROLLER, SERIAL))
    them = peer_decode.get_controller_response(about)
    assert (f"v{packets.firmware_in(about)}", packets.mac_in(about)) == (them.version, them.mac_address)
    assert packets.address_in(about) == str(them.ip_address)


def encode(name: str, device: str = DEVICE, **args: Any) -> bytes:
    packet = discover().encode(Command(name, device, "r1", datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC), args), SITE)
    assert isinstance(packet, Packet)
    assert packet.request_id == "r1"
    return packet.payload


def test_commands_are_the_recorded_and_the_peers_packets() -> None:
    assert encode("door.open", point="door/3") == sample("uhppote-udp", "cmd-open-door.hex").payload
    assert encode("door.control", point="door/2", mode="normally_open", delay_s=9) == bytes(
        peer_encode.set_door_control_request(SERIAL, 2, 1, 9)
    )
    card = {
        "card": 8165537,
        "valid": ["2026-01-02", "2026-12-31"],
        "doors": {"1": True, "3": "profile:29"},
        "pin": 40000,
    }
    theirs = peer_encode.put_card_request(SERIAL, 8165537, DAY, LAST, 1, 0, 29, 0, 40000)
    assert encode("credential.put", **card) == bytes(theirs)
    assert encode("credential.delete", card=7) == bytes(peer_encode.delete_card_request(SERIAL, 7))
    local = datetime(2026, 3, 1, 8, 15, 30)
    assert encode("clock.set") == bytes(peer_encode.set_time_request(SERIAL, local))


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("door.open", {}),
        ("door.open", {"point": "door/5"}),
        ("door.open", {"point": "door/0"}),
        ("door.open", {"point": "reader/1"}),
        ("door.control", {"point": "door/1", "mode": "ajar"}),
        ("credential.put", {"card": 7, "valid": ["2026-02-30", "2026-12-31"], "doors": {"1": True}}),
        ("credential.put", {"card": 2**32 - 1, "valid": ["2026-01-01", "2026-12-31"], "doors": {"1": True}}),
        ("credential.delete", {"card": "eight"}),
    ],
)
def test_what_does_not_fit_is_refused(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode):
        encode(name, **args)


@pytest.mark.parametrize("device", ["uhppote:", "uhppote:0", "uhppote:4294967296", "uhppote:abc", "uhppote:-5"])
def test_a_device_that_is_no_controller_is_refused(device: str) -> None:
    with pytest.raises(CannotEncode):
        encode("door.open", device, point="door/1")


def pushed(**changed: Any) -> bytes:
    """The recorded event with other bytes at some places."""
    packet = bytearray(sample("uhppote-udp", "event-listen.hex").payload)
    for place, value in changed.items():
        at = int(place.removeprefix("at_"))
        packet[at : at + len(value)] = value
    return bytes(packet)


def read(payload: bytes, **changes: Any) -> list[Event]:
    return discover().decode(Message("uhppote-udp", payload, **changes), SITE).events


def test_pushed_and_read_back_are_one_fact_and_only_one_of_them_is_live() -> None:
    (live,) = read(pushed(), received_at=RECEIVED_AT)
    (stored,) = read(pushed(at_1=b"\xb0"), received_at=RECEIVED_AT)
    assert (live.time_quality, stored.time_quality) == ("ok", "replay")
    assert fact_id(live) == fact_id(stored)


def test_a_controller_that_was_cleared_does_not_repeat_itself() -> None:
    (one,) = read(pushed())
    (other,) = read(pushed(at_26=b"\x31"))  # the same number, a second later
    assert fact_id(one) != fact_id(other)


@pytest.mark.parametrize(
    ("digits", "quality", "time"),
    [
        ("20260301081530", "ok", "2026-03-01T00:15:30+00:00"),
        ("20260301001530", "assumed_zone", "2026-03-01T00:15:30+00:00"),  # set to UTC
        ("19700101000000", "device_clock_bad", None),
        ("20991231235959", "device_clock_bad", None),
        ("20261332256199", "device_clock_bad", None),
        ("ffffffffffffff", "device_clock_bad", None),
        ("00000000000000", "gateway", None),
    ],
)
def test_a_clock_is_judged_and_never_believed_blindly(digits: str, quality: str, time: str | None) -> None:
    (event,) = read(pushed(at_20=bytes.fromhex(digits)), received_at=RECEIVED_AT)
    assert event.time_quality == quality
    assert (event.time and event.time.isoformat()) == time
    assert (event.device_time is None) == (quality in ("ok", "gateway"))


def test_reasons_nobody_knows_are_kept_and_open_nothing() -> None:
    (event,) = read(pushed(at_13=b"\0", at_27=b"\xc8"))
    assert (event.kind, event.result, event.reason_code) == ("access", "denied", "200")
    (event,) = read(pushed(at_12=b"\x63", at_27=b"\xc8"))
    assert (event.kind, event.code, event.raw_codes) == ("unknown", "event-type 99", {"event-type": 99})
    assert event.result is None
    assert read(pushed(at_8=bytes(4))) == [], "a state with no event in it"
    (event,) = read(pushed(at_1=b"\x99"))
    assert (event.kind, event.code) == ("unknown", "function 0x99")
    assert event.raw is not None


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (b"", "0 bytes"),
        (pushed()[:63], "63 bytes"),
        (pushed() + b"\0", "65 bytes"),
        (pushed(at_0=b"\x18"), "begins with 0x18"),
        (pushed(at_0=b"\x19", at_1=b"\x40"), "begins with 0x19"),  # 6.62 begins its events so, and nothing else
        (pushed(at_4=bytes(4)), "controller 0"),
        (b"x" * 1_000_000, "1000000 bytes"),
    ],
)
def test_what_is_no_packet_is_refused_with_a_reason(payload: bytes, why: str) -> None:
    with pytest.raises(BadMessage, match=why):
        read(payload)


@given(st.binary(min_size=62, max_size=62))
def test_no_packet_breaks_the_driver_or_opens_a_door(rest: bytes) -> None:
    for event in read(b"\x17\x20" + rest, received_at=RECEIVED_AT) if any(rest[2:6]) else []:
        if event.result == "granted" and event.method == "card":
            assert rest[11], "granted only where the controller says so"


@pytest.mark.parametrize(
    ("function", "body", "expected"),
    [
        (0x40, "00", {"label": "open-door", "ok": False}),
        (0x50, "01", {"label": "put-card", "ok": True}),
        (0x32, "20260301081530", {"label": "get-time", "raw_codes": {"clock": "2026-03-01 08:15:30"}}),
        (0x58, "07000000", {"label": "get-cards", "raw_codes": {"number": 7}}),
        (0x82, "030207", {"raw_codes": {"door": 3, "mode": 2, "delay_s": 7}}),
        (0x92, "c000020761ea", {"raw_codes": {"listener": "192.0.2.7:60001"}}),
        (0xB4, "49000000", {"raw_codes": {"number": 73}}),
        (0x5C, "00000000", {"raw_codes": {"found": 0}}),
    ],
)
def test_an_answer_says_what_was_asked_and_what_came_of_it(function: int, body: str, expected: dict[str, Any]) -> None:
    packet = packets.request(function, SERIAL, bytes.fromhex(body))
    (event,) = read(packet, request_id="order-1")
    assert (event.kind, event.device, event.request_id) == ("command_result", DEVICE, "order-1")
    assert {name: getattr(event, name) for name in expected} == expected


def test_a_card_in_an_answer_is_not_copied_into_the_log() -> None:
    (event,) = read(packets.request(packets.GET_CARD, SERIAL, packets.put_card(SERIAL, FULL)[8:28]))
    assert event.raw_codes == {"found": 1, "begin": "2026-01-02", "end": "2026-12-31", "doors": "1,0,29,1"}
    assert event.subject is None


def test_a_card_fits_or_it_is_said_why() -> None:
    wish = CardWish("8165537", date(1990, 1, 1), date(2150, 1, 1), ("door/1", "door/4"))
    assert CARD_LIST.fits(wish) == ""
    begin, end, rights = CARD_LIST.same(wish)
    assert (begin, end, rights) == (date(2000, 1, 1), date(2099, 12, 31), (1, 0, 0, 1))
    for number in ("4294967295", "4294967296", "04A1B2C3", "0"):
        assert "number" in CARD_LIST.fits(CardWish(number, DAY, LAST, ("door/1",)))
    assert "door" in CARD_LIST.fits(CardWish("7", DAY, LAST, ("door/9", "")))


def test_a_pin_that_somebody_set_survives_a_repair() -> None:
    held = CARD_LIST.card_in(packets.request(packets.GET_CARD_AT, SERIAL, packets.put_card(SERIAL, FULL)[8:28]))
    assert not isinstance(held, str)
    put = CARD_LIST.put(str(SERIAL), CardWish("8165537", DAY, LAST, ("door/2",)), held)
    assert peer_decode.get_card_response(packets.request(packets.GET_CARD, SERIAL, put[8:28])).pin == 40000
