"""A seed to a month: 200 cars a day, each fault at least once, and the list of what must be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from random import Random
from typing import get_args
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from simulators.cars import misread
from simulators.month.faults import WAYS, expected
from simulators.month.plates import far_plates
from simulators.month.words import Cut, Fault, Lane, Month, Shift, Stray, Visit, Way

ZONE = ZoneInfo("Asia/Shanghai")
_CARS, _RESIDENTS = 420, 160
_APART = timedelta(seconds=40)  # two cars at an entrance, or at the exits: longer than it takes to pay
_SHORT_MIN, _LONG_MIN, _PAYS_BEFORE_MIN = (3, 13), (35, 540), (65, 540)  # who pays earlier is not free any more then
_STAYS_MIN: dict[Way, tuple[int, int]] = {"short": _SHORT_MIN, "before": _PAYS_BEFORE_MIN, "late": _PAYS_BEFORE_MIN}
_SHARES: dict[Way, int] = {"wechat": 9, "alipay": 7, "before": 4, "cash": 8, "late": 1, "short": 11}
_PAYERS: list[Way] = [way for way, share in _SHARES.items() for _ in range(share)]
_FLOAT_FEN = 20_000


def make_month(seed: int, first: date = date(2026, 10, 1), days: int = 30, cars_a_day: int = 200) -> Month:
    """The month of a seed: the same for the same arguments."""
    chance = Random(seed)
    plates = far_plates(chance, _CARS)
    passes = tuple(plate for plate, _ in plates[:_RESIDENTS])
    cuts = tuple(_cuts(chance, first, days))
    visits = _numbered(_while_cut(visit, cuts) for visit in _visits(chance, plates, first, days, cars_a_day))
    visits = _with_faults(chance, visits, cuts, first, days)
    shifts = tuple(_shifts(chance, first, days))
    strays = tuple(_strays(chance, first, days))
    found = expected(visits, shifts, strays)
    return Month(
        seed=seed,
        first=first,
        days=days,
        passes=passes,
        visits=tuple(visits),
        shifts=shifts,
        cuts=cuts,
        strays=strays,
        expected=tuple(sorted(found)),
    )


def _visits(chance: Random, plates: list[tuple[str, str]], first: date, days: int, cars_a_day: int) -> Iterator[Visit]:
    """Every car at most once a day, so that no two stays of a plate touch; all have left before the day is over."""
    leaving = dict[datetime, None]()  # one cashier, at one exit after the other
    free: dict[Lane, dict[datetime, None]] = {"in-1": {}, "in-2": {}, "out-1": leaving, "out-2": leaving}
    residents = {plate for plate, _ in plates[:_RESIDENTS]}
    for number in range(days):
        day = first + timedelta(days=number)
        for plate, color in _of_day(chance, plates, cars_a_day):
            resident = plate in residents
            yield _visit(chance, plate, color, day, resident=resident, free=free)


def _of_day(chance: Random, plates: list[tuple[str, str]], cars_a_day: int) -> list[tuple[str, str]]:
    residents = chance.sample(plates[:_RESIDENTS], k=min(_RESIDENTS, cars_a_day * 7 // 10))
    return residents + chance.sample(plates[_RESIDENTS:], k=cars_a_day - len(residents))


def _visit(
    chance: Random,
    plate: str,
    color: str,
    day: date,
    *,
    resident: bool,
    free: dict[Lane, dict[datetime, None]],
) -> Visit:
    way: Way = "pass" if resident else chance.choice(_PAYERS)
    begin = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(minutes=chance.randint(6 * 60, 13 * 60))
    minutes = chance.randint(*_STAYS_MIN.get(way, _LONG_MIN))
    entrance, leaves = chance.choice(("in-1", "in-2")), chance.choice(("out-1", "out-2"))
    entered = _slot(free[entrance], begin + timedelta(seconds=chance.randrange(60)))
    left = _slot(free[leaves], entered + timedelta(minutes=minutes, seconds=chance.randrange(60)))
    before_s = {"before": chance.randint(120, 600), "late": chance.randint(1_200, 1_700)}.get(way, 0)
    paid = _slot(free[leaves], left - timedelta(seconds=before_s), -_APART) if before_s else left
    return Visit(
        number=0,
        plate=plate,
        color=color,
        entered_at=entered,
        left_at=left,
        entrance=entrance,
        exit=leaves,
        way=way,
        paid_before_s=int((left - paid).total_seconds()),
    )


def _slot(taken: dict[datetime, None], wanted: datetime, step: timedelta = _APART) -> datetime:
    """The first moment from ``wanted`` on at which nobody else is at the lane, or pays: moments are ``_APART``, over
    minutes and hours too."""
    midnight = datetime.combine(wanted.date(), time(), ZONE)
    at = midnight + (wanted - midnight) // _APART * _APART
    while at in taken:
        at += step
    taken[at] = None
    return at


def _numbered(visits: Iterator[Visit]) -> list[Visit]:
    ordered = sorted(visits, key=lambda visit: (visit.entered_at, visit.plate))
    return [replace(visit, number=number) for number, visit in enumerate(ordered)]


def _while_cut(visit: Visit, cuts: tuple[Cut, ...]) -> Visit:
    """Without the line nobody pays by phone: who has cash gives it to the guard, who has none owes."""
    paid_from, gone = visit.left_at - timedelta(seconds=visit.paid_before_s), visit.left_at + _APART
    if visit.way in ("pass", "short") or not any(cut.touches(paid_from, gone) for cut in cuts):
        return visit
    here = any(cut.touches(visit.left_at, gone) for cut in cuts)
    way: Way = ("gate_cash" if visit.way == "cash" else "gate_debt") if here else "wechat"
    return replace(visit, way=way, paid_before_s=0)


def _with_faults(chance: Random, visits: list[Visit], cuts: tuple[Cut, ...], first: date, days: int) -> list[Visit]:
    """Each fault once or twice, on visits whose way it fits, none twice on one car in a month."""
    found, touched = list(visits), Counter[str]()
    for fault in get_args(Fault):
        calm = [one for one in found if not any(cut.touches(one.entered_at, one.left_at) for cut in cuts)]
        fitting = [visit for visit in calm if _fits(visit, fault, first, days) and not touched[visit.plate]]
        for visit in chance.sample(fitting, k=min(len(fitting), chance.randint(1, 2))):
            if not touched[visit.plate]:
                found[visit.number] = _faulty(chance, visit, fault)
                touched[visit.plate] += 1
    return found


def _fits(visit: Visit, fault: Fault, first: date, days: int) -> bool:
    """Not on the last two days, so that what takes another day is seen to its end."""
    day = visit.left_at.date()
    early = day < first + timedelta(days=days - 2)
    return early and visit.fault is None and visit.way in WAYS[fault] and _can_be_misread(visit, fault)


def _can_be_misread(visit: Visit, fault: Fault) -> bool:
    return fault != "misread_exit" or misread(visit.plate, Random(0)) is not None


def _faulty(chance: Random, visit: Visit, fault: Fault) -> Visit:
    read = misread(visit.plate, chance) if fault == "misread_exit" else None
    return replace(visit, fault=fault, exit_read=read)


def _shifts(chance: Random, first: date, days: int) -> Iterator[Shift]:
    """One a day; two of the month are counted wrong."""
    short, over = chance.sample(range(days - 2), k=2)
    for number in range(days):
        day = first + timedelta(days=number)
        wrong = {short: -chance.randint(1, 50) * 100, over: chance.randint(1, 20) * 50}.get(number, 0)
        opened = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(hours=5)
        yield Shift(
            number=number,
            day=day,
            person=chance.choice(("wang", "zhao")),
            opened_at=opened,
            closed_at=opened + timedelta(hours=18, minutes=30),
            float_fen=_FLOAT_FEN,
            wrong_fen=wrong,
        )


def _strays(chance: Random, first: date, days: int) -> Iterator[Stray]:
    for where in ("wechat", "alipay", "bank"):
        yield Stray(first + timedelta(days=chance.randrange(days - 2)), where, chance.randint(3, 90) * 100)


def _cuts(chance: Random, first: date, days: int) -> Iterator[Cut]:
    """Four times the line is away, once over a night; on the last day it is there."""
    for number, hours in enumerate((1, 3, 6, 14)):
        day = first + timedelta(days=number * (days - 2) // 4 + chance.randrange(max(1, (days - 2) // 5)))
        since = datetime.combine(day, datetime.min.time(), ZONE) + timedelta(minutes=chance.randint(600, 1_100))
        yield Cut(since, since + timedelta(hours=hours))
