"""What a Zigbee device's state says, field by field: a message may hold all that was ever heard of it."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import Any

import msgspec

from edge.devices._fields import flag, number_in, text_in

Fields = dict[str, Any]

# Field -> our alarm. True is active, false at rest; anything else says nothing.
ALARMS = MappingProxyType(
    {
        "smoke": "smoke",
        "gas": "gas",
        "carbon_monoxide": "gas",
        "water_leak": "water_leak",
        "vibration": "vibration",
        "sos": "sos",
        "tamper": "tamper",
        "battery_low": "battery_low",
        "trouble": "device_fault",
        "battery_defect": "device_fault",
        "fault_alarm": "device_fault",
    }
)
_TESTED = ("smoke", "gas", "carbon_monoxide", "water_leak", "sos")  # what a self test tries
_SEEN = MappingProxyType({"occupancy": "motion", "presence": "presence"})
_LOCKS = MappingProxyType({"locked": "locked", "unlocked": "unlocked", "not_fully_locked": "not_fully_locked"})
_SWITCHES = MappingProxyType({"ON": "on", "OFF": "off"})
_EMERGENCIES = frozenset({"emergency", "sos", "panic"})
_WHO = ("action_source_name", "action_user")
_ARMING = ("disarm", "arm", "exit_delay", "entry_delay")

# Field -> metric and factor. voltage is apart: of a battery in mV, of the mains in V.
_METRICS = MappingProxyType(
    {
        "battery": ("battery_pct", 1.0),
        "temperature": ("temperature_c", 1.0),
        "humidity": ("humidity_pct", 1.0),
        "pressure": ("pressure_pa", 100.0),
        "illuminance": ("illuminance_lx", 1.0),
        "co2": ("co2_ppm", 1.0),
        "pm25": ("pm25_ug_m3", 1.0),
        "power": ("power_w", 1.0),
        "current": ("current_ma", 1000.0),
        "energy": ("energy_wh", 1000.0),
        "ac_frequency": ("frequency_hz", 1.0),
        "water_consumed": ("volume_l", 1000.0),
    }
)
_MAINS_BELOW = 1000  # no cell has less than a volt, no mains more than a thousand
# What says nothing that concerns a complex, so that a message of these alone is no unknown one.
_SILENT = frozenset(
    {
        "linkquality",
        "last_seen",
        "update",
        "update_available",
        "elapsed",
        "device",
        "test",
        "action",
        "supervision_reports",
        "restore_reports",
        "ac_status",
        "battery_state",
        "power_outage_count",
        "device_temperature",
        "trigger_count",
    }
)


class Told(msgspec.Struct, frozen=True):
    """What follows from a state: facts, what is at rest, and the fields that nobody here knows."""

    facts: list[Fields]
    at_rest: list[Fields]
    unknown: Fields


def read_state(state: Fields) -> Told:
    """The fields of our events, without device and time."""
    facts, at_rest = [*_doors(state), *_detections(state)], list[Fields]()
    for fact in _alarms(state):
        (at_rest if fact["state"] == "cleared" else facts).append(fact)
    facts += [*_actions(state), *_switches(state), *_measurement(state)]
    return Told(facts, at_rest, {} if facts or at_rest else _unknown(state))


def as_flag(value: object) -> bool | None:
    """True or false where a field says so in some form; None for null, and for what is neither."""
    if flag(value):
        return True
    no = value is False or value == 0 or (isinstance(value, str) and value.strip().lower() in {"0", "false"})
    return False if no and value is not None else None


def _doors(state: Fields) -> Iterator[Fields]:
    """``contact`` is whether magnet and reed touch: false is open."""
    closed = as_flag(state.get("contact"))
    if closed is not None:
        yield {"kind": "door", "state": "closed" if closed else "open"}
    lock = _LOCKS.get(str(state.get("lock_state")))
    if lock is not None:
        yield {"kind": "door", "point": "lock", "state": lock}


def _detections(state: Fields) -> Iterator[Fields]:
    for field, label in _SEEN.items():
        seen = as_flag(state.get(field))
        if seen is not None:
            yield {"kind": "detection", "label": label, "phase": "start" if seen else "end"}


def _alarms(state: Fields) -> Iterator[Fields]:
    """Active, cleared, or a test; two fields of one alarm are one: active where either is."""
    in_test = as_flag(state.get("test")) is True
    tested = next((field for field in _TESTED if field in state), None) if in_test else None
    found: dict[str, Fields] = {}
    for field, alarm in ALARMS.items():
        on = as_flag(state.get(field))
        if on is not None:
            said = _test(alarm, field) if field == tested or (on and in_test and field in _TESTED) else None
            said = said or _alarm(alarm, field, on=on)
            before = found.get(alarm)
            found[alarm] = said if before is None or before["state"] == "cleared" else before
    yield from found.values()


def _alarm(alarm: str, field: str, *, on: bool) -> Fields:
    said = {"kind": "alarm", "alarm": alarm, "state": "active" if on else "cleared", "phase": "start" if on else "end"}
    return said if field == alarm else {**said, "reason_code": field}


def _test(alarm: str, field: str) -> Fields:
    """Somebody pressed its button, or it is in test: no fire."""
    return {**_alarm(alarm, field, on=True), "state": "test"}


def _actions(state: Fields) -> Iterator[Fields]:
    """A button pressed. Old versions send an empty action after it. Codes typed at a keypad stay out."""
    action = text_in(state.get("action"))
    if action is None or action.lower() in ("null", "none"):
        return
    word = action.lower()
    if word in _EMERGENCIES:
        yield {"kind": "alarm", "alarm": "sos", "state": "active", "reason_code": action, "trigger": "button"}
    else:
        point = "keypad" if word.startswith(_ARMING) else "button"
        number = _text(state.get("action_transaction"))
        yield {
            "kind": "input",
            "point": point,
            "value": action,
            "trigger": "action",
            "source_event_id": number,
            "counter_restarts": number is not None,
            "raw_codes": {name: who for name in _WHO if (who := _text(state.get(name))) is not None},
        }


def _text(value: object) -> str | None:
    return None if isinstance(value, bool) else text_in(value)


def _switches(state: Fields) -> Iterator[Fields]:
    """Plugs, relays, sirens: ``state``, or ``state_l1`` and so on where there are several."""
    for field, value in state.items():
        name, _, endpoint = field.partition("_")
        word = _SWITCHES.get(value.upper()) if isinstance(value, str) else None
        if name == "state" and word is not None:
            yield {"kind": "input", "point": f"switch/{endpoint}" if endpoint else "switch", "state": word}


def _measurement(state: Fields) -> Iterator[Fields]:
    metrics: dict[str, float] = {}
    for field, (name, factor) in _METRICS.items():
        number = _number(state.get(field))
        if number is not None:
            metrics[name] = number * factor
    voltage = _number(state.get("voltage"))
    if voltage is not None:
        metrics["voltage_mv"] = voltage * 1000 if 0 < voltage < _MAINS_BELOW else voltage
    if metrics:
        yield {"kind": "measurement", "metrics": metrics}


def _number(value: object) -> float | None:
    number = None if isinstance(value, bool) else number_in(value)
    return None if number is None else float(number)


def _unknown(state: Fields) -> Fields:
    known = (*ALARMS, *_SEEN, *_METRICS, *_SILENT, "contact", "lock_state", "voltage", "action")
    return {field: value for field, value in state.items() if field not in known and not field.startswith("action_")}
