"""Public revenue: its path by three people's reviews, its money in the ledger once, its earmarks kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.ledger import kind_of
from domain.masking import tells_of_someone
from domain.revenue import (
    INCOME,
    PATH,
    PUBLIC,
    SPENDING,
    STAGES,
    NotNow,
    Past,
    Standing,
    UnknownKind,
    Who,
    account_of,
    check,
    lines_of,
    open_to,
    step_named,
)
from server.books.revenue import By, Said, take
from server.documents import BadDocument, read_document
from server.store import ledger_rows, public_rows, revenue_rows
from server.store.engine import Database, stamp
from server.store.schema import complex_, ledger_day
from tests.server import rows
from tests.server.engines import Engine, chosen, open_database

NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)
DAY = date(2026, 11, 20)
ROLES = public_rows.USUAL_REVIEWS
PDF = b"%PDF-1.7\n" + b"1 0 obj << /Type /Catalog >> endobj\n" * 4 + b"trailer << >>\n%%EOF\n"
VOTED = Said("业主代表会议通过", 21, 3)
# Who takes each step of a good path, in which role.
GOOD = (
    ("propose", "chen", "committee"),
    ("review_1", "liu", "committee"),
    ("review_2", "qian", "community"),
    ("review_3", "jie", "street"),
    ("publish_decision", "chen", "committee"),
    ("publish_process", "chen", "committee"),
    ("finish", "sun", "clerk"),
    ("publish_result", "chen", "committee"),
)


@pytest.fixture(params=chosen(), ids=lambda engine: engine.name)
async def db(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    engine: Engine = request.param
    async with open_database(tmp_path, engine) as opened:
        async with opened.write() as connection:
            await connection.execute(complex_.insert().values(id="garden", name="花园", timezone="Asia/Shanghai"))
        yield opened


async def draft(db: Database, side: str, kind: str, fen: int, earmark: int | None = None) -> int:
    async with db.write("garden") as connection:
        said = {"side": side, "kind": kind, "title": "电梯广告", "planned_fen": fen, "earmark": earmark}
        number = await revenue_rows.add(connection, "garden", "zhang", NOW, **said)
        for purpose in ("plan", "voucher", "result"):
            paper = {"sha256": purpose[0] * 64, "type": "application/pdf", "size_bytes": 9, "title": "合同"}
            marks = {"purpose": purpose, "is_public": 1, "added_at": stamp(NOW), "added_by": "zhang"}
            await revenue_rows.add_document(connection, "garden", number, **paper, **marks)
    return number


async def walk(db: Database, number: int, fen: int, path: Sequence[tuple[str, str, str]] = GOOD) -> None:
    for place, (action, who, role) in enumerate(path):
        step = step_named(action)
        assert step is not None
        said = VOTED if action == "propose" else Said("同意", fen=fen, day=DAY, is_without_names=True)
        async with db.write("garden") as connection:
            await take(connection, "garden", number, step, By(who, role, NOW + timedelta(minutes=place)), said)


async def refused(db: Database, number: int, action: str, who: str, role: str, said: Said = VOTED) -> str:
    step = step_named(action)
    assert step is not None
    with pytest.raises(NotNow) as caught:
        async with db.write("garden") as connection:
            await take(connection, "garden", number, step, By(who, role, NOW), said)
    return caught.value.reason


async def test_a_good_path_books_its_money_once_and_can_be_taken_back(db: Database) -> None:
    number = await draft(db, "income", "advert", 500_000)
    assert await refused(db, number, "review_1", "liu", "committee") == "not_now"
    await walk(db, number, 480_000)
    async with db.read() as connection:
        found = await revenue_rows.entry(connection, "garden", number)
        assert found is not None
        assert (found.state, found.actual_fen, found.day, found.journal) == ("closed", 480_000, "2026-11-20", 1)
        assert await ledger_rows.balances(connection, "garden") == {"bank": 480_000, "income:public:advert": -480_000}
        assert [one.action for one in await revenue_rows.steps(connection, "garden", number)] == [
            action for action, *_ in GOOD
        ]
    assert await refused(db, number, "reverse", "sun", "clerk") == "same_person"
    await walk(db, number, 0, [("reverse", "chen", "committee")])
    async with db.read() as connection:
        assert set((await ledger_rows.balances(connection, "garden")).values()) == {0}
        booked = await ledger_rows.some(connection, "garden", 0, 9)
    assert [(one.journal.kind, one.journal.corrects) for one in booked] == [("done", None), ("reversed", 1)]


async def test_three_different_people_review_and_a_refusal_begins_anew(db: Database) -> None:
    number = await draft(db, "income", "lease", 100)
    assert await refused(db, number, "propose", "chen", "committee", Said("会议", 3, 3)) == "not_carried"
    assert await refused(db, number, "propose", "chen", "committee", Said("会议")) == "needs_votes"
    assert await refused(db, number, "propose", "chen", "committee", Said("京A12345 的车主", 9, 1)) == "personal"
    await walk(db, number, 0, GOOD[:1])
    assert await refused(db, number, "review_1", "chen", "committee") == "same_person"
    assert await refused(db, number, "review_1", "zhang", "committee") == "same_person"  # who drafted it
    assert await refused(db, number, "review_1", "qian", "community") == "other_role"
    await walk(db, number, 0, [*GOOD[1:2], ("refuse", "qian", "community")])
    async with db.read() as connection:
        found = await revenue_rows.entry(connection, "garden", number)
        assert found is not None
        assert (found.state, found.round) == ("draft", 2)
    await walk(db, number, 0, GOOD[:3])
    assert await refused(db, number, "review_3", "qian", "street") == "same_person"
    async with db.write("garden") as connection:
        said = public_rows.Account(review_3="district")
        await public_rows.put_account(connection, "garden", said, "wang", NOW)
    assert await refused(db, number, "review_3", "jie", "street") == "other_role"
    await walk(db, number, 0, [("review_3", "ju", "district")])
    assert await refused(db, number, "publish_decision", "chen", "committee", Said("公示")) == "needs_nothing_personal"


async def test_spending_stays_within_its_plan_and_its_earmark(db: Database) -> None:
    income = await draft(db, "income", "starting", 3_000_000)
    await walk(db, income, 3_000_000)
    spending = await draft(db, "spending", "repair", 2_000_000, income)
    await walk(db, spending, 0, GOOD[:6])
    over = Said("完工", fen=2_000_001, day=DAY)
    assert await refused(db, spending, "finish", "sun", "clerk", over) == "over_plan"
    await walk(db, spending, 1_900_000, GOOD[6:])
    more = await draft(db, "spending", "repair", 1_100_001, income)
    assert await refused(db, more, "propose", "chen", "committee") == "over_earmark"
    async with db.write("garden") as connection:
        day = {"complex": "garden", "day": DAY.isoformat(), "locked_at": stamp(NOW), "locked_by": "li"}
        await connection.execute(ledger_day.insert().values(**day, number=1, hash="0"))
        await revenue_rows.change(connection, "garden", more, planned_fen=1_100_000)
    await walk(db, more, 1_100_000)
    async with db.read() as connection:
        (balance,) = await revenue_rows.balances(connection, "garden")
        found = await revenue_rows.entry(connection, "garden", more)
    assert (balance.income_fen, balance.spent_fen, balance.left_fen) == (3_000_000, 3_000_000, 0)
    assert found is not None
    assert found.day == "2026-11-21"  # the day was signed: booked on the next


def test_the_path_is_whole() -> None:
    """Every state is reached and left as the drawn path says; nobody but a reviewer reviews."""
    ends = {step.end for step in PATH}
    assert {start for step in PATH for start in step.starts} <= ends | {"draft"}
    assert [step_named(action).end for action, _ in STAGES if step_named(action)] == [end for _, end in STAGES]  # pyright: ignore[reportOptionalMemberAccess]
    assert not PUBLIC & {"draft", "proposed", "reviewed_1", "reviewed_2", "approved", "withdrawn"}
    past = [Past("draft", "zhang", 0), Past("propose", "chen", 1)]
    standing = Standing("proposed", 1, past)
    assert [step.action for step in open_to(standing, Who("liu", "committee"), ROLES)] == ["review_1", "refuse"]
    assert open_to(standing, Who("chen", "committee"), ROLES) == []


@pytest.mark.parametrize("side, kinds", [("income", INCOME), ("spending", SPENDING)])
def test_every_kind_has_an_account(side: str, kinds: Sequence[str]) -> None:
    for kind in kinds:
        assert kind_of(account_of(side, kind)) == ("income" if side == "income" else "expense")
        assert sum(line.fen for line in lines_of(side, kind, 7)) == 0
    with pytest.raises(UnknownKind, match="there are income advert"):
        account_of(side, "bribe")


def test_documents_are_known_by_their_bytes() -> None:
    assert read_document(PDF).type == "application/pdf"
    drawn = read_document(rows.picture())
    assert drawn.type == "image/jpeg" and drawn.body != rows.picture()
    bad = {b"": "empty", b"PK\x03\x04": "not_picture", PDF[:-30]: "damaged", b"<svg xmlns=''/>": "svg"}
    bad |= {PDF.replace(b"/Type", b"/JavaScript"): "acting_pdf", b"x" * (8 * 1024 * 1024 + 1): "too_large"}
    for body, reason in bad.items():
        with pytest.raises(BadDocument) as caught:
            read_document(body)
        assert caught.value.reason == reason


@pytest.mark.parametrize("text", ["京A12345", "电话 13800138000", "身份证 11010519491231002X"])
def test_words_that_tell_of_someone(text: str) -> None:
    assert tells_of_someone(f"请联系{text}。")
    assert not tells_of_someone("2026 年合同 20261120001 号，金额 900000 元，赞成 21 票")


def test_a_check_that_forgets_who_came_before_is_found() -> None:
    """The positive control: without the past, one person reviews all three."""
    step = step_named("review_1")
    assert step is not None
    chen = Who("chen", "committee")
    check(step, Standing("proposed", 1, []), chen, ROLES)
    with pytest.raises(NotNow):
        check(step, Standing("proposed", 1, [Past("propose", "chen", 1)]), chen, ROLES)
