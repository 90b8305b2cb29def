"""What codes and numbers of Dahua devices mean.

Methods and error codes as the maker of such terminals lists them for its HTTP API
(https://intelbras-caco-api-ct3000.intelbras.com.br/parametros_retornados); the comments on ``nErrorCode`` of
DEV_EVENT_ACCESS_CTL_INFO in the vendor's SDK say the same in hexadecimal. Names of events as in the lists of
https://github.com/SaWey/home-assistant-dahua-event and https://github.com/rroller/dahua."""

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

# The number as sent stays in raw_codes. Of several proofs it is the one that is no card: a card list must not open what
# asked for more. What is not here may have been any of several.
METHODS = MappingProxyType(
    {
        0: "pin",
        1: "card",
        2: "pin",  # card, then password
        3: "pin",  # password, then card
        4: "remote",
        5: "button",
        6: "fingerprint",
        7: "fingerprint",  # with password and card
        8: "fingerprint",  # with password
        9: "fingerprint",  # with card
        13: "pin",  # under duress
        14: "qr",
        15: "face",
        18: "face",  # with an identity card
        20: "pin",
        21: "pin",  # with the user's number
        22: "face",  # with password
        23: "fingerprint",  # with password
        24: "face",  # with fingerprint
        25: "face",  # with card
        43: "qr",
        44: "face",
        46: "pin",  # for a while
    }
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
        0x16: "duress_not_armed",
        0x17: "door_normally_closed",
        0x18: "interlock",
        0x19: "patrol_card",
        0x1A: "intrusion_alarm",
        0x20: "outside_time_period",
        0x21: "outside_time_period",
        0x30: "first_card_needed",
        0x40: "wrong_password",
        0x41: "timeout",
        0x42: "wrong_fingerprint",
        0x43: "timeout",
        0x44: "wrong_password",
        0x45: "timeout",
        0x50: "more_cards_needed",  # in another order
        0x51: "more_cards_needed",
        0x60: "no_permission",  # by the platform
        0x61: "wrong_face",
        0x62: "timeout",
        0x63: "anti_passback",  # came in twice
        0x64: "no_permission",  # the platform is to decide
        0x65: "fever",
        0x66: "no_mask",
    }
)
SECOND_FAILED = MappingProxyType(
    {
        0x13: None,
        0x40: "pin",
        0x41: "pin",
        0x42: "fingerprint",
        0x43: "fingerprint",
        0x44: "pin",
        0x45: "pin",
        0x61: "face",
        0x62: "face",
        0x65: "face",
        0x66: "face",
    }
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
        "crowddetection": "crowd",
        "movedetection": "fast_moving",
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
        "videoabnormaldetection": "image_fault",
        "videounfocus": "image_fault",
        "storagenotexist": "device_fault",
        "storagefailure": "device_fault",
        "duress": "duress",
        "duressalarm": "duress",
        "firewarning": "fire",
        "firedetection": "fire",
        "smokedetection": "smoke",
    }
)
