"""The migrations make the schema the code has, on either engine, keep what is in it, and can be undone."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from alembic import op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Connection, column, inspect, select, text
from sqlalchemy import table as sa_table
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from domain.ids import content_name
from server.store import address, migrate
from server.store.schema import metadata
from tests.postgres import bare_database, say

T = TypeVar("T")
ENGINES = ("sqlite", "postgres")
REVISIONS = tuple(f"{number:04}" for number in (*range(1, 8), *range(9, 48)))  # there is no 0008
WISHED = ("complex", "kind", "version", "body", "sha256", "made_at", "made_by")
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits"
FACTS = {
    "complex": "INSERT INTO complex(id, name, timezone) VALUES('garden', '花园', 'Asia/Shanghai')",
    "gateway": """INSERT INTO gateway(id, complex, public_key, enrolled_at)
        VALUES('gw-1', 'garden', '{"x": 1}', '2026-03-01T00:00:00.000Z')""",
    "account": """INSERT INTO account(username, password_hash, role, complexes, created_at)
        VALUES('li', 'hash', 'admin', '[]', '2026-03-01T00:00:00.000Z')""",
    "mark": "INSERT INTO mark(gateway, stream, epoch, last) VALUES('gw-1', 'routine', 'e1', 9)",
    "batch": """INSERT INTO batch(shard, complex, gateway, stream, epoch, first, last, received_at, body)
        VALUES(3, 'garden', 'gw-1', 'routine', 'e1', 1, 9, '2026-03-01T00:00:00.000Z', 'abc')""",
    "charge": """INSERT INTO charge(complex, session, revision, plate, entered_at, exited_at, class, amount_fen,
        change_fen, lines, tariff, reason, booked_at)
        VALUES('garden', 's', 1, '京A12345', 'a', 'b', 'small', 200, 200, '[]', 'v', 'priced', 'c')""",
}

_SIX = "'', 'h1', '', '2027-01-01', 'a', 'b'"
LATER = {"discount_change_fen", "replaces", "journal", "complexes", "area", "management", "address", "grid_cell"}
LATER |= {"photo", "silence_told", "heard_since", "label", "picture"}
OF_PEOPLE = ("disabled_at", "totp_secret", "totp_set_at", "totp_last_step")  # since 0007


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield address.sqlite(tmp_path / "x.db")
        return
    with bare_database() as url:
        yield url


def with_connection(url: str, work: Callable[[Connection], T]) -> T:
    async def connected() -> T:
        engine = create_async_engine(address.for_engine(url), poolclass=NullPool)
        async with engine.begin() as connection:
            return await connection.run_sync(work)

    return asyncio.run(connected())


def partitions(connection: Connection) -> set[str]:
    return set(connection.scalars(text(PARTITIONS))) if connection.dialect.name == "postgresql" else set()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def fill(connection: Connection) -> None:
    for statement in FACTS.values():
        connection.exec_driver_sql(statement)


def facts(connection: Connection) -> dict[str, list[dict[str, object]]]:
    """What the rows held from the first; what an account sees moves to rows of its own and is looked at below."""

    def kept(name: str) -> list[dict[str, object]]:
        rows = [dict(row) for row in connection.execute(text(f"SELECT * FROM {name}")).mappings()]
        return [{key: value for key, value in row.items() if key not in (*LATER, *OF_PEOPLE)} for row in rows]

    return {name: kept(name) for name in FACTS}


def test_the_migrated_schema_is_the_one_in_the_code(url: str) -> None:
    migrate.upgrade(url)

    def differences(connection: Connection) -> list[object]:
        parts = partitions(connection)
        options = {"include_name": lambda name, kind, _parents: not (kind == "table" and name in parts)}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    assert with_connection(url, differences) == []
    with_connection(url, lambda connection: connection.exec_driver_sql("DROP INDEX batch_shard"))
    assert len(with_connection(url, differences)) == 1, "the comparison must see what is missing"


def test_up_and_down_on_rows_that_are_there(url: str) -> None:
    migrate.upgrade(url, REVISIONS[0])
    with_connection(url, fill)
    before = with_connection(url, facts)
    assert all(len(rows) == 1 for rows in before.values())
    for revision in REVISIONS[1:]:
        migrate.upgrade(url, revision)
        assert with_connection(url, facts) == before
    migrate.upgrade(url)
    for revision in reversed(REVISIONS[:-1]):
        migrate.downgrade(url, revision)
        assert with_connection(url, facts) == before


def add_accounts(connection: Connection) -> None:
    connection.exec_driver_sql(FACTS["complex"])
    for name, complexes in {"everything": "[]", "two": '["garden", "river"]', "one": '["garden"]'}.items():
        row = f"('{name}', 'hash', 'patrol', '{complexes}', '2026-03-01T00:00:00.000Z')"
        columns = "username, password_hash, role, complexes, created_at"
        connection.exec_driver_sql(f"INSERT INTO account({columns}) VALUES{row}")


def lists(connection: Connection) -> dict[str, object]:
    query = select(column("username"), column("complexes", JSON)).select_from(sa_table("account"))
    return {row.username: row.complexes for row in connection.execute(query)}


def scopes(connection: Connection) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    query = "SELECT username, kind, place FROM account LEFT JOIN account_scope ON account = id ORDER BY kind, place"
    for name, kind, place in connection.execute(text(query)):
        found.setdefault(name, []).extend([f"{kind}:{place}"] if kind else [])
    return found


def test_what_accounts_see_is_the_same_before_and_after(url: str) -> None:
    migrate.upgrade(url, "0004")
    with_connection(url, add_accounts)
    before = with_connection(url, lists)
    migrate.upgrade(url, "0005")
    said = {"everything": ["city:"], "one": ["complex:garden"], "two": ["complex:garden", "complex:river"]}
    assert with_connection(url, scopes) == said
    migrate.downgrade(url, "0004")
    assert with_connection(url, lists) == before


def test_who_sees_an_area_or_nothing_does_not_see_everything_before_0005(url: str) -> None:
    """An empty list meant everything: nothing, and an area without complexes, must not become one."""
    migrate.upgrade(url, "0004")
    with_connection(url, add_accounts)
    migrate.upgrade(url, "0005")

    def narrow(connection: Connection) -> None:
        for statement in (
            "INSERT INTO area(id, kind, name) VALUES('d', 'district', '区'), ('e', 'district', '空')",
            "INSERT INTO area_within(upper, area) VALUES('d', 'd'), ('e', 'e')",
            "UPDATE complex SET area = 'd'",
            "DELETE FROM account_scope",
            "INSERT INTO account_scope SELECT id, 'area', 'd' FROM account WHERE username = 'two'",
            "INSERT INTO account_scope SELECT id, 'area', 'e' FROM account WHERE username = 'one'",
        ):
            connection.exec_driver_sql(statement)

    with_connection(url, narrow)
    migrate.downgrade(url, "0004")
    assert with_connection(url, lists) == {"two": ["garden"], "one": ["(none)"], "everything": ["(none)"]}
    migrate.upgrade(url, "0005")
    assert with_connection(url, scopes) == {"two": ["complex:garden"], "one": [], "everything": []}


def test_all_can_be_undone_and_done_again(url: str) -> None:
    migrate.upgrade(url, REVISIONS[0])
    with_connection(url, fill)
    migrate.upgrade(url)
    migrate.upgrade(url)
    made = with_connection(url, tables)
    migrate.downgrade(url, "base")
    assert with_connection(url, tables) == set()
    migrate.upgrade(url)
    assert with_connection(url, tables) == made


def test_the_newest_revision_is_among_those_tried_here() -> None:
    scripts = Path(migrate.__file__).parent / "migrations" / "versions"
    assert tuple(sorted(file.name[:4] for file in scripts.glob("0*.py"))) == REVISIONS


def test_a_credential_keeps_what_it_was_before_it_knew_hours(tmp_path: Path) -> None:
    """0017 on SQLite makes the table anew on its way down, with all that is in it."""
    url = address.sqlite(tmp_path / "x.db")
    migrate.upgrade(url, "0013")
    words = ("schedule", "holder", "name", "until_day", "made_at", "made_by")
    columns = ", ".join(("complex", "id", "household", "kind", "doors", "groups", *words))
    numbers = "first_card, passes_lock_down"
    home = "INSERT INTO household VALUES('h1', 'garden', '3', '1', '101', '王', NULL, 'a', 'b')"
    card = f"INSERT INTO credential({columns}, {numbers}) VALUES('garden', 'c1', 'h1', 'qr', '[]', '[]', {_SIX}, 0, 1)"

    def kept(connection: Connection) -> list[dict[str, object]]:
        return [dict(row) for row in connection.execute(text("SELECT * FROM credential")).mappings()]

    for statement in (FACTS["complex"], home, card):
        with_connection(url, lambda connection, sql=statement: connection.exec_driver_sql(sql))  # type: ignore[misc]
    before = with_connection(url, kept)
    migrate.upgrade(url, "0017")
    (now,) = with_connection(url, kept)
    assert now == {**before[0], "from_at": None, "until_at": None, "used_at": None, "used_where": None, "used_by": None}
    migrate.downgrade(url, "0013")
    assert with_connection(url, kept) == before and len(before) == 1


def test_rules_that_are_there_go_down_to_gateways_as_of_0047_and_not_before(url: str) -> None:
    """The newest of each complex, as it stands; of a complex that is gone none."""
    migrate.upgrade(url, "0046")
    columns = "complex, version, since, body, reason, made_at, made_by"
    rows = [("garden", 1, b"{}"), ("garden", 2, b'{"schema":"alert-rules/1"}'), ("gone", 1, b"{}")]

    def publish(connection: Connection) -> None:
        connection.exec_driver_sql(FACTS["complex"])
        put = text(f"INSERT INTO rule_version({columns}) VALUES(:complex, :version, 'a', :body, 'r', 'b', 'wang')")
        for complex_id, version, body in rows:
            connection.execute(put, {"complex": complex_id, "version": version, "body": body})

    def wished(connection: Connection) -> list[tuple[object, ...]]:
        return [tuple(row) for row in connection.execute(text(f"SELECT {', '.join(WISHED)} FROM desired_state"))]

    with_connection(url, publish)
    migrate.upgrade(url, "0047")
    name = content_name(rows[1][2])
    assert with_connection(url, wished) == [("garden", "alert_rules", 1, rows[1][2], name, "b", "wang")]
    migrate.downgrade(url, "0046")
    assert with_connection(url, wished) == []


def test_a_position_is_never_used_again_in_a_file(tmp_path: Path) -> None:
    migrate.upgrade(address.sqlite(tmp_path / "x.db"))
    with sqlite3.connect(tmp_path / "x.db") as db:
        (sql,) = db.execute("SELECT sql FROM sqlite_master WHERE name = 'batch'").fetchone()
    assert "AUTOINCREMENT" in sql


def test_batches_are_partitioned_and_their_bodies_are_not_compressed_again() -> None:
    with bare_database() as url:
        migrate.upgrade(url)
        assert say(url, "SELECT relkind FROM pg_class WHERE relname = 'batch'") == "p"
        of_both = "attrelid IN ('batch'::regclass, 'batch_rest'::regclass)"
        storage = say(url, f"SELECT attstorage FROM pg_attribute WHERE attname = 'body' AND {of_both}")
        assert storage.split() == ["e", "e"], "e: external"


def test_a_migration_that_dies_half_way_leaves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    create = op.create_table

    def dies(*args: object, **kwargs: object) -> object:
        made.append(args)
        if len(made) == 8:
            raise KeyboardInterrupt
        return create(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr("alembic.op.create_table", dies)
    with pytest.raises(KeyboardInterrupt):
        migrate.upgrade(url)
    monkeypatch.undo()
    assert with_connection(url, lambda connection: inspect(connection).get_table_names()) == []
    migrate.upgrade(url)


def test_servers_that_start_at_once_migrate_one_after_the_other() -> None:
    program = "import sys; from server.store import migrate; migrate.upgrade(sys.argv[1])"
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with bare_database() as url:

        def start_and_hold_them_up(connection: Connection) -> list[subprocess.Popen[bytes]]:
            connection.execute(migrate._ONE_AT_A_TIME)
            started = [subprocess.Popen([sys.executable, "-c", program, url]) for _ in range(3)]
            while connection.scalar(waiting) < len(started):
                assert all(child.poll() is None for child in started), "nobody goes past the lock"
                connection.execute(text("SELECT pg_sleep(0.02)"))
            assert tables(connection) == set()
            return started

        children = with_connection(url, start_and_hold_them_up)
        assert [child.wait(30) for child in children] == [0, 0, 0]
        assert with_connection(url, tables) >= {"batch", "mark"}
