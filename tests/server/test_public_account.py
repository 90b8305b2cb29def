"""The public account: what anyone reads is what two people froze, sums to its journals, and tells of nobody."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator
from datetime import date
from io import BytesIO
from pathlib import Path

import msgspec
import pytest
from openpyxl import load_workbook
from typer.testing import CliRunner

from domain.ledger import START, Booked, Line, PublicLedger, check_parts, check_public, exported, hash_of, totals_of
from domain.ledger.month import before, came, days_of, is_late, last_quarter, quarter_of
from server import cli
from server.api import open_account
from server.books import months
from server.books.ledger import post
from server.books.months import Snapshot, figures
from server.books.publishing import GRACE, read_snapshot
from server.few import Few
from server.store import ledger_rows, public_rows
from server.web.formats import zone_of
from tests.server import rows
from tests.server.engines import Engine, chosen
from tests.server.open_books import (
    FIRST,
    LAST,
    MONTH,
    NAMES,
    PLATES,
    Books,
    add_money,
    add_reviewers,
    add_stays,
    journal,
)
from tests.server.people import City, Visitor, city

SECRET_TITLE = "还没有公开的事"


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def books(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Books]:
    engine: Engine = request.param
    for limit in ("_asking", "_fetching"):  # all tests ask from one address
        monkeypatch.setattr(open_account, limit, Few(most=1_000, within_s=60.0))
    async with city(tmp_path, engine) as town:
        await add_reviewers(town.house)
        await add_money(town.house)
        await add_stays(town.house)
        yield Books(town)


async def everything_public(town: City) -> str:
    """All that somebody without a log-in gets to read, in both languages."""
    visitor = await town.visitor()
    quarter = quarter_of(MONTH)[0]
    paths = (
        "",
        "/revenue",
        "/poster",
        f"/{MONTH}",
        f"/{quarter}",
        f"/{MONTH}/journals.json",
        f"/{MONTH}/snapshot.json",
    )
    texts: list[str] = []
    for path in paths:
        for language in ("zh", "en"):
            answer = await visitor.get(f"/open/garden{path}?lang={language}")
            assert answer.status_code == 200, path
            assert "script" not in answer.text
            texts.append(answer.text)
    return "\n".join(texts)


def personal(text: str) -> list[str]:
    """Plates, names, telephones, people's log-ins that must not be there."""
    known = [*PLATES, *NAMES, "说明 review"]
    people = [name for name in ("chen", "liu", "qian", "jie", "zhang") if re.search(rf"\b{name}\b", text)]
    return [word for word in known if word in text] + people


async def test_a_month_is_published_by_two_and_read_by_anyone(books: Books) -> None:
    town = books.town
    visitor = await town.visitor()
    assert (await visitor.get("/open/garden")).status_code == 404
    await books.open()
    assert "还没有公布过账目" in await visitor.page("/open/garden")
    assert (await visitor.get(f"/open/garden/{MONTH}")).status_code == 404
    await _revenue(books)
    await books.do("sun", f"month/{MONTH}/propose")
    assert (await visitor.get(f"/open/garden/{MONTH}")).status_code == 404  # frozen is not published
    assert "same_person" in await books.do(
        "sun", f"month/{MONTH}/publish", hash=await _waiting(books), nothing_personal="1"
    )
    assert "moved" in await books.do("chen", f"month/{MONTH}/publish", hash="0", nothing_personal="1")
    await books.publish()
    text = await everything_public(town)
    assert personal(text) == []
    assert SECRET_TITLE not in text
    assert "电梯广告" in text and "¥4,800.50" in text
    page = await visitor.page(f"/open/garden/{MONTH}")
    shown = await _snapshot(books)
    for word in ("未付", "月卡", "说明 publish_result", shown.last_hash, "长款：渠道有，本地无", "¥12.34"):
        assert word in page, word
    assert shown.figures.exits == {"paid": 1, "pass": 1, "exempt": 1, "manual": 1, "unpaid": 1}
    await _says_what_the_journals_say(books, shown)
    await _papers(books)
    await _can_be_checked(books, page)
    await _closed(books)


async def _revenue(books: Books) -> None:
    """One entry that goes its whole way, and one that stays a draft with a paper."""
    for number, title in ((1, "电梯广告"), (2, SECRET_TITLE)):
        said = {"side": "income", "kind": "advert", "title": title, "amount": "5000"}
        assert (await books.do("sun", "revenue/new", **said)).endswith(f"/revenue/{number}")
    assert "bad_entry" in await books.do("sun", "revenue/new", side="income", kind="advert", title="x", amount="1.234")
    assert "personal" in await books.do("sun", "revenue/new", side="income", kind="advert", title=PLATES[0], amount="1")
    assert "needs_any_document" in await books.do(
        "chen", "revenue/1/steps/propose", note="会", votes_for="2", votes_against="1"
    )
    for place, purpose in enumerate(("meeting", "voucher", "result")):
        picture = rows.picture(text=f"{purpose} {place}")
        fields = {"purpose": purpose, "is_public": "1"} if purpose != "voucher" else {"purpose": purpose}
        answer = await books.upload("sun", 1, picture, **fields)
        assert answer.headers["location"].endswith("#papers")
    await books.upload("sun", 2, rows.picture(text="secret"), purpose="plan", is_public="1")
    assert "known" in (await books.upload("sun", 2, rows.picture(text="secret"))).headers["location"]
    assert "not_picture" in (await books.upload("sun", 2, b"PK no picture")).headers["location"]
    await books.through(1, LAST)


async def _waiting(books: Books) -> str:
    async with books.town.house.db.read() as connection:
        return (await public_rows.month(connection, "garden", MONTH))[0].hash


async def _snapshot(books: Books) -> Snapshot:
    async with books.town.house.db.read() as connection:
        return read_snapshot((await public_rows.months(connection, "garden"))[0].body)


async def _says_what_the_journals_say(books: Books, shown: Snapshot) -> None:
    """Property: what is published is the sum of the journals; made anew it is the same."""
    sums: dict[str, int] = {}
    async with books.town.house.db.read() as connection:
        for booked in await ledger_rows.some(connection, "garden", 0, 1_000):
            if FIRST <= booked.journal.business_day <= LAST:
                for line in booked.journal.lines:
                    sums[line.account] = sums.get(line.account, 0) + line.fen
        again = await figures(connection, "garden", MONTH, zone_of("Asia/Shanghai"))
    assert {account: fen for account, fen in sums.items() if fen} == shown.figures.accounts
    assert (again.accounts, again.days, again.exits) == (
        shown.figures.accounts,
        shown.figures.days,
        shown.figures.exits,
    )
    days = LAST.day
    of = shown.figures.came
    assert (of.temporary_fen, of.pass_fen, of.security_fen) == (500 * days, 1_000 * days, 900 * days)
    assert of.parking_fen == (500 + 1_000 - 200 - 3) * days
    assert of.coverage_percent == 1_297 * 100 // 900
    assert sum(day.parking_fen for day in shown.figures.days) == of.parking_fen


async def _papers(books: Books) -> None:
    """Papers that were ticked are for anyone; those of a draft, and those that were not ticked, for nobody outside."""
    visitor = await books.town.visitor()
    inside = await (await books.by("chen")).page("/complexes/garden/revenue/1")
    drafts = await (await books.by("chen")).page("/complexes/garden/revenue/2")
    named = re.findall(r"/revenue/1/documents/([0-9a-f]{64})", inside)
    secret = re.findall(r"/revenue/2/documents/([0-9a-f]{64})", drafts)
    assert len(named) == 3 and len(secret) == 1
    codes = [(await visitor.get(f"/open/garden/documents/{one}")).status_code for one in (*named, *secret)]
    assert sorted(codes[:3]) == [200, 200, 404] and codes[3] == 404
    river = await books.town.visitor("zhao")
    assert (await river.get(f"/complexes/garden/revenue/1/documents/{named[0]}")).status_code == 403
    assert (await visitor.get(f"/open/river/documents/{named[0]}")).status_code == 404


async def _can_be_checked(books: Books, page: str) -> None:
    visitor = await books.town.visitor()
    frozen = await visitor.client.get(f"/open/garden/{MONTH}/snapshot.json")
    assert hashlib.sha256(frozen.content).hexdigest() in page
    body = (await visitor.client.get(f"/open/garden/{MONTH}/journals.json")).content
    ledger = msgspec.json.decode(body, type=PublicLedger)
    checked = check_public(ledger)
    assert checked.faults == [] and checked.withheld == 0 and checked.last_hash in page
    assert ledger.totals == (await _snapshot(books)).figures.accounts
    await _in_parts(books, visitor, ledger)
    # The positive control: whatever is changed, it is found.
    first = ledger.journals[0]
    for broken in (
        ledger.journals[1:],
        [ledger.journals[0], *ledger.journals[2:]],
        [msgspec.structs.replace(first, lines=[Line("bank", 1), Line("expense:security", -1)]), *ledger.journals[1:]],
        [msgspec.structs.replace(first, business_day=date(2000, 1, 1)), *ledger.journals[1:]],
    ):
        assert check_public(msgspec.structs.replace(ledger, journals=broken)).faults


async def _in_parts(books: Books, visitor: Visitor, whole: PublicLedger) -> None:
    """A month of very many journals comes in several files of one chain; one that is missing is told."""
    path = f"/open/garden/{MONTH}/journals.json"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(months, "MOST_JOURNALS", 4)
        count = months.parts_of(whole.journals[0].number, whole.journals[-1].number)
        bodies = [(await visitor.client.get(f"{path}?part={part}")).content for part in range(1, count + 1)]
        assert (await visitor.get(f"{path}?part={count + 1}")).status_code == 404
        open_account._pages.clear()  # pyright: ignore[reportPrivateUsage]
        assert f"part={count}" in await visitor.page(f"/open/garden/{MONTH}")
    open_account._pages.clear()  # pyright: ignore[reportPrivateUsage]
    parts = [msgspec.json.decode(body, type=PublicLedger) for body in bodies]
    assert count > 2 and [one for part in parts for one in part.journals] == whole.journals
    checked = check_parts(parts[::-1])
    assert (checked.faults, checked.last_hash, checked.journals) == ([], whole.last_hash, len(whole.journals))
    for broken in (parts[1:], parts[:-1], [*parts[:1], *parts[2:]], [parts[0], *parts]):
        assert check_parts(broken).faults


async def _closed(books: Books) -> None:
    """Closed again, nothing is there; a correction is another version."""
    visitor = await books.town.visitor()
    async with books.town.house.db.write("garden") as connection:
        late = journal("wage", "paid", "late", LAST, [("expense:security", 7), ("bank", -7)], f"退 {PLATES[0]} 车主")
        await post(connection, "garden", [late], books.town.house.now())
    inside = await (await books.by("chen")).page(f"/complexes/garden/month/{MONTH}")
    assert "公布以后账又有变化" in inside
    await books.publish()
    text = await everything_public(books.town)
    assert personal(text) == []
    assert "第 2 版" in text and "第 1 版" in await visitor.page(f"/open/garden/{MONTH}?version=1")
    ledger = msgspec.json.decode(
        (await visitor.client.get(f"/open/garden/{MONTH}/journals.json")).content, type=PublicLedger
    )
    assert (check_public(ledger).faults, check_public(ledger).withheld) == ([], 1)  # its words are withheld
    roles = {"review_1": "committee", "review_2": "community", "review_3": "street"}
    await books.do("chen", "account", **roles)
    for path in ("", "/revenue", "/poster", f"/{MONTH}", f"/{MONTH}/journals.json", f"/{MONTH}/snapshot.json"):
        assert (await visitor.get(f"/open/garden{path}")).status_code == 404, path


async def test_pages_sheets_limits_and_the_citys_table(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    wang = await books.by("wang")
    page = await wang.page("/parking/accounts?month=" + MONTH)
    assert "阳光花园" in page and "逾期" in page
    garden = await wang.page(f"/complexes/garden/month/{MONTH}")
    assert "144%" in garden
    for path in (f"/parking/accounts.xlsx?month={MONTH}", f"/complexes/garden/month/{MONTH}.xlsx"):
        answer = await wang.get(path)
        book = load_workbook(BytesIO(answer.content)).active
        assert book is not None and book.max_row > 2
    for name in ("sessions", "charges", "unread"):
        answer = await wang.get(f"/parking/sheets/{name}.xlsx")
        sheet = load_workbook(BytesIO(answer.content)).active
        assert sheet is not None and sheet.max_row > 1, name
        said = [str(cell.value) for row in sheet.iter_rows() for cell in row]
        assert not any(plate in said for plate in PLATES) and (name == "unread" or "京A***45" in said)
    sun = await books.by("sun")
    whole = await sun.submit("/parking/sheets/sessions.xlsx", reason="payment")
    sheet = load_workbook(BytesIO(whole.content)).active
    assert sheet is not None and any(PLATES[0] in [cell.value for cell in row] for row in sheet.iter_rows())
    assert (await sun.submit("/parking/sheets/sessions.xlsx", reason="")).status_code == 422
    assert (await sun.get("/parking/sheets/nothing.xlsx")).status_code == 404
    await wang.client.get("/lang/en")
    assert "Parking, net" in await wang.page(f"/complexes/garden/month/{MONTH}")
    for bad in ("2026-13", "nothing", "2026-1", "0000-01"):
        assert (await wang.get(f"/complexes/garden/month/{bad}")).status_code == 404
    await books.open()
    monkeypatch.setattr(open_account, "_asking", Few(most=2, within_s=60.0))
    visitor = await books.town.visitor()
    answers = [await visitor.get("/open/garden") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert (answers[0].headers["x-robots-tag"], answers[0].headers["cache-control"]) == (
        "noindex",
        "public, max-age=60",
    )


async def test_plates_are_listed_only_where_somebody_said_so_and_masked(books: Books) -> None:
    await books.open(shows_unpaid="1", is_indexed="1")
    await books.publish()
    visitor = await books.town.visitor()
    answer = await visitor.get(f"/open/garden/{MONTH}")
    assert "京B***01" in answer.text and "x-robots-tag" not in answer.headers
    assert personal(answer.text) == []
    assert personal(f"{answer.text} {PLATES[0]}") == [PLATES[0]]  # the positive control


def test_months_and_quarters() -> None:
    assert (before("2026-01"), before("2026-12", -1), before("2026-03", 15)) == ("2025-12", "2027-01", "2024-12")
    assert quarter_of("2026-11") == ("2026-Q4", ["2026-10", "2026-11", "2026-12"])
    assert last_quarter(date(2026, 1, 5)) == ("2025-Q4", ["2025-10", "2025-11", "2025-12"])
    assert days_of("2024-02") == (date(2024, 2, 1), date(2024, 2, 29))
    months = {"2026-07", "2026-08", "2026-09"}
    assert not is_late(date(2026, 10, 31), set(), GRACE)
    assert is_late(date(2026, 11, 1), months - {"2026-08"}, GRACE)
    assert not is_late(date(2026, 11, 1), months, GRACE)


def test_coverage_is_whole_percent_of_what_is_left() -> None:
    of = came({"income:parking:temporary": -1_000, "discount:x": 100, "expense:security": 1_000, "expense:repair": 7})
    assert (of.parking_fen, of.coverage_percent, of.other_spending_fen, of.left_fen) == (900, 90, 7, -107)
    assert came({}).coverage_percent is None


def test_shifts_of_people_are_added_up() -> None:
    one = journal("payment", "paid", "PK1", FIRST, [("cash:lane:S1", 5), ("cash:lane:S2", 5), ("bank", -10)])
    booked = Booked(number=1, booked_at=one.occurred_at, journal=one, prev_hash="0", hash="1")
    assert totals_of([exported(booked)], MONTH) == {"bank": -10, "cash:lane": 10}


def test_a_file_is_checked_on_the_command_line(tmp_path: Path) -> None:
    one = journal("wage", "paid", "1", FIRST, [("expense:security", 5), ("bank", -5)])
    digest = hash_of(START, 1, one, one.occurred_at, None)
    booked = Booked(number=1, booked_at=one.occurred_at, journal=one, prev_hash=START, hash=digest)
    said = {"complex": "garden", "month": MONTH, "prev_hash": START, "last_hash": digest}
    ledger = PublicLedger(**said, totals={"bank": -5, "expense:security": 5}, journals=[exported(booked)])
    file = tmp_path / "month.json"
    file.write_bytes(msgspec.json.encode(ledger))

    def run(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(cli.app, ["ledger", "verify-public", str(file), *more])
        return result.exit_code, result.output

    assert run("--hash", digest) == (0, f"garden {MONTH}: 1 journals, 0 faults\n")
    assert run("--hash", "00")[0] == 1
    file.write_bytes(file.read_bytes().replace(b'"fen":5', b'"fen":6').replace(b'"fen":-5', b'"fen":-6'))
    code, told = run()
    assert code == 1 and "journal 1 is not what was hashed" in told and "the file says" in told
    for broken in (b"{}", b"\xff", b""):
        file.write_bytes(broken)
        assert "is no month of a public account" in run()[1]
