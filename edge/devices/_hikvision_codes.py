"""What the numbers of Hikvision access events mean. Source: devices.md section 3 and the names in the vendor's SDK."""

from __future__ import annotations

from types import MappingProxyType

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """What an event of a major and a minor type is: fields of Event."""

    kind: str
    reason: str | None = None
    result: str | None = None
    method: str | None = None
    state: str | None = None
    alarm: str | None = None
    label: str | None = None


def _granted(method: str | None, reason: str | None = None) -> Meaning:
    return Meaning("access", reason, result="granted", method=method)


def _denied(reason: str, method: str | None) -> Meaning:
    return Meaning("access", reason, result="denied", method=method)


def _door(state: str, reason: str | None = None) -> Meaning:
    return Meaning("door", reason, state=state)


def _alarm(alarm: str, reason: str | None = None, state: str = "active") -> Meaning:
    return Meaning("alarm", reason, alarm=alarm, state=state)


# The first minor type of three (passed, failed, timed out), and what was shown. Where a card alone was not enough the
# method is the other credential: a card list must not open what asked for two.
_TRIPLES = (
    (0x28, "fingerprint"),
    (0x2B, "fingerprint"),
    (0x2E, "fingerprint"),
    (0x36, "face"),
    (0x39, "face"),
    (0x3C, "face"),
    (0x3F, "face"),
    (0x42, "face"),
    (0x45, "fingerprint"),
    (0x48, "fingerprint"),
    (0x4D, "face"),
    (0x65, "pin"),
)


def _outcomes(first: int, method: str) -> dict[int, Meaning]:
    return {
        first: _granted(method),
        first + 1: _denied("verification_failed", method),
        first + 2: _denied("timeout", method),
    }


_EVENTS: dict[int, Meaning] = {
    **{minor: meaning for first, method in _TRIPLES for minor, meaning in _outcomes(first, method).items()},
    0x01: _granted("card"),
    0x02: _granted("card"),
    0x03: _denied("wrong_password", "pin"),
    0x04: _denied("timeout", "pin"),
    0x05: _denied("too_many_attempts", "pin"),
    0x06: _denied("no_permission", "card"),
    0x07: _denied("outside_time_period", "card"),
    0x08: _denied("expired", "card"),
    0x09: _denied("unknown_credential", "card"),
    0x0A: _denied("anti_passback", "card"),
    0x0B: _denied("interlock", "card"),
    0x0C: _denied("more_cards_needed", "card"),
    0x0D: _denied("more_cards_needed", "card"),
    0x0E: _denied("wrong_password", "pin"),
    0x0F: _denied("remote_refused", "remote"),
    0x10: _granted("card", "several_cards"),
    0x11: _door("held_unlocked", "first_card"),
    0x12: _door("locked", "first_card"),
    0x13: _door("held_unlocked"),
    0x14: _door("locked"),
    0x15: _door("unlocked"),
    0x16: _door("locked"),
    0x17: _granted("button"),
    0x19: _door("open"),
    0x1A: _door("closed"),
    0x1B: _door("forced_open"),
    0x1C: _door("held_open"),
    0x1F: _door("held_locked"),
    0x20: _door("locked"),
    0x22: _granted("pin", "super_password"),
    0x23: _denied("more_cards_needed", "card"),
    0x24: _denied("timeout", "pin"),
    0x25: Meaning("detection", label="doorbell"),
    0x26: _granted("fingerprint"),
    0x27: _denied("unknown_credential", "fingerprint"),
    0x31: _denied("unknown_credential", "fingerprint"),
    0x33: _alarm("sos", "call_centre"),
    0x34: _alarm("fire", "fire_relay"),
    0x35: _alarm("fire", "fire_relay", "cleared"),
    0x4B: _granted("face"),
    0x4C: _denied("unknown_credential", "face"),
    0x50: _denied("not_recognised", "face"),
    0x51: _door("held_unlocked", "first_card"),
    0x52: _door("locked", "first_card"),
    0x68: _denied("not_alive", "face"),
    0x69: _granted("face", "identity_card"),
    0x70: _denied("identity_mismatch", "face"),
    0x71: _denied("blocklist", "face"),
    0x75: _denied("door_normally_closed", "card"),
    0x76: _denied("door_normally_closed", "card"),
    0x77: _denied("card_not_genuine", None),
    0x85: _alarm("tailgating"),
    0x86: _alarm("intrusion", "reverse_access"),
    0x87: _alarm("intrusion", "forced_access"),
    0x88: _alarm("intrusion", "climbing"),
    0x8A: _alarm("intrusion", "intrusion"),
    0x97: _denied("wrong_password", "pin"),
    0x98: _denied("unknown_credential", "pin"),
    0x99: _granted(None, "combined"),
    0x9A: _denied("timeout", None),
    0x9B: _denied("wrong_method", None),
}

_ALARMS = {
    0x400: _alarm("tamper", "input_short_circuit"),
    0x401: _alarm("tamper", "input_broken_circuit"),
    0x404: _alarm("tamper", "device_opened"),
    0x405: _alarm("tamper", "device_opened", "cleared"),
    0x406: _alarm("tamper", "reader_opened"),
    0x407: _alarm("tamper", "reader_opened", "cleared"),
    0x40A: _alarm("duress"),
    0x40C: _denied("too_many_attempts", None),
    0x40F: _alarm("tamper", "door_module_opened"),
    0x410: _alarm("tamper", "door_module_opened", "cleared"),
}

_EXCEPTIONS = {
    0x400: Meaning("availability", "power_on", state="online"),
    0x401: Meaning("availability", "power_off", state="offline"),
}

_OPERATIONS = {
    0x400: _granted("remote", "remote_open"),
    0x401: _door("locked", "remote"),
    0x402: _door("held_unlocked", "remote"),
    0x403: _door("held_locked", "remote"),
}

ACCESS: MappingProxyType[tuple[int, int], Meaning] = MappingProxyType(
    {
        (major, minor): meaning
        for major, table in ((1, _ALARMS), (2, _EXCEPTIONS), (3, _OPERATIONS), (5, _EVENTS))
        for minor, meaning in table.items()
    }
)
# Of types that say nothing a person would want to read: a button that is let go.
SILENT = frozenset({(5, 0x18)})

PLATE_COLORS = MappingProxyType(
    {
        "blue": "blue",
        "yellow": "yellow",
        "white": "white",
        "black": "black",
        "green": "green",
        "newenergygreen": "green",
        "newenergyyellowgreen": "yellow_green",
        "unknown": "unknown",
    }
)
TRAVELS = frozenset({"forward", "reverse", "unknown"})

# eventType (folded) of what cameras notice: label of a detection, with start and end.
DETECTIONS = MappingProxyType(
    {
        "vmd": "motion",
        "pir": "motion",
        "linedetection": "line_crossed",
        "fielddetection": "intrusion",
        "regionentrance": "region_entered",
        "regionexiting": "region_left",
        "loitering": "loitering",
        "group": "crowd",
        "unattendedbaggage": "object_left",
        "attendedbaggage": "object_taken",
        "parking": "parked",
        "facedetection": "face",
        "electric_bike_in_elevator": "ebike_in_elevator",
        "accesselevatoralarm": "ebike_in_elevator",
        "electricbicycleintrusiondetection": "ebike_in_elevator",
        "electricbicyclesinelevator": "ebike_in_elevator",
    }
)
# eventType (folded): alarm that lasts until the same with eventState inactive.
LASTING_ALARMS = MappingProxyType(
    {
        "tamperdetection": "tamper",
        "shelteralarm": "tamper",
        "firedetection": "fire",
        "smokedetection": "smoke",
        "videoloss": "video_loss",
    }
)
