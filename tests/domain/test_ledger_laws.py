"""Laws of the ledger: it balances at each prefix, corrections in any order come to the same, days make up a price."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.ledger import START, Booked, Journal, Line, hash_of, reversal
from domain.ledger.spread import earned_on

NOW, DAY = datetime(2026, 11, 20, 4, tzinfo=UTC), date(2026, 11, 20)
ACCOUNTS = ("receivable:sessions", "income:parking:temporary", "clearing:wechat", "cash:lane:S1", "discount:coupon")
moves = st.lists(st.tuples(st.permutations(ACCOUNTS), st.integers(1, 10**9)), max_size=30)


def journal_of(name: str, lines: tuple[Line, ...]) -> Journal:
    return Journal(source="x", kind="y", source_id=name, occurred_at=NOW, business_day=DAY, memo="", lines=lines)


def booked(moved: list[tuple[list[str], int]]) -> list[Booked]:
    found: list[Booked] = []
    for number, ((debit, credit, *_), fen) in enumerate(moved, 1):
        lines = (Line(debit, fen), Line(credit, -fen))
        made = journal_of(str(number), lines)
        last = found[-1].hash if found else START
        chained = hash_of(last, number, made, NOW, None)
        found.append(Booked(number=number, booked_at=NOW, journal=made, prev_hash=last, hash=chained))
    return found


def sums(journals: list[Journal]) -> dict[str, int]:
    found: Counter[str] = Counter()
    for one in journals:
        for line in one.lines:
            found[line.account] += line.fen
    return {account: fen for account, fen in found.items() if fen}


@given(moves)
def test_each_prefix_balances(moved: list[tuple[list[str], int]]) -> None:
    journals = [one.journal for one in booked(moved)]
    assert all(sum(sums(journals[:end]).values()) == 0 for end in range(len(journals) + 1))


@given(moves, st.data())
def test_corrections_in_any_order_come_to_the_same(moved: list[tuple[list[str], int]], data: st.DataObject) -> None:
    made = booked(moved)
    taken_back = data.draw(st.sets(st.sampled_from(made or [None]))) if made else set[Booked]()
    back = [reversal(one, kind="z", occurred_at=NOW, business_day=DAY, memo="") for one in taken_back if one]
    shuffled = data.draw(st.permutations(back))
    left = [one.journal for one in made if one not in taken_back]
    everything = [one.journal for one in made]
    assert sums(everything + list(shuffled)) == sums(everything + back) == sums(left)


@given(st.integers(0, 10**9), st.integers(1, 800))
def test_days_make_up_the_price(fen: int, days: int) -> None:
    last = DAY + timedelta(days=days - 1)
    parts = [earned_on(fen, DAY, last, DAY + timedelta(days=number)) for number in range(-1, days + 1)]
    assert sum(parts) == fen
    assert max(parts[1:-1]) - min(parts[1:-1]) <= 1
    assert parts[0] == parts[-1] == 0
