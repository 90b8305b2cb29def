"""What the numbers of GB/T 26875.3-2011 mean. Source: the standard's tables 3 to 6 and 8.2.1, as public decoders
(dgiot, public codec tests) have them."""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from edge.devices._gb26875_frame import TIME_BYTES

SYSTEM_STATUS, COMPONENT_STATUS, ANALOGUE, OPERATION = 1, 2, 3, 4
SYSTEM_VERSION, SYSTEM_CONFIG, COMPONENT_CONFIG, SYSTEM_TIME = 5, 6, 7, 8
OWN_STATUS, OWN_OPERATION, OWN_VERSION, OWN_CONFIG, OWN_TIME = 21, 24, 25, 26, 28
SET_CLOCK = 90


class Shape(msgspec.Struct, frozen=True):
    """An information object: so many bytes, and whether a time stands behind them."""

    size: int
    timed: bool = True

    def whole(self, objects_bytes: int, count: int) -> int | None:
        """The bytes of one of ``count`` objects, which may leave out their times; None where neither fits."""
        sizes = (self.size + TIME_BYTES, self.size) if self.timed else (self.size,)
        return next((size for size in sizes if count and size * count == objects_bytes), None)


SHAPES: MappingProxyType[int, Shape] = MappingProxyType(
    {
        SYSTEM_STATUS: Shape(4),
        COMPONENT_STATUS: Shape(40),
        ANALOGUE: Shape(10),
        OPERATION: Shape(4),
        SYSTEM_VERSION: Shape(4, timed=False),
        COMPONENT_CONFIG: Shape(38, timed=False),
        SYSTEM_TIME: Shape(2),
        OWN_STATUS: Shape(1),
        OWN_OPERATION: Shape(2),
        OWN_VERSION: Shape(2, timed=False),
        OWN_TIME: Shape(0),
    }
)

# Bits of a status. Bit 0 says normal, but many panels never set it: only the others are believed.
FIRE = 1
SYSTEM_BITS = MappingProxyType(
    {
        2: "fault",
        3: "shielded",
        4: "supervisory",
        5: "started",
        6: "feedback",
        7: "delayed",
        8: "mains_fault",
        9: "battery_fault",
        10: "bus_fault",
        11: "manual",
        12: "configuration_changed",
        13: "reset",
    }
)
COMPONENT_BITS = MappingProxyType(
    {
        2: "fault",
        3: "shielded",
        4: "supervisory",
        5: "started",
        6: "feedback",
        7: "delayed",
        8: "power_fault",
    }
)
OWN_BITS = MappingProxyType({2: "fault", 3: "mains_fault", 4: "battery_fault", 5: "channel_fault", 6: "line_fault"})
OPERATIONS = MappingProxyType(
    {0: "reset", 1: "silence", 2: "manual_alarm", 3: "alarm_over", 4: "self_test", 5: "confirm", 6: "test"}
)
OWN_OPERATIONS = MappingProxyType({**OPERATIONS, 5: "presence_answered"})

GAS_DETECTORS = frozenset({10, 11, 12, 13})

# Analogue values: the metric, and what one step of the number is of it.
METRICS: MappingProxyType[int, tuple[str, float]] = MappingProxyType(
    {
        1: ("events", 1.0),
        2: ("height_mm", 10.0),
        3: ("temperature_c", 0.1),
        4: ("pressure_kpa", 100.0),
        5: ("pressure_kpa", 0.1),
        6: ("gas_pct_lel", 0.1),
        7: ("duration_s", 1.0),
        8: ("voltage_mv", 100.0),
        9: ("current_ma", 100.0),
        10: ("flow_l_s", 0.1),
        11: ("air_m3_min", 0.1),
        12: ("wind_m_s", 1.0),
    }
)
