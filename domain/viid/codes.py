"""Code tables of GA/T 1400.3, by our words: one table for what is read and what is sent."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# ColorType. It is no vendor's table of plates; a large new-energy plate is told by its class.
COLORS: Mapping[str, str] = MappingProxyType(
    {
        "black": "1",
        "white": "2",
        "grey": "3",
        "red": "4",
        "blue": "5",
        "yellow": "6",
        "orange": "7",
        "brown": "8",
        "green": "9",
        "purple": "10",
        "cyan": "11",
        "pink": "12",
        "transparent": "13",
        "unknown": "99",
    }
)
PLATE_COLORS: Mapping[int, str] = MappingProxyType(
    {int(COLORS[word]): word for word in ("black", "white", "blue", "yellow", "green")}
)
LARGE_NEW_ENERGY = "51"  # PlateClass: green and yellow, and ColorType has no word for that

# Type of a picture -> our role; others show the scene. Some devices leave out the zero.
ROLES: Mapping[int, str] = MappingProxyType({2: "plate", 3: "plate", 4: "face", 5: "face", 11: "face"})
ONLINE: Mapping[str, int] = MappingProxyType({"online": 1, "offline": 2})
IS_ONLINE: Mapping[int, str] = MappingProxyType({code: word for word, code in ONLINE.items()})
NO_PLATE = "无车牌"
UNKNOWN = 2  # of the tri-state fields: whether somebody is a suspect is not ours to say

# SubscribeDetail -> the element that notifications of it carry.
DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "3": "APE",
        "4": "APEStatus",
        "7": "Tollgate",
        "8": "Tollgate",
        "9": "Lane",
        "10": "Lane",
        "11": "Person",
        "12": "Face",
        "13": "MotorVehicle",
        "14": "NonMotorVehicle",
    }
)


def plate_color(plate_class: str, code: int) -> str:
    """Our word for a plate's ColorType; green and yellow is told by the plate's class."""
    return "yellow_green" if plate_class == LARGE_NEW_ENERGY else PLATE_COLORS.get(code, "unknown")
