"""Laws of reconciliation: it finds exactly what was put in, every fen is explained or open, and order says nothing."""

from __future__ import annotations

import io
import random
from collections import Counter
from collections.abc import Callable
from datetime import date

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.reconciliation import Item, Result, read_books, read_file, reconcile, refunds, report
from domain.reconciliation import payments as payments_
from tests.bills import ALIPAY, DAY, FAULTS, FUND, TRADE, Day, Fault, packed, pay, plain

law = settings(deadline=None, max_examples=30)
days = st.dates(date(2024, 1, 1), date(2029, 12, 31))
entries = st.lists(
    st.tuples(
        st.sampled_from(FAULTS) | st.just(plain),
        st.sampled_from(["wechat", "alipay"]),
        st.integers(1, 20_000),
        st.integers(400, 85_000),
        st.sampled_from([0, 0, 50, 20_000]),
    ),
    max_size=25,
)


def built(rows: list[tuple[Fault, str, int, int, int]], on: date = DAY) -> Day:
    day = Day(on)
    for number, (fault, channel, fen, second, coupon_fen) in enumerate(rows):
        fault(day, number, pay(day, number, channel, fen, second, coupon_fen))
    return day


def files_of(day: Day) -> dict[str, bytes]:
    return {"trade.csv": day.wechat(), "fund.csv": day.fund(), "alipay.zip": day.alipay(), "bank.csv": day.bank()}


def judged(day: Day, files: dict[str, bytes] | None = None) -> Result:
    read = [read_file(name, io.BytesIO(content)) for name, content in (files or files_of(day)).items()]
    return reconcile(day.day, read_books("local.json", day.local_bytes()), read)


def told(result: Result) -> dict[tuple[str, str], str]:
    """Class by channel and key, without what agrees."""
    quiet = ("matched", "refund_matched")
    return {item.identity: item.kind for item in result.items if item.kind not in quiet}


def bytes_of(result: Result) -> bytes:
    return msgspec.json.encode([result.items, result.totals, report(result)["hash"]])


@law
@given(entries, days)
def test_it_finds_what_was_put_in_and_nothing_else(rows: list[tuple[Fault, str, int, int, int]], on: date) -> None:
    day = built(rows, on)
    assert told(judged(day)) == day.expected


def finds_everything() -> None:
    """The same law over one day with every fault on both channels, for the controls."""
    rows = [(fault, channel, 1_200, 40_000, 0) for fault in FAULTS for channel in ("wechat", "alipay")]
    day = built(rows)
    assert told(judged(day)) == day.expected


def test_every_fault_on_every_channel_at_once() -> None:
    finds_everything()


def blind(item: Callable[..., Item]) -> Callable[..., Item]:
    """A comparison that takes whatever is on the bill for what is in our books."""

    def seen(*arguments: object, **named: object) -> Item:
        return msgspec.structs.replace(item(*arguments, **named), kind="matched")

    return seen


def test_the_law_catches_a_broken_matcher(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payments_, "_of_bill", blind(payments_._of_bill))  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(AssertionError):
        finds_everything()


def test_the_law_catches_refunds_whose_states_nobody_compares(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refunds, "state_of", lambda _: "SUCCESS")
    with pytest.raises(AssertionError):
        finds_everything()


@law
@given(entries)
def test_every_fen_of_the_bill_is_explained_or_open(rows: list[tuple[Fault, str, int, int, int]]) -> None:
    day = built(rows)
    result = judged(day)
    for channel, sums in result.totals.items():
        signed = Counter[str]()
        for trade in day.billed:
            signed[trade.channel] += -trade.fen if trade.refund else trade.fen
        assert sums["bill_fen"] == signed[channel]
        assert sums["explained_fen"] + sums["open_fen"] + sums["superseded_fen"] == sums["bill_fen"]
        booked = [row for row in day.local["payments"] if row["channel"] == channel]
        back = sum(row["amount_fen"] for row in day.local["refunds"] if row["channel"] == channel)
        assert sums["local_fen"] == sum(row["amount_fen"] for row in booked) - back


@law
@given(entries, st.integers())
def test_order_and_giving_twice_change_nothing(rows: list[tuple[Fault, str, int, int, int]], seed: int) -> None:
    day, dice = built(rows), random.Random(seed)
    files = files_of(day)
    names = list(files) * 2
    dice.shuffle(names)
    again = [read_file(name, io.BytesIO(files[name])) for name in names]
    for rows_ in day.local.values():
        if isinstance(rows_, list):
            dice.shuffle(rows_)
    second = reconcile(day.day, read_books("local.json", day.local_bytes()), again)
    assert bytes_of(second) == bytes_of(judged(built(rows), files))


@law
@given(entries, st.integers(), st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_columns_ends_marks_and_packing_change_nothing(
    rows: list[tuple[Fault, str, int, int, int]], seed: int, end: str, bom: bool
) -> None:
    day, dice = built(rows), random.Random(seed)
    trade, fund, alipay = ([*columns, "新列"] for columns in (TRADE, FUND, ALIPAY))
    for columns in (trade, fund, alipay):
        dice.shuffle(columns)
    files = {"t": day.wechat(columns=trade, end=end, bom=bom), "f": packed(day.fund(columns=fund, end=end, bom=bom))}
    for row in (rows_ := day.alipay_rows()):
        row["新列"] = ""
    day.alipay_rows = lambda: rows_  # type: ignore[method-assign]
    files |= {"a": day.alipay_detail(columns=alipay, end=end), "b": day.bank("gbk")}
    one, other = judged(day, files), judged(built(rows))
    assert (one.items, one.totals) == (other.items, other.totals)


@law
@given(entries)
def test_two_bills_of_payments_and_refunds_are_one_of_all(rows: list[tuple[Fault, str, int, int, int]]) -> None:
    day = built(rows)
    files = files_of(day)
    del files["trade.csv"]
    files |= {"s.csv": day.wechat(keep="SUCCESS"), "r.csv": day.wechat(keep="REFUND")}
    assert judged(day, files).items == judged(day).items
    files["all.csv"] = day.wechat()
    assert judged(day, files).items == judged(day).items
