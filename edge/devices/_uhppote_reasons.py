"""What a UHPPOTE controller's reason codes mean. Source: uhppoted-lib's dictionary and devices.md section 3."""

from __future__ import annotations

from types import MappingProxyType

import msgspec


class Meaning(msgspec.Struct, frozen=True):
    """What an event with this reason is: fields of Event."""

    kind: str
    reason: str
    result: str | None = None
    method: str | None = None
    state: str | None = None
    alarm: str | None = None


def _granted(reason: str, method: str) -> Meaning:
    return Meaning("access", reason, result="granted", method=method)


def _denied(reason: str, method: str = "card") -> Meaning:
    return Meaning("access", reason, result="denied", method=method)


def _door(state: str) -> Meaning:
    return Meaning("door", state, state=state)


def _alarm(alarm: str, reason: str) -> Meaning:
    return Meaning("alarm", reason, alarm=alarm, state="active")


def _started(reason: str) -> Meaning:
    """The controller runs again: before that it decided nothing and recorded nothing."""
    return Meaning("availability", reason, state="online")


REASONS: MappingProxyType[int, Meaning] = MappingProxyType(
    {
        1: _granted("swipe", "card"),
        2: _granted("swipe_open", "card"),
        3: _granted("swipe_close", "card"),
        5: _denied("denied_by_system"),
        6: _denied("no_permission"),
        7: _denied("wrong_password", "pin"),
        8: _denied("anti_passback"),
        9: _denied("more_cards_needed"),
        10: _denied("first_card_needed"),
        11: _denied("door_normally_closed"),
        12: _denied("interlock"),
        13: _denied("outside_time_period"),
        15: _denied("invalid_time_period"),
        18: _denied("denied"),
        20: _granted("button", "button"),
        23: _door("open"),
        24: _door("closed"),
        25: _granted("supervisor_password", "pin"),
        28: _started("power_on"),
        29: _started("reset"),
        31: _denied("door_locked", "button"),
        32: _denied("controller_offline", "button"),
        33: _denied("interlock", "button"),
        34: _denied("threat", "button"),
        37: _door("held_open"),
        38: _door("forced_open"),
        39: _alarm("fire", "fire"),
        40: _door("forced_closed"),
        41: _alarm("intrusion", "theft"),
        42: _alarm("intrusion", "zone_24h"),
        43: _alarm("sos", "emergency"),
        44: _granted("remote_open", "remote"),
        45: _granted("remote_open_usb_reader", "remote"),
    }
)

TYPE_NONE, TYPE_SWIPE, TYPE_DOOR, TYPE_ALARM, TYPE_OVERWRITTEN = 0, 1, 2, 3, 255

# For reasons that newer firmware adds: what the type alone tells.
BY_TYPE: MappingProxyType[int, Meaning] = MappingProxyType(
    {
        TYPE_SWIPE: Meaning("access", "", result="unknown", method="card"),
        TYPE_ALARM: Meaning("alarm", "", alarm="unknown", state="active"),
    }
)

DIRECTIONS = MappingProxyType({1: "in", 2: "out"})
