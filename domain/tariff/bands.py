"""Which band of the day a moment falls in, and when that changes. All times are local seconds since 1970-01-01."""

from __future__ import annotations

from bisect import bisect_right

from domain.tariff.calendar import DAY_S, Calendar
from domain.tariff.plan import Band, Bands


def band_at(bands: Bands, moment: int, calendar: Calendar) -> Band | None:
    """The first band that fits the time of day and the kind of the day, or None."""
    clock = moment % DAY_S
    kind = calendar.kind(moment) if bands.by_day_kind else "any"
    fitting = (band for band in bands.bands if band.on in ("any", kind) and _holds(band, clock))
    return next(fitting, None)


def band_end(bands: Bands, band: Band | None, start: int, end: int, calendar: Calendar) -> int:
    """When the band (None: the time outside all) that holds at ``start`` ends, at most ``end``.

    It ends at its own edge, where a band before it in the list begins, or at a midnight that changes the kind of day.
    """
    edge = start
    while (edge := _next_edge(bands, edge)) < end:
        own = band is not None and edge % DAY_S == band.end_s
        if own or band_at(bands, edge, calendar) is not band:
            return edge
    return end


def _holds(band: Band, clock: int) -> bool:
    if band.start_s < band.end_s:
        return band.start_s <= clock < band.end_s
    return clock >= band.start_s or clock < band.end_s


def _next_edge(bands: Bands, moment: int) -> int:
    midnight, clock = moment - moment % DAY_S, moment % DAY_S
    index = bisect_right(bands.edges_s, clock)
    return midnight + (bands.edges_s[index] if index < len(bands.edges_s) else DAY_S + bands.edges_s[0])
