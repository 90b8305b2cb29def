"""What others write is bounded and breaks nothing, whatever it is; what was found is kept within bounds."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.devices.announced import Announced, Known, shown
from edge.devices.driver import Message, Site, discover
from edge.discovery import uhppote
from edge.discovery.found import Findings, Found, found
from edge.discovery.heard import devices_in, told_to_home_assistant
from edge.discovery.probe_match import BadAnswer, matches
from edge.discovery.toml import blocks
from simulators.devices.onvif_discovery import Camera

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ANSWER = Camera("HIKVISION 相机", "DS-1", "00005e005351").answer("urn:uuid:1")


def read(answer: bytes) -> list[Announced]:
    try:
        return matches(answer, "192.0.2.9", ("1",))
    except BadAnswer:
        return []


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_answers_cut_and_changed_anywhere_give_bounded_devices_or_none(data: st.DataObject) -> None:
    answer = bytearray(ANSWER)
    for _ in range(data.draw(st.integers(0, 6))):
        at = data.draw(st.integers(0, len(answer) - 1))
        answer[at : at + data.draw(st.integers(0, 9))] = data.draw(st.binary(max_size=9))
    for announced in read(bytes(answer[: data.draw(st.integers(0, len(answer)))]) or b"<"):
        assert len(announced.mac) in (0, 12)
        assert all(
            len(word) <= 120 and word.isprintable() for word in (announced.name, announced.model, announced.host)
        )


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300) | st.text(max_size=200).map(str.encode))
def test_rubbish_is_no_device(answer: bytes) -> None:
    assert read(answer) == []
    assert uhppote.controller_in(answer, ("192.0.2.9", 60_000)) is None


@settings(max_examples=80, deadline=None)
@given(st.binary(min_size=64, max_size=64))
def test_a_controller_s_packet_of_any_content_is_one_controller_or_none(packet: bytes) -> None:
    known = uhppote.controller_in(b"\x17\x94" + packet[2:], ("192.0.2.9", 60_000))
    assert known is None or known.id == f"uhppote:{int.from_bytes(packet[4:8], 'little')}"


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(
        ["zigbee2mqtt/bridge/devices", "frigate/stats", "uhppoted/gateway/events", "homeassistant/x/config"]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(
                st.sampled_from(["cameras", "friendly_name", "definition", "device", "~", "stat_t"]), inner
            )
        ),
        max_leaves=12,
    ),
)
def test_births_of_any_content_break_nothing(topic: str, said: object) -> None:
    payload, registry = msgspec.json.encode(said), discover()
    for family in ("zigbee2mqtt", "frigate", "uhppoted-mqtt"):
        for known in devices_in(Message(family, payload, topic, received_at=NOW), registry, Site()):
            assert found(known, "mqtt", NOW) is None or ":" in known.id
    told_to_home_assistant(topic, payload, registry, lambda _: "zigbee2mqtt")


def test_an_answer_is_read_whole_and_an_entity_is_refused() -> None:
    (one,) = read(ANSWER)
    assert (one.name, one.model, one.mac, one.node) == ("HIKVISION 相机", "DS-1", "00005e005351", "00005e005351")
    with pytest.raises(BadAnswer, match="entities"):
        matches(b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]>' + ANSWER[38:], "192.0.2.9", ("1",))
    with pytest.raises(BadAnswer, match="bytes"):
        matches(ANSWER.ljust(70_000), "192.0.2.9", ("1",))


def test_an_address_elsewhere_counts_only_where_the_sender_names_none_of_its_own() -> None:
    def at(xaddrs: str) -> str:
        (one,) = read(Camera("x", "y", "00005e005301", xaddr=xaddrs).answer("urn:uuid:1"))
        return one.host

    assert at("http://198.51.100.7/onvif http://192.0.2.9/onvif") == "192.0.2.9"
    assert at("http://198.51.100.7/onvif") == "198.51.100.7"
    assert at("ftp://198.51.100.7/ http://camera.example.invalid/ rubbish http://[::") == "192.0.2.9"


def one(number: int, at: datetime = NOW, **rest: object) -> Found:
    made = found(Known(f"vzenith:{number}", **rest), "mqtt", at)  # pyright: ignore[reportArgumentType]
    assert made
    return made


def test_what_was_found_is_bounded_the_oldest_forgotten_and_the_newest_told() -> None:
    findings = Findings(most=50)
    for number in range(200):
        findings.add(one(number, NOW + timedelta(seconds=number)))
    assert len(findings) == 50
    told = findings.unlisted([], most=10)
    assert {entry.id for entry in told} == {f"vzenith:{number}" for number in range(190, 200)}


def test_two_ways_make_one_device_and_blanks_do_not_overwrite() -> None:
    findings = Findings()
    findings.add(one(1, NOW, name="东门", host="192.0.2.1", exact=False))
    again = found(Known("vzenith:1", model="R3"), "heard", NOW - timedelta(hours=1))
    assert again
    findings.add(again)
    (both,) = findings.all([])
    assert (both.name, both.host, both.model, both.by) == ("东门", "192.0.2.1", "R3", ("mqtt", "heard"))
    assert (both.seen_at, both.exact) == (NOW, True)


@pytest.mark.parametrize("identity", ["", "vzenith", "vzenith:", ":1", "dahua:?", "vzenith:" + "9" * 300, "z2m:a\nb"])
def test_what_can_stand_in_no_list_is_not_found(identity: str) -> None:
    assert found(Known(identity), "mqtt", NOW) is None


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_the_blocks_are_toml_with_the_same_words_whatever_they_are(name: str, model: str) -> None:
    made = found(Known("vzenith:1", "http://192.0.2.1", "192.0.2.1", name, model, exact=False), "mqtt", NOW, "x.md")
    assert made
    (read_back,) = tomllib.loads(blocks([made]))["devices"]
    assert read_back == {"id": "vzenith:1", "name": shown(name), "place": "", "address": "http://192.0.2.1"}


def test_every_kind_has_a_page(pytestconfig: pytest.Config) -> None:
    registry = discover()
    for kind in registry.by_kind.keys() - {"line"}:
        assert (pytestconfig.rootpath / registry.page_of(f"{kind}:1")).is_file(), kind
