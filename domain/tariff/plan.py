"""The tariff plan as typed structures: free time, cycles, caps and a recursive charge."""

from __future__ import annotations

from functools import cached_property
from math import isfinite
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.tariff.calendar import DAY_S, Calendar, DayKind
from domain.tariff.version import version_of

_HOUR_S = 3_600
_MINUTE_S = 60

MOST_FEN = 10_000_000  # of one price: a typing mistake is larger, and a fee has to fit the book
LEAST_HOURS, MOST_HOURS = 0.25, 100_000  # of a cycle: a stay of years has so many lines

Fen = Annotated[int, Meta(ge=0, le=MOST_FEN)]
Minutes = Annotated[int, Meta(ge=1, le=10_000_000)]
ClockTime = Annotated[str, Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$|^24:00(:00)?$")]
NotNegative = Annotated[int, Meta(ge=0, le=MOST_FEN)] | Annotated[float, Meta(ge=0)]
Positive = Annotated[int, Meta(gt=0)] | Annotated[float, Meta(gt=0)]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of a plan. Unknown keys are refused: a mistyped cap must not price without the cap."""


class _Charge(_Part, frozen=True, kw_only=True, tag_field="kind"):
    cap_fen: Fen | None = None  # of each piece the charge is asked for


class Free(_Charge, frozen=True, kw_only=True, tag="free"):
    """Nothing."""


class Flat(_Charge, frozen=True, kw_only=True, tag="flat"):
    """A price once for the piece, however long."""

    fen: Fen


class Tail(_Part, frozen=True, kw_only=True):
    """A remainder up to ``tail_min`` minutes is dropped, a longer one is a whole unit."""

    tail_min: Annotated[int, Meta(ge=0)]


class Unit(_Charge, frozen=True, kw_only=True, tag="unit"):
    """A price per unit of time; ``rounding`` says what a part of a unit is."""

    unit_min: Minutes
    fen: Fen
    rounding: Literal["ceil", "floor"] | Tail = "ceil"


class Linear(_Charge, frozen=True, kw_only=True, tag="linear"):
    """A price by the second: an exact fraction, rounded half up once, at the end of the fee."""

    fen_per_hour: NotNegative

    def __post_init__(self) -> None:
        _check_finite("fen_per_hour", self.fen_per_hour)


class Tier(_Part, frozen=True, kw_only=True):
    """A stretch of the piece up to ``until_min`` minutes from its start, inclusive; None: without end."""

    charge: Charge
    until_min: Minutes | None = None


class Tiers(_Charge, frozen=True, kw_only=True, tag="tiers"):
    """``slices``: each stretch is charged and added; ``select``: the tier the duration falls in charges the piece."""

    tiers: Annotated[tuple[Tier, ...], Meta(min_length=1)]
    mode: Literal["slices", "select"] = "slices"

    def __post_init__(self) -> None:
        ends = [tier.until_min for tier in self.tiers]
        if None in ends[:-1]:
            raise ValueError("`tiers`: only the last may be without `until_min`")
        known = [end for end in ends if end is not None]
        if known != sorted(set(known)):
            raise ValueError(f"`tiers`: `until_min` must rise from tier to tier, not {known}")


class Band(_Part, frozen=True, kw_only=True, dict=True):
    """A charge for a time of day, ``from`` inclusive to ``to`` exclusive; past midnight where ``to`` is not later."""

    start: ClockTime = msgspec.field(name="from")
    end: ClockTime = msgspec.field(name="to")
    charge: Charge
    on: Literal["any", "workday", "restday"] = "any"
    cap_fen: Fen | None = None

    @cached_property
    def start_s(self) -> int:
        """Seconds after midnight."""
        return _seconds_of(self.start)

    @cached_property
    def end_s(self) -> int:
        """Seconds after midnight, 0 for 24:00."""
        return _seconds_of(self.end)


class Bands(_Charge, frozen=True, kw_only=True, tag="bands", dict=True):
    """Pieces are cut at band edges and units restart there; the first band that fits counts; outside all: nothing.

    ``edge``: ``cut`` is the rule; with ``finish_unit`` a unit begun before an edge is finished at its own price.
    ``outside: free`` and ``overlap: first`` say of a hole, and of bands that overlap, that they are meant.
    """

    bands: Annotated[tuple[Band, ...], Meta(min_length=1)]
    edge: Literal["cut", "finish_unit"] = "cut"
    outside: Literal["free"] | None = None
    overlap: Literal["first"] | None = None

    @cached_property
    def by_day_kind(self) -> bool:
        """Whether midnight may change the band."""
        return any(band.on != "any" for band in self.bands)

    @cached_property
    def edges_s(self) -> tuple[int, ...]:
        """Every second after midnight at which the band may change, ascending."""
        edges = {edge for band in self.bands for edge in (band.start_s, band.end_s)}
        return tuple(sorted(edges | {0} if self.by_day_kind else edges))


class Scaled(_Charge, frozen=True, kw_only=True, tag="scaled"):
    """A share of another charge: 50 for half the price, 200 for twice."""

    percent: NotNegative
    of: Charge

    def __post_init__(self) -> None:
        _check_finite("percent", self.percent)


Charge = Free | Flat | Unit | Linear | Tiers | Bands | Scaled


class FreeLimit(_Part, frozen=True, kw_only=True):
    """Only the first ``times`` stays that begin on a day have the free time."""

    times: Annotated[int, Meta(ge=1)]
    per: Literal["calendar_day"] = "calendar_day"


class FreeTime(_Part, frozen=True, kw_only=True):
    """``from_start``: once exceeded it is billed too; ``deduct``: billing starts after it."""

    minutes: Annotated[int, Meta(ge=0, le=10_000_000)]
    inclusive: bool = True
    mode: Literal["from_start", "deduct"] = "from_start"
    repeat: Literal["first_cycle", "every_cycle"] = "first_cycle"
    limit: FreeLimit | None = None


class _Span(_Part, frozen=True, kw_only=True):
    hours: Positive | None = None
    calendar_day: bool = False

    def __post_init__(self) -> None:
        if (self.hours is None) == (not self.calendar_day):
            raise ValueError("needs either `hours` or `calendar_day: true`")
        if self.hours is not None and not LEAST_HOURS <= self.hours <= MOST_HOURS:
            raise ValueError(f"`hours` must be {LEAST_HOURS} to {MOST_HOURS}")
        if self.hours is not None and (self.hours * _HOUR_S) % 1:
            raise ValueError("`hours` must come to whole seconds")

    @property
    def length_s(self) -> int:
        """Seconds from one edge to the next."""
        return DAY_S if self.hours is None else int(self.hours * _HOUR_S)


class Cycle(_Span, frozen=True, kw_only=True):
    """Cuts the billed time every ``hours`` from entry, or at each midnight."""


class WindowCap(_Span, frozen=True, kw_only=True):
    """At most ``fen`` for all stays of a plate within a window: ``hours`` from its first entry, or a calendar day."""

    fen: Fen


class Inner(_Part, frozen=True, kw_only=True):
    """A lot within the lot. ``time``: what a car spends there is taken off the outer stay, or billed there as well."""

    plan: Plan
    time: Literal["subtracted", "added"] = "subtracted"

    def __post_init__(self) -> None:
        if self.plan.inner or self.plan.looks_back:
            raise ValueError("`plan`: of an inner lot has no `inner`, no `window_cap` and no `limit` of free time")


class Plan(_Part, frozen=True, kw_only=True, dict=True):
    """The tariff of one class of vehicles."""

    charge: Charge
    free: FreeTime | None = None
    cycle: Cycle | None = None
    cycle_cap_fen: Fen | Annotated[tuple[Fen, ...], Meta(min_length=1)] | None = None
    full_cycle_fen: Fen | None = None
    stay_cap_fen: Fen | None = None
    window_cap: WindowCap | None = None
    calendar: dict[Day, DayKind] = {}
    timezone: str = "Asia/Shanghai"
    seconds: Literal["exact", "ceil", "truncate"] = "exact"  # of a stay: to the second, or to whole minutes
    inner: dict[str, Inner] = {}  # lots within this one, by name

    def __post_init__(self) -> None:
        for key in ("cycle_cap_fen", "full_cycle_fen"):
            if self.cycle is None and getattr(self, key) is not None:
                raise ValueError(f"`{key}` needs a `cycle`")
        _check_zone(self.timezone)
        Calendar(self.calendar)

    @cached_property
    def days(self) -> Calendar:
        """Which days are workdays."""
        return Calendar(self.calendar)

    @property
    def looks_back(self) -> bool:
        """Whether earlier stays of a plate change the fee of the next."""
        return self.window_cap is not None or (self.free is not None and self.free.limit is not None)

    @cached_property
    def version(self) -> str:
        """sha256 of the plan in its canonical spelling, 64 hex digits."""
        return version_of(self)

    def cycle_cap(self, number: int) -> int | None:
        """The cap of the ``number``-th cycle (from 1); the last of a list repeats."""
        caps = self.cycle_cap_fen
        return caps[min(number, len(caps)) - 1] if isinstance(caps, tuple) else caps


def _check_finite(key: str, number: float) -> None:
    if not isfinite(number) or number > MOST_FEN:
        raise ValueError(f"`{key}` must be a finite number of at most {MOST_FEN}")


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError(f"`timezone`: there is no {name!r}; write it like Asia/Shanghai") from error


def _seconds_of(clock: str) -> int:
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    return (hours * _HOUR_S + minutes * _MINUTE_S + sum(seconds)) % DAY_S
