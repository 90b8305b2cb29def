"""What e-bike sheds took, and charging of cars: read by headers, each order once; folded by the meter."""

from __future__ import annotations

import io
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from domain.charging import Prices, Record, fold
from domain.reconciliation import BadBill, Books, ShedColumns, read_file, reconcile
from domain.reconciliation.rows import IncomeBill

DAY = date(2026, 11, 20)
HEADER = "订单号,结束时间,电量(度),电费,服务费,实收金额"
ROWS = [
    "E1,2026-11-20 08:00:00,0.512,0.31,0.50,0.81",
    "E2,2026-11-20 09:30:00,1.2,0.72,0.80,1.52",
]
FOOT = "合计,2笔,1.712,1.03,1.30,2.33"


def sheet(*lines: str, encoding: str = "utf-8") -> bytes:
    return "\r\n".join(lines).encode(encoding) + b"\r\n"


def read(content: bytes, columns: ShedColumns | None = None) -> IncomeBill:
    found = read_file("shed.csv", io.BytesIO(content), shed_columns=columns)
    assert isinstance(found, IncomeBill)
    return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_sheet_is_known_by_its_headers_and_sums_to_its_foot(encoding: str) -> None:
    found = read(sheet("某某充电 日账单", HEADER, *ROWS, FOOT, encoding=encoding))
    assert (found.day, len(found.rows), found.totals["order_fen"]) == (DAY, 2, 233)
    result = reconcile(DAY, Books(DAY), [found, found])
    assert result.totals["ebike"]["service_fen"] == 130
    assert result.totals["ebike"]["explained_fen"] == result.totals["ebike"]["bill_fen"] == 233
    turned = read(
        sheet("服务费,备注,订单号,电费,结束时间", "0.50,x,E1,0.31,2026/11/20 08:00", "合计,,,0.31,", encoding=encoding)
    )
    assert turned.rows[0].content == found.rows[0].content, "columns by name, in any order"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((HEADER, *ROWS), "no foot"),
        ((HEADER, ROWS[0], FOOT), "counts 2"),
        ((HEADER, *ROWS, FOOT.replace("1.03", "1.04")), "sum to 1.03"),
        ((HEADER, *ROWS, ROWS[0], FOOT), "line 2 already"),
        ((HEADER, ROWS[0].replace("0.81", "0.91"), FOOT), "are not the 0.91"),
        ((HEADER, ROWS[0], ROWS[1].replace("11-20", "11-21"), FOOT), "rows of 2026-11-20 and of"),
        ((HEADER, ROWS[0][:-8], FOOT), "cut or changed"),
        ((HEADER, *ROWS, FOOT, ROWS[0]), "below its foot"),
    ],
)
def test_a_bad_sheet_is_refused_whole(lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(BadBill, match=said):
        read(sheet(*lines))


def test_other_names_and_no_foot_where_somebody_says_so() -> None:
    columns = ShedColumns(key="单号", at="完成", service="收费", foot=False)
    found = read(sheet("单号,完成,收费,金额", "A,2026-11-20,1.5,1.5"), columns)
    assert (found.rows[0].service_fen, found.rows[0].energy_fen) == (150, 0)
    with pytest.raises(BadBill, match="tells this row differently"):
        other = read(sheet("单号,完成,收费,金额", "A,2026-11-20,1.6,1.6"), columns)
        reconcile(DAY, Books(DAY), [found, other])


AT = datetime(2026, 11, 20, 2, tzinfo=UTC)


def start(minute: int, meter: int | None, transaction: int | None = 7, point: str = "connector/1") -> Record:
    return Record("ocpp16:a", point, "started", AT + timedelta(minutes=minute), transaction, meter)


def stop(minute: int, meter: int | None, transaction: int | None = 7) -> Record:
    return Record("ocpp16:a", "", "stopped", AT + timedelta(minutes=minute), transaction, meter)


def test_the_meter_decides_and_what_is_sent_again_is_the_same_session() -> None:
    records = [start(0, 1_000), start(0, 1_000, 8), stop(90, 13_345), stop(90, 13_345)]
    (one,) = fold(records)
    assert (one.drawn_wh, one.doubts, one.stopped_at) == (12_345, (), AT + timedelta(minutes=90))
    assert all(fold(order) == [one] for order in itertools.permutations(records))
    prices = Prices(energy_e4=6_523, service_e4=4_000)
    assert (one.energy_fen(prices), one.service_fen(prices)) == (805, 494)  # 8.0526…, 4.938


def test_a_stop_without_a_transaction_ends_the_open_start_before_it() -> None:
    records = [start(0, 100), stop(30, 900), start(40, 900, None), stop(70, 1_500, -1), stop(70, 1_500, 0)]
    for order in (records, records[::-1]):
        assert [(one.drawn_wh, one.doubts) for one in fold(order)] == [(800, ()), (600, ())]


def test_what_the_meter_does_not_say_is_a_persons() -> None:
    assert [one.doubts for one in fold([stop(5, 400)])] == [("no_start",)]
    (back,) = fold([start(0, 900), stop(5, 400)])
    assert (back.doubts, back.drawn_wh, back.energy_fen(Prices(6_000, 0))) == (("meter_went_back",), None, 0)
    (twice,) = fold([start(0, 100), stop(5, 400), stop(6, 500)])
    assert (twice.doubts, twice.drawn_wh) == (("stops_differ",), 400)
    assert [one.stopped_at for one in fold([start(0, 100)])] == [None]


@pytest.mark.parametrize("cut", range(1, 4))
def test_a_file_cut_within_a_sign_says_so_and_nothing_of_gbk(cut: int) -> None:
    content = sheet(HEADER, *ROWS).decode() + "合计"
    bank = "交易日期,摘要,收入金额,支出金额,余额\r\n2026-11-20,停车费,1.00,,1.00\r\n2026-11-20,停车".encode()
    for whole in (content.encode(), bank):
        with pytest.raises(BadBill) as refused:
            read_file("a.csv", io.BytesIO(whole[:-cut]))
        assert "GBK" not in str(refused.value)
        if cut < 3:
            assert "cut off" in str(refused.value)
