"""What a simulated fleet is told, in one structure."""

from __future__ import annotations

import msgspec


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Shares are of all gateways, 0 to 1. ``minutes`` 0: until told to stop."""

    gateways: int = 2_000
    seed: int = 1
    speed: float = 1.0  # so many of the city's seconds in one of ours
    events: float = 1.0  # times a usual city's events; 0: none
    begin_hour: float = 8.0  # what the city's clock says at the start
    minutes: float = 10.0
    spread_s: float = 5.0  # over so long they are switched on
    heartbeat_s: float = 5.0  # unless the centre names another
    worst: float = 0.002  # complexes with sixty thousand events a day
    wrong_clocks: float = 0.02
    old_versions: float = 0.02
    doubled: float = 0.01  # of batches: sent twice
    late: float = 0.01  # of batches: held back for a while
    outages_an_hour: float = 0.05  # of one gateway's line, for each gateway
    floods_an_hour: float = 0.5  # of a device somewhere in the city
    storm_at_s: float = 0.0  # the whole city's line is cut at this second, 0: never
    storm_s: float = 60.0  # for so long; then all come back at once
    broken_versions: tuple[str, ...] = ()  # releases after which a gateway falls silent
    returning_versions: tuple[str, ...] = ()  # releases from which a gateway returns to the one before
    upgrade_s: float = 2.0  # from a release wished to its version running
