"""ONVIF over MQTT: namespaces, prefixes and forms of JSON; states that are no events; plates; what nobody knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.ids import fact_id
from edge.devices._onvif_topics import bare
from edge.devices.driver import BadMessage, Message, Reading, discover
from edge.intake.state_filter import StateFilter
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of

AXIS = "axis/00408C12345/event/tns:onvif/Device/tns:axis/Sensor/PIR/$source/sensor/0"
UTC_TIME = "2026-03-01T00:15:30.250Z"


def decode(topic: str, body: Any, family: str = "onvif-mqtt", **changes: Any) -> Reading:
    return discover().decode(Message(family, json.dumps(body).encode(), topic, **changes), SITE)


def ej(topic: str, source: Any, data: Any, prefix: str = "Cam1", **more: Any) -> Reading:
    return decode(f"{prefix}/onvif-ej/{topic}", {"UtcTime": UTC_TIME, "Source": source, "Data": data, **more})


def axis(topic: str, source: dict[str, str], data: dict[str, str], **more: Any) -> Reading:
    message = {"source": source, "key": {}, "data": data}
    return decode(AXIS, {"timestamp": 1772324130044, "topic": topic, "message": message, **more}, "axis-mqtt")


@pytest.mark.parametrize(
    "topic",
    ["tns:onvif/Device/tns:axis/IO/Port", "onvif:Device/axis:IO/Port", "tns1:Device/tnsaxis:IO/Port", "Device/IO/Port"],
)
def test_a_topic_is_the_same_whatever_its_namespaces(topic: str) -> None:
    assert bare(topic) == ("Device", "IO", "Port")
    (event,) = axis(topic, {"port": "1"}, {"state": "1"}).events
    assert (event.kind, event.point, event.value) == ("input", "port/1", 1)


@pytest.mark.parametrize(
    ("topic", "serial", "device"),
    [
        ("axis/00408C1/event/tns:onvif/x", None, "axis:00408C1"),
        ("00408C1/event/tns:onvif/x", None, "axis:00408C1"),
        ("site/cams/00408C1/event/x", None, "axis:00408C1"),
        ("site/gate/event/x", "ACCC8E1", "axis:ACCC8E1"),
    ],
)
def test_an_axis_camera_by_its_topic_or_its_word(topic: str, serial: str | None, device: str) -> None:
    body = {**json_of("onvif-mqtt", "axis-pir-on.json"), **({"serial": serial} if serial else {})}
    assert decode(topic, body).events[0].device == device


@pytest.mark.parametrize("prefix", ["Cam1", "E4:30:22:F3:31:AA", "Camera_Events/bay-7", "a/b/c"])
def test_a_prefix_may_have_levels(prefix: str) -> None:
    (event,) = ej("VideoSource/MotionAlarm/&1", {"Source": "1"}, {"State": True}, prefix).events
    assert (event.device, event.label, event.phase, event.channel) == (f"onvif:{prefix}", "motion", "start", "1")


SIMPLE = {"InputToken": "Input-1"}


@pytest.mark.parametrize(
    "source",
    [
        SIMPLE,
        {"SimpleItem": {"@Name": "InputToken", "@Value": "Input-1"}},
        {"SimpleItem": [{"Name": "InputToken", "Value": "Input-1"}]},
        {"tt:SimpleItem": [{"@Name": "InputToken", "@Value": "Input-1"}]},
    ],
)
@pytest.mark.parametrize(
    ("state", "value"), [("active", 1), ("inactive", 0), ("true", 1), (False, 0), ({"#text": "1"}, 1)]
)
def test_every_way_to_write_an_item(source: Any, state: Any, value: int) -> None:
    (event,) = ej("Device/Trigger/tns1:DigitalInput/&Input-1", source, {"LogicalState": state}).events
    assert (event.kind, event.point, event.value) == ("input", "input/Input-1", value)


def test_what_a_property_is_at_the_start_is_a_state_and_not_an_event() -> None:
    inside = {"IsInside": "true"}
    source = {"VideoSource": "1", "Rule": "yard"}
    first = ej(
        "RuleEngine/FieldDetector/ObjectsInside/&1/yard", source, inside, PropertyOperation="Initialized"
    ).events[0]
    live = ej("RuleEngine/FieldDetector/ObjectsInside/&1/yard", source, inside, PropertyOperation="Changed").events[0]
    gone = ej("RuleEngine/FieldDetector/ObjectsInside/&1/yard", source, inside, PropertyOperation="Deleted").events[0]
    assert (first.retained, live.retained, gone.phase) == (True, False, "end")
    states = StateFilter()
    assert [states.changes(event) for event in (first, live, live, gone, live)] == [True, True, False, True, True]


def test_objects_one_or_several_and_the_likeliest_class() -> None:
    types = [{"@Likelihood": 0.3, "#text": "Car"}, {"@Likelihood": 0.8, "#text": "Human"}]
    several = [{"@ObjectId": "7", "Appearance": {"Class": {"Type": types}}}, {"ObjectId": 8}]
    source = {"Rule": "fence"}
    first, second = ej("RuleEngine/LineDetector/Crossed/&1/fence", source, {"Object": several}).events
    assert (first.label, first.confidence, first.source_event_id) == ("person", 0.8, "7")
    assert (second.label, second.source_event_id) == ("object", "8")


def test_one_object_over_two_lines_is_two_facts() -> None:
    body = json_of("onvif-mqtt", "ej-line-crossed.json")
    other = {**body, "Source": {**body["Source"], "Rule": "other"}}
    one, two = (
        decode("LiftCam1/onvif-ej/RuleEngine/LineDetector/Crossed/&1/x", said).events[0] for said in (body, other)
    )
    assert fact_id(one) != fact_id(two)


def test_a_plate_of_profile_m() -> None:
    info = {"PlateNumber": {"@Likelihood": 0.93, "#text": "粤B8K6Q2"}, "CountryCode": {"#text": "CN"}}
    seen = {"Object": {"@ObjectId": 12, "Appearance": {"LicensePlateInfo": info, "Class": {"Type": "Vehicle"}}}}
    (event,) = ej("RuleEngine/Recognition/LicensePlate/&1/gate", {"VideoSource": "1"}, seen).events
    assert event.subject is not None
    assert (event.kind, event.subject.id, event.confidence) == ("plate", "粤B8K6Q2", 0.93)


def test_a_covered_camera_and_its_end() -> None:
    topic = "VideoSource/GlobalSceneChange/ImagingService/&1"
    assert ej(topic, {"Source": "1"}, {"State": "true"}).events[0].alarm == "tamper"
    over = ej(topic, {"Source": "1"}, {"State": "false"})
    assert (over.events, [event.state for event in over.at_rest]) == ([], ["cleared"])
    instant = axis("onvif:VideoSource/axis:Tampering", {"channel": "1"}, {"tampering": "1"}).events[0]
    assert (instant.alarm, instant.phase, instant.channel) == ("tamper", "instant", "1")


def test_a_topic_that_nobody_knows_is_kept_without_its_secrets() -> None:
    (event,) = ej("Monitoring/OperatingTime/LastReset/&1", {}, {"Status": "2026-01-01", "Password": "x1"}).events
    assert (event.kind, event.code) == ("unknown", "Monitoring/OperatingTime/LastReset")
    assert event.raw is None and event.raw_codes == {"data.Status": "2026-01-01"}
    (event,) = ej("RuleEngine/FieldDetector/ObjectsInside/&1", {"Rule": "r"}, {"IsInside": "maybe"}).events
    assert (event.kind, event.raw_codes["data.IsInside"]) == ("unknown", "maybe")


def test_a_counter() -> None:
    (event,) = ej("RuleEngine/CountAggregation/Counter/&1/in", {"Rule": "in"}, {"Count": "42"}).events
    assert (event.kind, event.metrics, event.point) == ("measurement", {"count": 42.0}, "rule/in")


@pytest.mark.parametrize(
    ("sent", "quality"),
    [("2026-03-01T08:15:30", "assumed_zone"), ("1970-01-01T00:00:09Z", "device_clock_bad"), ("x", "device_clock_bad")],
)
def test_clocks(sent: str, quality: str) -> None:
    body = {**json_of("onvif-mqtt", "ej-line-crossed.json"), "UtcTime": sent}
    (event,) = decode("Cam1/onvif-ej/RuleEngine/LineDetector/Crossed/&1/x", body, received_at=RECEIVED_AT).events
    assert event.time_quality == quality


@pytest.mark.parametrize("topic", ["", "x", "onvif-ej/Device", "/onvif-ej/Device", "event/tns:onvif/x"])
def test_a_camera_that_nothing_names_is_refused(topic: str) -> None:
    for file in ("ej-line-crossed.json", "axis-pir-on.json"):
        with pytest.raises(BadMessage):
            decode(topic, json_of("onvif-mqtt", file))
