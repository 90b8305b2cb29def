"""gatehouse-server platform-codes: a sheet in, the list out, and what is wrong with which line."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from server.cli import app
from server.store import address, platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.store.schema import audit
from tests.server.gat1400.centre_side import OURS
from tests.server.gat1400.test_numbers import SHEET


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert CliRunner().invoke(app, ["init", "--data", str(tmp_path / "data"), "--json"]).exit_code == 0
    return tmp_path


def run(folder: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["platform-codes", "district", *words, "--data", str(folder / "data")])
    return done.exit_code, done.stdout, done.stderr


def test_a_sheet_is_entered_listed_and_in_the_audit_book(folder: Path) -> None:
    (folder / "codes.csv").write_text(SHEET, encoding="utf-8-sig")
    code, told, _ = run(folder, str(folder / "codes.csv"), "--by", "li", "--json")
    assert code == 0
    assert [(one["device"], one["code"]) for one in json.loads(told)] == [
        ("uhppote:2", "33010600011250000002"),
        ("vzenith:1", "33010600011190000001"),
    ]
    assert run(folder, "--json")[1] == told
    assert "33010600011190000001" in run(folder)[1].replace("\n", "")


@pytest.mark.parametrize(("text", "said"), [(b"complex,device\n", "no code"), (b"\xb0\xa1", "not UTF-8 at byte 0")])
def test_what_is_wrong_with_a_sheet_is_said(folder: Path, text: bytes, said: str) -> None:
    (folder / "codes.csv").write_bytes(text)
    code, _, error = run(folder, str(folder / "codes.csv"))
    assert code == 1 and said in error
    assert json.loads(run(folder, "--json")[1]) == []


async def test_who_entered_codes_is_in_the_audit_book(tmp_path: Path) -> None:
    def enter() -> None:
        assert CliRunner().invoke(app, ["init", "--data", str(tmp_path / "data"), "--json"]).exit_code == 0
        (tmp_path / "codes.csv").write_text(SHEET)
        assert run(tmp_path, str(tmp_path / "codes.csv"), "--by", "li")[0] == 0

    await asyncio.to_thread(enter)
    db = Database(address.of(tmp_path / "data", ""))
    async with db.read() as connection:
        rows = (await connection.execute(select(audit).where(audit.c.action == "platform.codes"))).mappings().all()
    await db.close()
    assert [(row["who"], row["ref"]) for row in rows] == [("li", "district")]


async def _add(folder: Path) -> None:
    db = Database(address.of(folder, ""))
    async with db.write() as connection:
        one = Platform(id="district", name="分局", kind="gat1400", address="http://192.0.2.1:8120", settings={})
        assert await platform_rows.add(connection, one)
    await db.close()


def settle(folder: Path, text: str) -> tuple[int, str]:
    (folder / "s.toml").write_text(text)
    words = ["platform-settings", "district", str(folder / "s.toml"), "--data", str(folder / "data"), "--json"]
    done = CliRunner().invoke(app, words)
    return done.exit_code, done.stdout + done.stderr


def test_how_a_platform_is_spoken_to_is_checked_before_it_is_kept(folder: Path) -> None:
    assert settle(folder, f'device_id = "{OURS}"')[0] == 1
    asyncio.run(_add(folder / "data"))
    code, told = settle(folder, f'device_id = "{OURS}"\nprofile = "direct"')
    assert code == 0 and json.loads(told) == {"device_id": OURS, "profile": "direct"}
    for text, said in (
        ('device_id = "1"', "device_id"),
        (f'device_id = "{OURS}"\nprofile = "x"', "no profile 'x'"),
        (f'device_id = "{OURS}"\npassword = "x"', "password"),
        ("[[", "s.toml"),
    ):
        code, told = settle(folder, text)
        assert code == 1 and said in told.replace("\n", "")
    done = CliRunner().invoke(app, ["platform-settings", "district", "--data", str(folder / "data"), "--json"])
    assert json.loads(done.stdout) == {"device_id": OURS, "profile": "direct"}
