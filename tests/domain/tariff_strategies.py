"""Generated tariff plans and stays, for the laws."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st

from domain.tariff import Plan, read_tariff

Document = dict[str, Any]
Strategy = st.SearchStrategy[Any]
Documents = st.SearchStrategy[Document]
Stays = list[tuple[datetime, datetime]]

MONDAY = datetime(2026, 3, 2, tzinfo=ZoneInfo("Asia/Shanghai"))

fen = st.integers(0, 2_000)
clock = st.integers(0, 47).map(lambda half: f"{half // 2:02}:{half % 2 * 30:02}")
seconds = st.integers(0, 4 * 86_400)
law = settings(deadline=None, max_examples=150)


def fixed(**entries: Strategy | str) -> Documents:
    """A mapping with all of the entries; a plain word stands for itself."""
    return st.fixed_dictionaries(
        {key: st.just(each) if isinstance(each, str) else each for key, each in entries.items()}
    )


def joined(*parts: Document) -> Document:
    return {key: value for part in parts for key, value in part.items()}


def optional(inner: Documents, **entries: Strategy) -> Documents:
    """``inner`` with some of the entries added."""
    return st.builds(joined, inner, st.fixed_dictionaries({}, optional=entries))


rounding = st.sampled_from(["ceil", "floor"]) | fixed(tail_min=st.integers(0, 40))
simple = st.one_of(
    fixed(kind="free"),
    fixed(kind="flat", fen=fen),
    fixed(kind="unit", unit_min=st.sampled_from([1, 15, 30, 60, 120]), fen=fen, rounding=rounding),
    fixed(kind="linear", fen_per_hour=st.sampled_from([0, 1, 100, 333, 0.5])),
)


def tier_list(ends: list[int], charges_: list[Document]) -> list[Document]:
    return [{"until_min": end, "charge": each} for end, each in zip([*ends, None], charges_, strict=False)]


def tiers(charge: Documents, modes: tuple[str, ...]) -> Documents:
    ends = st.lists(st.integers(1, 300), min_size=0, max_size=3, unique=True).map(sorted)
    listed = st.builds(tier_list, ends, st.lists(charge, min_size=4, max_size=4))
    return fixed(kind="tiers", tiers=listed, mode=st.sampled_from(modes))


def bands(charge: Documents) -> Documents:
    """Bands that may overlap, leave gaps, cross midnight and depend on the kind of day."""
    band = {"from": clock, "to": clock, "charge": charge, "on": st.sampled_from(["any", "workday", "restday"])}
    listed = st.lists(optional(st.fixed_dictionaries(band), cap_fen=fen), min_size=1, max_size=4)
    return fixed(kind="bands", bands=listed, edge=st.sampled_from(["cut", "finish_unit"]))


def charges(modes: tuple[str, ...] = ("slices", "select")) -> Documents:
    def wider(charge: Documents) -> Documents:
        percent = st.sampled_from([0, 33.3, 50, 100, 200])
        scaled = fixed(kind="scaled", percent=percent, of=charge)
        return optional(tiers(charge, modes) | bands(charge) | scaled, cap_fen=fen)

    return st.recursive(simple, wider, max_leaves=5)


span = fixed(hours=st.sampled_from([1, 12, 24, 24.5])) | fixed(calendar_day=st.just(True))
free = optional(
    fixed(minutes=st.integers(0, 120)),
    inclusive=st.booleans(),
    mode=st.sampled_from(["from_start", "deduct"]),
    repeat=st.sampled_from(["first_cycle", "every_cycle"]),
    limit=fixed(times=st.integers(1, 2)),
)
window = st.builds(joined, span, fixed(fen=fen))
day_window = fixed(calendar_day=st.just(True), fen=fen)


def read(document: Document) -> Plan:
    return read_tariff({"plans": {"small": document}}).plan("small")


def plans(charge: Documents, **around: Strategy) -> st.SearchStrategy[Plan]:
    """Plans with a charge and, in some, cycles with caps, free time and what else is given."""
    caps = fixed(cycle=span, cycle_cap_fen=fen | st.lists(fen, min_size=1, max_size=3))
    base = fixed(charge=charge)
    seconds_ = st.sampled_from(["exact", "ceil", "truncate"])
    cycled = base | st.builds(joined, base, caps)
    return optional(cycled, free=free, stay_cap_fen=fen, seconds=seconds_, **around).map(read)


any_plan = plans(charges(), window_cap=window)


def stay(start_s: int, length_s: int) -> tuple[datetime, datetime]:
    entry = MONDAY + timedelta(seconds=start_s)
    return entry, entry + timedelta(seconds=length_s)


def stays_of(gaps: list[tuple[int, int]]) -> Stays:
    found: Stays = []
    at = 0
    for gap_s, length_s in gaps:
        found.append(stay(at + gap_s, length_s))
        at += gap_s + length_s
    return found


visits = st.lists(st.tuples(st.integers(1, 86_400), st.integers(0, 90_000)), min_size=1, max_size=5).map(stays_of)
