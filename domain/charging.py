"""Charging sessions of cars: starts and stops of charge points folded, priced by the meter and never by the clock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from domain.ids import derive

_NO_TRANSACTION = (None, -1, 0)  # of a start that was made offline: the stop names none
_HALF = 50_000
Doubt = Literal["no_start", "no_meter", "meter_went_back", "stops_differ"]
Rate = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Record(msgspec.Struct, frozen=True):
    """A start or a stop, as the charge point told it. A stop names no connector."""

    device: str
    point: str
    state: Literal["started", "stopped"]
    at: datetime
    transaction: int | None
    meter_wh: int | None


class Prices(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For a kWh, in ten-thousandths of a yuan: what the grid takes, and what the complex takes for the service."""

    energy_e4: Rate = 0
    service_e4: Rate = 0


class Charging(msgspec.Struct, frozen=True, kw_only=True):
    """A session. ``id`` is of charge point, connector, start and first meter value: what is sent again is the same."""

    id: str
    device: str
    point: str
    started_at: datetime | None
    stopped_at: datetime | None
    start_wh: int | None
    stop_wh: int | None
    doubts: tuple[Doubt, ...] = ()

    @property
    def drawn_wh(self) -> int | None:
        """None where the meter does not say it: then nothing is priced, and a person looks."""
        if self.start_wh is None or self.stop_wh is None or self.stop_wh < self.start_wh:
            return None
        return self.stop_wh - self.start_wh

    def energy_fen(self, prices: Prices) -> int:
        return _fen(self.drawn_wh, prices.energy_e4)

    def service_fen(self, prices: Prices) -> int:
        return _fen(self.drawn_wh, prices.service_e4)


def _fen(drawn_wh: int | None, rate_e4: int) -> int:
    """Wh times ten-thousandths of a yuan a kWh, rounded half up to whole fen."""
    return ((drawn_wh or 0) * rate_e4 + _HALF) // (2 * _HALF)


def fold(records: Iterable[Record]) -> list[Charging]:
    """The sessions, in order of their starts; the same for the same records in any order, however often they came."""
    starts: dict[tuple[object, ...], Record] = {}
    stops: defaultdict[str, list[Record]] = defaultdict(list)
    for record in sorted(set(records), key=_order):
        if record.state == "started":
            starts.setdefault((record.device, record.point, record.at, record.meter_wh), record)
        else:
            stops[record.device].append(record)
    found: list[Charging] = []
    of_device: defaultdict[str, list[Record]] = defaultdict(list)
    for start in starts.values():
        of_device[start.device].append(start)
    for device in sorted(of_device.keys() | stops.keys()):
        found += _of_device(of_device[device], stops[device])
    return sorted(found, key=_begun)


def _begun(one: Charging) -> tuple[str, str]:
    at = one.started_at or one.stopped_at
    return ("" if at is None else at.astimezone(UTC).isoformat(), one.id)


def _order(record: Record) -> tuple[object, ...]:
    return (record.at, record.device, record.point, record.state, record.transaction or 0, record.meter_wh or -1)


def _of_device(starts: list[Record], stops: list[Record]) -> list[Charging]:
    ended: defaultdict[int, list[Record]] = defaultdict(list)
    lost: list[Record] = []
    named = [stop for stop in stops if stop.transaction not in _NO_TRANSACTION]
    unnamed = [stop for stop in stops if stop.transaction in _NO_TRANSACTION]
    for stop in (*named, *unnamed):
        place = _start_of(starts, stop, ended)
        (lost if place is None else ended[place]).append(stop)
    found = [_session(start, ended[place]) for place, start in enumerate(starts)]
    return found + list({_lost(stop).id: _lost(stop) for stop in lost}.values())


def _start_of(starts: list[Record], stop: Record, ended: dict[int, list[Record]]) -> int | None:
    """The start that a stop ends: by its transaction; else the last before it that is open, or ended just so."""
    before = [place for place, start in enumerate(starts) if start.at <= stop.at]
    if stop.transaction not in _NO_TRANSACTION:
        return next((place for place in reversed(before) if starts[place].transaction == stop.transaction), None)
    for place in reversed(before):
        known = ended.get(place, [])
        if any(one.at == stop.at and one.meter_wh == stop.meter_wh for one in known):
            return place
        if not known and (stop.meter_wh or 0) >= (starts[place].meter_wh or 0):
            return place
    return None


def _session(start: Record, stops: list[Record]) -> Charging:
    meters = [stop.meter_wh for stop in stops if stop.meter_wh is not None]
    last = max(meters, default=None)
    doubts: list[Doubt] = ["stops_differ"] if len(set(meters)) > 1 else []
    if start.meter_wh is None or (stops and last is None):
        doubts.append("no_meter")
    elif last is not None and last < start.meter_wh:
        doubts.append("meter_went_back")
    return Charging(
        id=_id(start),
        device=start.device,
        point=start.point,
        started_at=start.at,
        stopped_at=min((stop.at for stop in stops), default=None),
        start_wh=start.meter_wh,
        stop_wh=last,
        doubts=tuple(doubts),
    )


def _lost(stop: Record) -> Charging:
    """A stop of which nobody saw the start."""
    return Charging(
        id=_id(stop),
        device=stop.device,
        point=stop.point,
        started_at=None,
        stopped_at=stop.at,
        start_wh=None,
        stop_wh=stop.meter_wh,
        doubts=("no_start",),
    )


def _id(record: Record) -> str:
    at = record.at.isoformat(timespec="milliseconds")
    return derive("charging", record.device, record.point, record.state, at, str(record.meter_wh)).hex()
