"""What codes and numbers of Dahua devices mean. Source: devices.md, and the vendor's HTTP API as used in public."""

from __future__ import annotations

from types import MappingProxyType

PLATE_COLORS = MappingProxyType(
    {
        "blue": "blue",
        "yellow": "yellow",
        "white": "white",
        "black": "black",
        "green": "green",
        "yellowgreen": "yellow_green",
        "shadowgreen": "green",  # the fading green of small new-energy cars
    }
)
# SnapInfo.Direction and TrafficCar.DrivingDirection.
TRAVELS = MappingProxyType(
    {
        "obverse": "approaching",
        "approach": "approaching",
        "reverse": "departing",
        "leave": "departing",
        "head": "approaching",
        "tail": "departing",
    }
)

# Method differs by model; the number as sent stays in raw_codes.
METHODS = MappingProxyType(
    {0: "pin", 1: "card", 2: "fingerprint", 3: "face", 4: "remote", 5: "button", 6: "fingerprint", 15: "face"}
)
DIRECTIONS = MappingProxyType({"entry": "in", "exit": "out"})

# ErrorCode of a refusal: the reason, and whether a card alone was not enough.
REASONS = MappingProxyType(
    {
        0x10: "no_permission",
        0x11: "card_cancelled",
        0x12: "no_permission",
        0x13: "wrong_method",
        0x14: "expired",
        0x15: "anti_passback",
        0x17: "door_normally_closed",
        0x18: "interlock",
        0x1A: "intrusion_alarm",
        0x20: "outside_time_period",
        0x21: "outside_time_period",
        0x22: "first_card_needed",
        0x23: "wrong_password",
        0x24: "timeout",
        0x25: "wrong_fingerprint",
        0x26: "timeout",
        0x27: "wrong_password",
        0x29: "more_cards_needed",
        0x2A: "more_cards_needed",
    }
)
SECOND_FAILED = MappingProxyType(
    {0x13: None, 0x23: "pin", 0x24: "pin", 0x25: "fingerprint", 0x26: "fingerprint", 0x27: "pin"}
)

DOOR_STATES = MappingProxyType(
    {"open": "open", "close": "closed", "closed": "closed", "break": "forced_open", "opened": "open"}
)

# Code (folded) of what begins and stops: label of a detection.
DETECTIONS = MappingProxyType(
    {
        "videomotion": "motion",
        "smartmotionhuman": "person",
        "smartmotionvehicle": "vehicle",
        "crosslinedetection": "line_crossed",
        "crossregiondetection": "intrusion",
        "leftdetection": "object_left",
        "takenawaydetection": "object_taken",
        "wanderdetection": "loitering",
        "rioterdetection": "crowd",
        "parkingdetection": "parked",
        "facedetection": "face",
        "invite": "doorbell",
        "electricbicycleintrusiondetection": "ebike_in_elevator",
        "electric_bike_in_elevator": "ebike_in_elevator",
    }
)
ALARMS = MappingProxyType(
    {
        "chassisintruded": "tamper",
        "tamper": "tamper",
        "videoblind": "tamper",
        "videoloss": "video_loss",
        "duress": "duress",
        "duressalarm": "duress",
        "firewarning": "fire",
        "firedetection": "fire",
        "smokedetection": "smoke",
    }
)
