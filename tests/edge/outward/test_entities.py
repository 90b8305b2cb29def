"""What is shown outside of an event, and what is not: people, duress, what is stored, what was never listed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from domain.desired_bodies import Device
from domain.events import Event, Subject
from edge.outward import discovery
from edge.outward.entities import shown_by
from edge.outward.names import Names, level
from edge.transports.mqtt_routes import Routes
from tests.edge import asyncapi

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NAMES = Names("garden")


def shown(**said: Any) -> list[tuple[str, str | float]]:
    return [(one.entity.name, one.state) for one in shown_by(Event(device="t:1", time=NOW, **said))]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"kind": "door", "state": "forced_open", "point": "door/1"}, [("door-door/1", "ON")]),
        ({"kind": "door", "state": "closed"}, [("door", "OFF")]),
        ({"kind": "door", "state": "unlocked", "point": "switch/1"}, [("lock-switch/1", "ON")]),
        ({"kind": "barrier", "state": "opening"}, [("barrier", "ON")]),
        ({"kind": "barrier", "state": "open", "label": "opened"}, []),  # what a lane decided, not what the arm did
        ({"kind": "alarm", "alarm": "smoke", "state": "active"}, [("smoke", "ON")]),
        ({"kind": "alarm", "alarm": "smoke", "state": "test"}, [("smoke", "OFF")]),
        ({"kind": "alarm", "alarm": "duress", "state": "active"}, []),
        ({"kind": "input", "value": 1, "point": "input/3"}, [("input-input/3", "ON")]),
        ({"kind": "input", "value": "single", "point": "button"}, []),
        (
            {"kind": "measurement", "metrics": {"battery_pct": 71.0, "voltage_mv": 2900.0, "lost": 1.0}},
            [("battery_pct", 71.0), ("voltage_mv", 2.9)],
        ),
        ({"kind": "access", "result": "granted", "subject": Subject(type="card", id="8165537")}, []),
        ({"kind": "detection", "label": "person"}, []),
        ({"kind": "door", "state": "open", "time_quality": "replay"}, []),
    ],
)
def test_what_is_shown_of_an_event(said: dict[str, Any], expected: list[tuple[str, str | float]]) -> None:
    assert shown(**said) == expected


def test_names_stay_apart_and_hold_no_sign_that_means_more() -> None:
    names = ["hall/smoke", "hall%2Fsmoke", "hall_smoke", "+", "#", "$SYS", "3 号楼", ""]
    assert len({level(name) for name in names}) == len(names)
    assert all(not set("/+#$") & set(level(name)) for name in names)
    ids = {NAMES.object_id(name) for name in names}
    assert len(ids) == len(names)
    assert all(set(one) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") for one in ids)


def test_a_config_is_as_the_document_says_and_holds_no_secret() -> None:
    device = Device(id="z2m:hall/smoke", name="烟感", place="3 号楼", address="http://192.0.2.9")
    entities = [one.entity for one in shown_by(Event(kind="alarm", device=device.id, alarm="smoke", state="active"))]
    said = discovery.device_config(NAMES, device, entities, "1.0")
    assert asyncapi.wrong(NAMES.discovery(device.id), said, retain=True) == ""
    assert asyncapi.wrong(NAMES.discovery(""), discovery.gateway_config(NAMES, "1.0"), retain=True) == ""
    (component,) = msgspec.json.decode(said)["components"].values()
    assert component["state_topic"] == "gatehouse/garden/z2m:hall%2Fsmoke/state/smoke"
    assert (component["device_class"], component["off_delay"]) == ("smoke", 60)
    assert b"192.0.2.9" not in said


def test_what_we_publish_is_no_device_s_whatever_a_filter_says() -> None:
    topic = NAMES.state("z2m:hall", "door").encode()
    everything = {"#": "zigbee2mqtt"}
    assert Routes(everything, ("gatehouse/", "homeassistant/")).find(topic).family is None
    assert Routes(everything).find(topic).family == "zigbee2mqtt", "the control: else it would be a device's"
