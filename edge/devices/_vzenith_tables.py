"""What the numbers of Vzenith cameras mean. Source: the vendor's HTTP push document and public MQTT adaptors."""

from __future__ import annotations

from types import MappingProxyType

COLORS = MappingProxyType({0: "unknown", 1: "blue", 2: "yellow", 3: "white", 4: "black", 5: "green", 6: "yellow_green"})

# The colour that a type of plate has by law, for firmware that sends the type alone.
TYPE_COLORS = MappingProxyType(
    {
        1: "blue",
        2: "black",
        3: "yellow",
        4: "yellow",
        5: "white",  # police
        6: "white",  # armed police
        8: "white",  # army
        9: "white",
        10: "black",  # embassy
        11: "black",  # Hong Kong
        13: "yellow",  # coach
        14: "black",  # Macao
        19: "green",  # new energy
        20: "yellow_green",  # large new energy
        21: "white",  # emergency
    }
)
TYPE_FAKE = 29
TYPE_NO_PLATE = 31

TRAVELS = MappingProxyType({0: "unknown", 1: "left", 2: "right", 3: "departing", 4: "approaching"})

TRIGGERS = MappingProxyType(
    {1: "auto", 2: "io", 4: "software", 8: "virtual_loop", 64: "stay", 65: "stay_over", 66: "turned_back"}
)

# event_type of lanectrl_result: label and phase. Only what is also reported as over has a start and an end.
LANE_EVENTS = MappingProxyType(
    {
        73: ("person_stay", "end"),
        81: ("person_stay", "start"),
        82: ("vehicle_stay", "instant"),
        83: ("vehicle_passed", "instant"),
        84: ("vehicle_turned_back", "instant"),
        85: ("tailgating", "instant"),
        96: ("crowd", "start"),
        97: ("crowd", "end"),
        112: ("bike_stay", "start"),
        113: ("bike_stay", "end"),
    }
)
