"""What is wrong with a tariff as a whole: hours that no band is for, bands that overlap, stays that have no price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from domain.tariff.calendar import DAY_S, DayKind
from domain.tariff.document import Tariff
from domain.tariff.plan import Band, Bands, Charge, Plan, Scaled, Tiers

_MINUTE_S = 60
_KINDS: tuple[DayKind, DayKind] = ("workday", "restday")
What = Literal["hole", "overlap", "no_price", "falls"]


class Finding(NamedTuple):
    """Something about a tariff that a person must look at; ``is_wrong``: it cannot be published so."""

    path: str
    what: What
    text: str
    is_wrong: bool = True
    about: Mapping[str, str] = {}  # the same in parts, for who says it in another language


class Stretch(NamedTuple):
    """A part of a day, in seconds after midnight, and which bands are for it; the first counts."""

    start_s: int
    end_s: int
    bands: tuple[int, ...]


class BandPlace(NamedTuple):
    """Bands somewhere in a plan."""

    path: str
    bands: Bands


def findings(tariff: Tariff) -> list[Finding]:
    """All that is to be said of a tariff, plan by plan."""
    return [one for name, plan in tariff.plans.items() for one in _of_plan(f"plans.{name}", plan)]


def faults(tariff: Tariff) -> list[Finding]:
    """What keeps a tariff from being published."""
    return [one for one in findings(tariff) if one.is_wrong]


def all_bands(plan: Plan, path: str) -> list[BandPlace]:
    """Every list of bands within a plan."""
    inner = [place for name, one in plan.inner.items() for place in all_bands(one.plan, f"{path}.inner.{name}.plan")]
    own = [BandPlace(at, found) for at, found in _charges(plan.charge, f"{path}.charge") if isinstance(found, Bands)]
    return own + inner


def day(bands: Bands, kind: DayKind) -> list[Stretch]:
    """A day of a kind from midnight to midnight, cut wherever other bands are for it."""
    edges = [*sorted({0, *bands.edges_s}), DAY_S]
    stretches: list[Stretch] = []
    for start, end in pairwise(edges):
        found = tuple(index for index, band in enumerate(bands.bands) if _is_for(band, kind, start))
        if stretches and stretches[-1].bands == found:
            stretches[-1] = stretches[-1]._replace(end_s=end)
        else:
            stretches.append(Stretch(start, end, found))
    return stretches


def collides(bands: Bands, fitting: Sequence[int]) -> bool:
    """Whether several bands claim a time without one being meant to come first: a band for workdays or rest days
    before one for any day is meant."""
    if len(fitting) < 2:
        return False
    first, rest = bands.bands[fitting[0]], [bands.bands[index] for index in fitting[1:]]
    return first.on == "any" or any(band.on != "any" for band in rest)


def _is_for(band: Band, kind: DayKind, clock: int) -> bool:
    if band.on not in ("any", kind):
        return False
    if band.start_s < band.end_s:
        return band.start_s <= clock < band.end_s
    return clock >= band.start_s or clock < band.end_s


def _of_plan(path: str, plan: Plan) -> Iterator[Finding]:
    for place in all_bands(plan, path):
        yield from _of_bands(place)
    if plan.free is None or plan.free.mode != "deduct" or plan.free.minutes < _longest_min(plan):
        yield from _closed(plan.charge, f"{path}.charge", _longest_min(plan))
    if plan.full_cycle_fen is not None and not _is_capped_by(plan, plan.full_cycle_fen):
        said = "a complete cycle may cost less than a part of one: see whether `cycle_cap_fen` is meant"
        yield Finding(f"{path}.full_cycle_fen", "falls", said, is_wrong=False)
    for at, charge in _charges(plan.charge, f"{path}.charge"):
        if isinstance(charge, Tiers) and charge.mode == "select":
            yield Finding(at, "falls", "a table of steps: look whether a longer stay may cost less", is_wrong=False)


def _of_bands(place: BandPlace) -> Iterator[Finding]:
    path, bands = place
    kinds = _KINDS if bands.by_day_kind else _KINDS[:1]
    for kind in kinds:
        on = f" on a {kind}" if bands.by_day_kind else ""
        for start, end, fitting in day(bands, kind):
            about = {"from": clock(start), "to": clock(end), "on": kind if bands.by_day_kind else "any"}
            hours = f"{about['from']} to {about['to']}{on}"
            if not fitting and bands.outside is None:
                yield Finding(path, "hole", f"no band is for {hours}: add one, or write `outside: free`", about=about)
            elif collides(bands, fitting) and bands.overlap is None:
                both = " and ".join(f"bands[{index}]" for index in fitting)
                text = f"{both} are for {hours}: part them, or write `overlap: first` where the first is meant"
                yield Finding(path, "overlap", text, about=about)


def _closed(charge: Charge, path: str, longest: float) -> Iterator[Finding]:
    """Tables of steps that end before the piece can, which lasts ``longest`` minutes at most: past their end there is
    no price."""
    match charge:
        case Tiers():
            begun = 0
            for index, tier in enumerate(charge.tiers):
                until = min(longest, tier.until_min or longest)
                piece = until if charge.mode == "select" else max(0, until - begun)
                yield from _closed(tier.charge, f"{path}.tiers[{index}].charge", piece)
                begun = tier.until_min or begun
            end = charge.tiers[-1].until_min
            if end is not None and end < longest:
                text = f"a stay beyond {end} min has no price: leave `until_min` out of the last tier, or give a cycle"
                yield Finding(path, "no_price", text, about={"minutes": str(end)})
        case Bands():
            for index, band in enumerate(charge.bands):
                piece = min(longest, _band_min(band))
                yield from _closed(band.charge, f"{path}.bands[{index}].charge", piece)
        case Scaled():
            yield from _closed(charge.of, f"{path}.of", longest)
        case _:
            pass


def _band_min(band: Band) -> float:
    """How long a piece of a band can be; a unit that is finished beyond its end stays within its tier."""
    return ((band.end_s - band.start_s - 1) % DAY_S + 1) / _MINUTE_S


def _longest_min(plan: Plan) -> float:
    """How long a piece can be that a plan's charge is asked for."""
    spans = [one.length_s / _MINUTE_S for one in (plan.cycle, plan.window_cap) if one is not None]
    return min(spans, default=float("inf"))


def _is_capped_by(plan: Plan, fen: int) -> bool:
    caps = plan.cycle_cap_fen
    return caps is not None and (max(caps) if isinstance(caps, tuple) else caps) <= fen


def _charges(charge: Charge, path: str) -> Iterator[tuple[str, Charge]]:
    yield path, charge
    match charge:
        case Tiers():
            for index, tier in enumerate(charge.tiers):
                yield from _charges(tier.charge, f"{path}.tiers[{index}].charge")
        case Bands():
            for index, band in enumerate(charge.bands):
                yield from _charges(band.charge, f"{path}.bands[{index}].charge")
        case Scaled():
            yield from _charges(charge.of, f"{path}.of")
        case _:
            pass


def clock(second: int) -> str:
    """``07:30`` of a second after midnight; ``24:00`` for the end of the day."""
    return f"{second // 3_600:02}:{second // 60 % 60:02}"
