"""The audit in the database: rows come with what they tell of, writers do not fork it, tampering is seen."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from server import audit_book
from server.audit import Actor, Subject, command_line, record
from server.audit_book import BadHeads, read_heads
from server.cli import app
from server.store import address, audit_rows, migrate
from server.store.audit_table import audit
from server.store.engine import Database
from server.store.failures import DatabaseBusy
from tests.server.engines import POSTGRES, Engine
from tests.server.people import City, city

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OLD = datetime(2022, 3, 1, 12, tzinfo=UTC)
WANG = Actor("wang", "clerk", 1, "192.0.2.7", "0a1b2c3d")
ALIKE = ("2026-11-23T12:00:00.000Z", "wang", "clerk")


@pytest.fixture
async def db(tmp_path: Path, engine: Engine) -> AsyncIterator[Database]:
    """A migrated database: triggers and all."""
    with engine.database() as url:
        if not url:
            await asyncio.to_thread(migrate.upgrade, address.of(tmp_path, url))
        opened = Database(address.of(tmp_path, url))
        yield opened
        await opened.close()


async def fill(db: Database, count: int = 5, at: datetime = NOW) -> None:
    for number in range(count):
        async with db.write() as connection:
            record(connection, WANG, "plate.shown", at, on=Subject("stay", f"s{number}"), reason="payment")


async def fault(db: Database, heads: dict[int, str] | None = None) -> str | None:
    return (await audit_book.verify(db, heads or {}, lambda _n, _of: None)).fault


async def head(db: Database) -> audit_rows.Head:
    async with db.read() as connection:
        return await audit_rows.head(connection)


async def tamper(db: Database, *statements: str) -> None:
    """As someone who owns the database may: without the triggers."""
    async with db.write() as connection:
        if connection.dialect.name == "postgresql":
            await connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
        else:
            for name in ("audit_keeps_rows", "audit_keeps_contents", "audit_only_grows"):
                await connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in statements:
            await connection.execute(text(statement))


async def test_a_row_is_there_with_what_it_tells_of_or_neither_is(db: Database) -> None:
    with pytest.raises(RuntimeError, match="half way"):
        async with db.write() as connection:
            record(connection, WANG, "plate.shown", NOW)
            raise RuntimeError("half way")
    assert (await head(db)).number == 0
    async with db.write() as connection:
        record(connection, WANG, "plate.shown", NOW, on=Subject("stay", "5e1"), complex_id="garden", reason="payment")
        record(connection, command_line("root"), "gateway.replaced", NOW, details={"b": 1, "a": "x"})
    async with db.read() as connection:
        first, second = (await connection.execute(select(audit).order_by(audit.c.number))).mappings()
    assert (first["at"], first["who"], first["role"]) == ALIKE
    assert (first["kind"], first["ref"], first["address"], first["session"]) == ("stay", "5e1", "192.0.2.7", "0a1b2c3d")
    assert (second["number"], second["previous"], second["details"]) == (2, first["hash"], '{"a":"x","b":1}')
    assert await fault(db) is None


async def test_what_cannot_be_recorded_is_a_defect_not_a_silence(db: Database) -> None:
    async with db.write() as connection:
        with pytest.raises(ValueError, match=r"no such action: 'plate\.eaten'"):
            record(connection, WANG, "plate.eaten", NOW)
        with pytest.raises(ValueError, match="signs, at most"):
            record(connection, WANG, "plate.shown", NOW, details={"x": "y" * 9_000})
    async with db.read() as connection:
        with pytest.raises(KeyError):
            record(connection, WANG, "plate.shown", NOW)


async def test_odd_texts_are_kept_as_they_can_be(db: Database) -> None:
    async with db.write() as connection:
        odd = {"reason": "a\0b\ud800", "details": {"x": "a\0b"}}
        record(connection, WANG, "plate.shown", NOW, on=Subject("stay", "é" * 900), **odd)
    assert await fault(db) is None


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET who = 'li' WHERE number = 2"], "row 2 says something else than was recorded"),
        (["UPDATE audit SET at = '2020-01-01T00:00:00.000Z' WHERE number = 3"], "row 3 has a time, an action or"),
        (["DELETE FROM audit WHERE number = 3"], "row 3 is missing: row 4 comes after row 2"),
        (
            [f"UPDATE audit SET number = {to} WHERE number = {of}" for of, to in ((2, 99), (3, 2), (99, 3))],
            "row 2 does not follow row 1",
        ),
        (["UPDATE audit SET nonce = NULL, who = NULL, blanked_at = 'x' WHERE number = 1"], "row 1 was blanked, and no"),
        (["DELETE FROM audit WHERE number > 3"], "row 4 and those behind it are gone"),
    ],
    ids=["changed", "moved in time", "removed", "swapped", "blanked", "cut"],
)
async def test_what_was_done_to_the_rows_is_found(db: Database, statements: list[str], said: str) -> None:
    await fill(db)
    heads = {5: (await head(db)).hash}
    assert await fault(db, heads) is None
    await tamper(db, *statements)
    assert said in str(await fault(db, heads))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'li' WHERE number = 1",
        "UPDATE audit SET hash = 'x' WHERE number = 1",
        "DELETE FROM audit",
        f"UPDATE audit SET blanked_at = 'x', {', '.join(f'{name} = NULL' for name in audit_rows.BLANKABLE)}",
    ],
)
async def test_the_database_refuses_to_change_a_row(db: Database, statement: str) -> None:
    await fill(db, 2)
    with pytest.raises((DBAPIError, DatabaseBusy), match="append-only"):
        async with db.write() as connection:
            await connection.execute(text(statement))
    assert await fault(db) is None and (await head(db)).number == 2


async def test_old_contents_go_and_the_chain_still_holds(db: Database) -> None:
    await fill(db, 3, OLD)
    await fill(db, 2, datetime.now(UTC))
    heads = {5: (await head(db)).hash}
    async with db.write() as connection:
        assert await audit_book.blank(connection, WANG, datetime.now(UTC)) == 3
    async with db.write() as connection:
        assert await audit_book.blank(connection, WANG, datetime.now(UTC)) == 0
    async with db.read() as connection:
        rows = await audit_rows.after(connection, 0)
    assert [row.content is None for row in rows] == [True, True, True, False, False, False]
    assert rows[-1].action == "audit.blanked"
    assert await fault(db, heads) is None
    await tamper(db, "UPDATE audit SET nonce = NULL, blanked_at = 'x' WHERE number = 4")
    assert await fault(db) == "row 4 was blanked, and no row says so"


async def test_what_is_not_old_enough_cannot_be_taken_out(db: Database) -> None:
    await fill(db, 1, datetime.now(UTC))
    with pytest.raises((DBAPIError, DatabaseBusy), match="append-only"):
        async with db.write() as connection:
            await audit_rows.blank(connection, "2099-01-01T00:00:00.000Z", 9, "2099-01-01T00:00:00.000Z")


WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from server.audit import Actor, record
from server.store.engine import Database

async def write(db, number):
    async with db.write(f"complex-{number}") as connection:  # several turns: the chain's own lock orders them
        record(connection, Actor("wang", "clerk"), "plate.shown", datetime.now(UTC))

async def run():
    db = Database(sys.argv[1])
    await asyncio.gather(*(write(db, number) for number in range(20)))
    await db.close()

asyncio.run(run())
"""


async def _write_one(db: Database, number: int) -> None:
    async with db.write(f"complex-{number}") as connection:  # several turns: only the chain's own lock orders them
        record(connection, WANG, "plate.shown", NOW, on=Subject("stay", f"{number}"))


async def test_processes_that_write_at_once_do_not_fork_the_chain(db: Database) -> None:
    started = [await asyncio.create_subprocess_exec(sys.executable, "-c", WRITER, db.url) for _ in range(2)]
    assert [await child.wait() for child in started] == [0, 0]
    assert await fault(db) is None and (await head(db)).number == 40


@pytest.mark.parametrize("engine", [POSTGRES], ids=["postgres"])  # SQLite has one writer
async def test_without_the_lock_the_chain_would_fork(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: two that read the same head cannot both follow it, and PostgreSQL says so."""
    both, waiting = asyncio.Event(), list[int]()
    read = audit_rows.head

    async def no_lock(_connection: object) -> None: ...

    async def read_together(connection: object) -> audit_rows.Head:
        found = await read(connection)  # type: ignore[arg-type]
        waiting.append(1)
        if len(waiting) == 2:
            both.set()
        await both.wait()
        return found

    monkeypatch.setattr(audit_rows, "lock_audit", no_lock)
    monkeypatch.setattr(audit_rows, "head", read_together)
    ended = await asyncio.gather(_write_one(db, 1), _write_one(db, 2), return_exceptions=True)
    assert sum(isinstance(one, Exception) for one in ended) == 1


def test_heads_are_read_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "heads"
    file.write_text('{"number":0,"hash":"00","at":null}\n\n{"number":2,"hash":"ab","at":"x"}\n')
    assert read_heads(file) == {2: "ab"}
    for wrong, said in (
        ("", "holds no head"),
        ("x", "line 1"),
        ('{"number":1,"hash":"a"}\n{"number":1,"hash":"b"}', "line 2"),
    ):
        file.write_text(wrong)
        with pytest.raises(BadHeads, match=said):
            read_heads(file)
    with pytest.raises(BadHeads, match="No such file"):
        read_heads(tmp_path / "none")


@pytest.fixture
def type_(tmp_path: Path) -> Callable[..., tuple[int, str, str]]:
    def typed(*arguments: str) -> tuple[int, str, str]:
        done = CliRunner().invoke(app, [*arguments, "--data", str(tmp_path / "data")])
        return done.exit_code, done.stdout, done.stderr

    return typed


def test_the_command_line_verifies_tells_the_head_and_is_in_the_audit_itself(
    tmp_path: Path, type_: Callable[..., tuple[int, str, str]]
) -> None:
    assert type_("init", "--json")[0] == 0
    assert type_("add-account", "huang", "--role", "auditor", "--scope", "city", "--json")[0] == 0
    code, line, _ = type_("audit", "head", "--json")
    assert code == 0 and json.loads(line)["number"] == 2
    heads = tmp_path / "heads.jsonl"
    heads.write_text(line)
    assert type_("audit", "export")[0] == 1
    code, table, said = type_("audit", "export", "--reason", "=cmd", "--by", "huang")
    lines = table.splitlines()
    assert code == 0 and lines[0].startswith("number,at,action,who") and "account.made" in lines[1]
    assert "audit.exported" in lines[3] and "'=cmd" in lines[3] and "3 rows" in said
    code, verdict, _ = type_("audit", "verify", "--head", str(heads), "--json")
    assert code == 0 and json.loads(verdict)["rows"] == 3
    database = tmp_path / "data" / "gatehouse.db"
    cut = "DROP TRIGGER audit_keeps_rows; DELETE FROM audit WHERE number > 1"
    with sqlite3.connect(database) as connection:
        connection.executescript(cut)
    code, verdict, said = type_("audit", "verify", "--head", str(heads), "--json")
    assert code == 1 and "row 2 and those behind it are gone" in said
    assert "row 2" in json.loads(verdict)["fault"]
    assert type_("audit", "verify", "--json")[0] == 0, "without a head nobody sees it"


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


async def test_the_auditor_alone_sees_it_and_is_seen(town: City) -> None:
    await (await town.visitor("sun")).submit("/parking/sessions/garden/5e1/plate", reason="police")
    for username in ("wang", "li", "chen", "sun"):
        visitor = await town.visitor(username)
        assert (await visitor.get("/audit")).status_code == 403
        assert (await visitor.submit("/audit/blank")).status_code == 403
        assert (await visitor.submit("/audit/export", reason="x")).status_code == 403
    auditor = await town.visitor("huang")
    assert 'href="/audit"' in await auditor.page("/")
    page = await auditor.page("/audit?who=sun&action=plate.shown")
    assert (
        '停车 <code class="dim">5e1</code>' in page
        and "police" in page
        and "查看完整车牌" in page
        and "京A12345" not in page
    )
    assert ">5e1<" not in await auditor.page("/audit?who=sun&action=login.opened")
    assert ">5e1<" not in await auditor.page("/audit?complex=river")
    assert ">5e1<" not in await auditor.page("/audit?until=2020-01-01")
    assert "huang" in await auditor.page("/audit?action=audit.seen")


async def test_an_export_wants_a_reason_and_is_a_row(town: City) -> None:
    auditor = await town.visitor("huang")
    assert (await auditor.submit("/audit/export", reason=" ")).status_code == 422
    answer = await auditor.submit("/audit/export", reason="季度检查", who="huang")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"].startswith('attachment; filename="audit-')
    assert answer.text.startswith("\ufeffnumber,at,action,who") and "login.opened" in answer.text
    assert "季度检查" in await auditor.page("/audit?action=audit.exported")


async def test_the_auditor_takes_out_what_is_too_old(town: City) -> None:
    async with town.house.db.write() as connection:
        record(connection, WANG, "plate.shown", OLD, on=Subject("stay", "long-ago"))
    auditor = await town.visitor("huang")
    assert "1 条记录已超过 3 年" in await auditor.page("/audit")
    assert (await auditor.submit("/audit/blank")).status_code == 303
    page = await auditor.page("/audit")
    assert "内容已按期限清除" in page and "long-ago" not in page and "条记录已超过" not in page
    assert await fault(town.house.db) is None


async def test_guesses_leave_a_row_but_not_a_row_a_guess(town: City) -> None:
    visitor = await town.visitor()
    for number in range(7):
        await visitor.sign_in("li", "wrong")
        await visitor.sign_in(f"my-password-{number}", "x")
    async with town.house.db.read() as connection:
        rows = (await connection.execute(select(audit).order_by(audit.c.number))).mappings().all()
    failed = [row for row in rows if row["action"] == "login.failed"]
    refused = [(row["reason"], row["who"]) for row in rows if row["action"] == "login.refused"]
    assert len(failed) == 5 and json.loads(failed[-1]["details"])["locked_s"] == 60
    assert sorted(refused) == [("locked", "li"), ("unknown", "")]
    assert "my-password" not in str(rows)
