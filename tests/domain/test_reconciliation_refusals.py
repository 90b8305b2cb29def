"""Bad files are refused whole, with the reason and the line: cut, foreign, edited, mis-encoded, doubled."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.reconciliation import BadBill, read_books, read_file, reconcile
from tests.bills import DAY, Day, packed, seeded

GOOD = seeded(40, seed=7)
Change = Callable[[bytes], bytes]


def replaced(old: str, new: str, count: int = 1, encoding: str = "utf-8") -> Change:
    def change(content: bytes) -> bytes:
        assert old.encode(encoding) in content
        return content.replace(old.encode(encoding), new.encode(encoding), count)

    return change


def line(number: int, change: Callable[[list[bytes], int], list[bytes]]) -> Change:
    return lambda content: b"\r\n".join(change(content.split(b"\r\n"), number))


def without(lines: list[bytes], at: int) -> list[bytes]:
    return lines[:at] + lines[at + 1 :]


def doubled(lines: list[bytes], at: int) -> list[bytes]:
    return lines[: at + 1] + lines[at:]


def with_amount(lines: list[bytes], at: int) -> list[bytes]:
    fields = lines[at].split(b",`")
    fields[24] = b"99.00"  # 订单金额
    return [*lines[:at], b",`".join(fields), *lines[at + 1 :]]


def with_refund(lines: list[bytes], at: int) -> list[bytes]:
    fields = lines[at].split(b",`")
    assert fields[9] == b"SUCCESS"
    fields[16] = b"1.00"  # 退款金额: of no foot
    return [*lines[:at], b",`".join(fields), *lines[at + 1 :]]


def moved_to(old: str, new: str) -> Change:
    """One row's day changed, its foot left right."""
    return lambda content: content.replace(old.encode(), new.encode(), 1)


def retold(content: bytes) -> bytes:
    return content.decode().encode("gb18030")


def mangled(content: bytes) -> bytes:
    return content.decode().encode().decode("gb18030", "replace").encode()


def trade(**how: object) -> bytes:
    return GOOD.wechat(**how)  # type: ignore[arg-type]


def other_day() -> Day:
    return seeded(5, seed=1, day=DAY + timedelta(days=1))


OF_WECHAT: list[tuple[str, Change, str]] = [
    ("nothing", lambda _: b"", "empty"),
    ("a header alone", line(0, lambda lines, _: lines[:1]), "cut off"),
    ("cut in a row", lambda content: content[: len(content) // 2], "cut"),
    ("cut before the foot", line(0, lambda lines, _: lines[:-3]), "cut off"),
    ("cut in the foot", lambda content: content[:-10], "foot"),
    ("a row taken out", line(3, without), "rows are missing"),
    ("a row doubled", line(3, doubled), "line 4 already"),
    ("given twice in one file", lambda content: content + content.removeprefix(b"\xef\xbb\xbf"), "two bills"),
    ("an amount changed", line(3, with_amount), "订单总金额"),
    ("money given back, in a payment's row", line(3, with_refund), "under a column that is not of a SUCCESS"),
    ("written with quotes", lambda content: content.replace(b"`", b'"'), "backtick"),
    ("its signs between values others", lambda content: content.replace(b",", b";"), "form it was downloaded in"),
    ("UTF-16", lambda content: content.decode("utf-8-sig").encode("utf-16"), "form it was downloaded in"),
    ("ends of lines of another machine", lambda content: content.replace(b"\r\n", b"\r"), "end"),
    ("a sum of the foot changed", lambda content: content[:-7] + b"9" + content[-6:], "foot"),
    ("saved by a spreadsheet", lambda content: content.replace(b"`", b""), "backtick"),
    ("no decimals any more", replaced(".00,`0.00,`0,", ",`0.00,`0,"), "two decimals"),
    ("a column gone", replaced("商户订单号", "商户单号"), "商户订单号"),
    ("a column twice", replaced("公众账号ID", "微信订单号"), "twice"),
    ("GBK", retold, "GBK"),
    ("read as GBK, written as UTF-8", mangled, "signs"),
    ("read as Latin-1, written as UTF-8", lambda content: content.decode("latin-1").encode(), "encoding"),
    ("one byte broken", lambda content: content.replace("停".encode(), b"\xff\xfe\xfd", 1), "UTF-8"),
    ("signs lost", replaced("停车费", "\ufffd\ufffd费"), "lost"),
    ("dollars", replaced("`CNY", "`USD"), "USD"),
    ("of another day", lambda _: other_day().wechat(), "--day 2026-03-15"),
    ("rows of two days", moved_to(f"`{DAY}", f"`{DAY - timedelta(days=1)}"), "in a bill of"),
    ("rows of two merchants", replaced("`1712345678", "`1799999999"), "1799999999"),
    ("an answer of the interface", lambda _: b'{"code":"NO_STATEMENT_EXIST"}', "--no-bill"),
    ("a web page", lambda _: b"<html><body>login</body></html>", "page"),
    ("a picture", lambda _: b"\xff\xd8\xff\xe0" + bytes(range(256)), ""),
    ("a packing cut off", lambda content: packed(content)[:-200], "cut off"),
    ("a packing damaged", lambda content: packed(content)[:300] + b"xxxx" + packed(content)[304:], ""),
]


def refused(name: str, content: bytes, *, ours: Day = GOOD) -> BadBill:
    with pytest.raises(BadBill) as error:
        read = read_file(name, io.BytesIO(content))
        reconcile(DAY, read_books("local.json", ours.local_bytes()), [read])
    assert error.value.name == name
    assert error.value.remedy
    return error.value


@pytest.mark.parametrize(("change", "says"), [pytest.param(*rest, id=name) for name, *rest in OF_WECHAT])
def test_wechat_pays_trade_bill(change: Change, says: str) -> None:
    good = trade()
    assert read_file("t.csv", io.BytesIO(good)).totals["accepted"]
    assert says in str(refused("t.csv", change(good)))


def test_a_changed_row_is_named_by_its_line() -> None:
    rows = trade().split(b"\r\n")
    rows[4] = rows[4].replace(b"`SUCCESS", b"`SUCCES", 1)
    found = refused("t.csv", b"\r\n".join(rows))
    assert found.line == 5
    assert str(found).startswith("t.csv: line 5: 交易状态 'SUCCES'")


def test_the_fund_bill() -> None:
    good = GOOD.fund()
    rows = good.split(b"\r\n")
    cases = {
        "cut off": good[:-40],
        "the foot says": b"\r\n".join(without(rows, 5)),
        "already": b"\r\n".join(doubled(rows, 5)),
        "收支类型": good.replace("`收入".encode(), "`进账".encode(), 1),
    }
    for says, content in cases.items():
        assert says in str(refused("f.csv", content)), says


def test_an_amount_moved_from_one_row_to_another_breaks_the_balance() -> None:
    """The foot still adds up: only the balance tells."""
    day = seeded(6, seed=3)
    rows = day.movements()
    first, second = [row for row in rows if row["收支类型"] == "收入"][:2]
    first["收支金额(元)"], second["收支金额(元)"] = second["收支金额(元)"], first["收支金额(元)"]
    assert first["收支金额(元)"] != second["收支金额(元)"]
    day.movements = lambda: rows  # type: ignore[method-assign]
    assert "balance" in str(refused("f.csv", day.fund()))


def zipped(*members: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for number, member in enumerate(members):
            file.writestr(f"{number}.csv", member)
    return content.getvalue()


def changed_order(text: str) -> str:
    """What was asked for, of one row: no foot of the details has its sum."""
    lines = text.split("\r\n")
    fields = lines[6].split(",")
    at = lines[4].split(",").index("订单金额（元）")
    fields[at] = f"9{fields[at]}"
    return "\r\n".join([*lines[:6], ",".join(fields), *lines[7:]])


def test_alipays_bill() -> None:
    detail, summary, whole = GOOD.alipay_detail(), GOOD.alipay_summary(), GOOD.alipay()
    rows = detail.split(b"\r\n")
    text = detail.decode("gbk")
    other = seeded(40, seed=8)
    cases = {
        "damaged": whole[: len(whole) // 2],
        "details": zipped(detail, detail),
        "0 details and 1 summ": zipped(summary),
        "0 details and 0 summ": zipped(),
        "none of Alipay's files": zipped(detail, b"hello"),
        "in the summary": zipped(other.alipay_summary(), detail),
        "cut off": b"\r\n".join(rows[:8]),
        "the foot says": b"\r\n".join(without(rows, 7)),
        "already": b"\r\n".join(doubled(rows, 7)),
        "in UTF-8": text.encode(),
        "changed": text.replace("交易\t,", "转账\t,", 1).encode("gbk"),
        "not of one day": text.replace("终止日期：[2026年03月15日", "终止日期：[2026年04月01日").encode("gbk"),
        "not 业务明细": text.replace("支付宝业务明细查询", "支付宝账务明细查询").encode("gbk"),
        "in a bill of": text.replace(f",{DAY} ", f",{DAY - timedelta(days=1)} ").encode("gbk"),
        "nothing taken off": changed_order(text).encode("gbk"),
        "cut or changed": text.replace("停车费-", "停,车,", 1).replace("0.00,0.00", "0.00", 1).encode("gbk"),
    }
    for says, content in cases.items():
        assert says in str(refused("a", content)), says


def test_another_merchants_bill_where_ours_is_known() -> None:
    ours = seeded(3, seed=1)
    ours.local["merchants"] = {"wechat": "1900000001", "alipay": "2088999999999999"}
    assert "ours is 1900000001" in str(refused("t.csv", trade(), ours=ours))
    assert "ours is 2088999999999999" in str(refused("a.zip", GOOD.alipay(), ours=ours))
    ours.local["merchants"] = {"wechat": GOOD.merchant, "alipay": GOOD.pid}
    read = [read_file("t", io.BytesIO(trade())), read_file("a", io.BytesIO(GOOD.alipay()))]
    assert reconcile(DAY, read_books("l", ours.local_bytes()), read).items


def both(first: bytes, second: bytes) -> str:
    read = [read_file(name, io.BytesIO(content)) for name, content in (("one", first), ("two", second))]
    with pytest.raises(BadBill) as error:
        reconcile(DAY, read_books("l", GOOD.local_bytes()), read)
    return str(error.value)


def test_two_files_that_contradict_each_other() -> None:
    more, foreign, stranger = seeded(41, seed=7), seeded(40, seed=9), seeded(40, seed=7)
    foreign.merchant = "1888888888"
    for number, each in enumerate(stranger.billed):
        each.order = f"QQ{number}"
    assert "two versions" in both(trade(), more.wechat())
    assert "two versions" in both(GOOD.fund(), more.fund())
    assert "of merchant" in both(trade(), foreign.wechat())
    assert "another merchant's" in both(trade(), stranger.fund())


def test_the_providers_hash() -> None:
    good = trade()
    found = read_file("t.csv", io.BytesIO(good))
    for content in (good, packed(good)):
        assert read_file("t.csv", io.BytesIO(content), sha1=found.digests.sha1.upper()).totals["accepted"]
    with pytest.raises(BadBill, match="SHA-1"):
        read_file("t.csv", io.BytesIO(good), sha1="0" * 40)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda books: books["charges"][0].update(exit="2026-03-13 00:00:00"), "before the entry"),
        (lambda books: books["charges"][0].update(gross_fen=1), "less 0 is not"),
        (lambda books: books["payments"][1].update(amount_fen=-5), "payments[1]"),
        (lambda books: books["payments"][1].update(amount_fen=5.5), "payments[1]"),
        (lambda books: books["payments"][1].update(paid_at=None), "no paid_at"),
        (lambda books: books["payments"].append(books["payments"][0]), "there twice"),
        (lambda books: books.update(timezone="Asia/Nowhere"), "Nowhere"),
        (lambda books: books.pop("business_day"), "business_day"),
        (lambda books: books.update(business_day="2026-03-15"), "2026-03-14 was asked for"),
    ],
)
def test_our_own_side(change: Callable[[dict[str, object]], object], says: str) -> None:
    books = json.loads(GOOD.local_bytes())
    change(books)
    with pytest.raises(BadBill) as error:
        reconcile(DAY, read_books("local.json", json.dumps(books).encode()), [])
    assert says in str(error.value)


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["trade", "fund", "detail"]), st.data())
def test_no_change_of_a_digit_goes_unseen_or_falls_over(which: str, data: st.DataObject) -> None:
    """Whatever byte is changed, cut or put in: refused by name, or read to the same money."""
    good = {"trade": trade, "fund": GOOD.fund, "detail": GOOD.alipay_detail}[which]()
    at = data.draw(st.integers(0, len(good) - 1))
    put = data.draw(st.binary(max_size=3))
    bad = good[:at] + put + good[at + data.draw(st.integers(0, 3)) :]
    try:
        read = read_file("x", io.BytesIO(bad))
    except BadBill:
        return
    assert {key: value for key, value in read.totals.items() if key != "sha1"} == {
        key: value for key, value in read_file("x", io.BytesIO(good)).totals.items() if key != "sha1"
    }
