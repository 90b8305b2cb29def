"""The simulated gate: the arm goes up for a command alone, and what rolls through is told in order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from simulators.devices import vzenith
from simulators.devices.gate import CLOSED, OPEN, Gate
from simulators.estate import lanes_document

CAMERA = vzenith.Camera("cam-1", "入口")
NOW = datetime(2026, 3, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)


def tell(gate: Gate, name: str, **body: Any) -> int:
    """How many answers a command gets."""
    payload = {"id": "lane-1", "payload": {"type": name, "body": body}}
    return len(gate.answer(f"{CAMERA.root}/down/{name}", msgspec.json.encode(payload), NOW))


def told(gate: Gate) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for message in gate.due(LATER):
        body = msgspec.json.decode(message.payload)["payload"]["body"]
        if "gate_status" in body:
            found.append(("arm", body["gate_status"]))
        else:
            found.append(("loop", body["AlarmGioIn"]["result"]["TriggerResult"]["value"]))
    return found


@pytest.mark.parametrize("cars", [1, 2])
def test_an_arm_that_is_told_to_open_does_and_cars_roll_through(cars: int) -> None:
    gate = Gate(CAMERA, cars=cars)
    assert gate.due(LATER) == []
    assert tell(gate, "gpio_out", io=0, value=2, delay=500) == 1
    assert gate.due(NOW) == [], "nothing moves at once"
    assert told(gate) == [("arm", OPEN), *[("loop", 1), ("loop", 0)] * cars, ("arm", CLOSED)]
    assert gate.openings == 1


def test_another_relay_a_board_and_a_stuck_arm_move_nothing() -> None:
    gate, stuck = Gate(CAMERA), Gate(CAMERA, stuck=True)
    assert tell(gate, "gpio_out", io=1, value=2) == 1
    assert tell(gate, "serial_data", serialData=[]) == 1
    assert tell(stuck, "gpio_out", io=0, value=2) == 1
    assert (gate.due(LATER), stuck.due(LATER)) == ([], [])
    assert (gate.openings, stuck.openings) == (0, 1)


def test_the_estates_lanes_as_a_document() -> None:
    assert [(lane["id"], lane["direction"]) for lane in lanes_document()["lanes"]] == [
        ("east-in", "in"),
        ("east-out", "out"),
    ]
