"""The digest that the command prints is the one that the door reckons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from domain.doors.secrets import digest_of
from server.cli import app

SALT, KEY = "0f" * 16, "ab" * 16


def run(*words: str, typed: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(app, ["desired", "digest", *words], input=typed)
    return done.exit_code, done.output


def test_a_pin_is_typed_and_a_code_is_made(tmp_path: Path) -> None:
    (tmp_path / "site.key").write_text(KEY + "\n")
    key = ("--key-file", str(tmp_path / "site.key"))
    code, told = run("pin", "--salt", SALT, *key, "--json", typed="482913\n")
    assert code == 0
    assert json.loads(told) == {"digest": digest_of("pin", "482913", bytes.fromhex(SALT), bytes.fromhex(KEY))}
    code, told = run("qr", "--salt", SALT, "--new", "--json")
    made: dict[str, Any] = json.loads(told)
    assert code == 0
    assert len(made["code"]) >= 16
    assert made["digest"] == digest_of("qr", made["code"], bytes.fromhex(SALT))


def test_what_cannot_be_is_said() -> None:
    assert run("pin", "--salt", SALT, typed="12\n")[0] == 1
    assert run("pin", "--salt", "00", typed="482913\n")[0] == 1
    assert run("pin", "--salt", "xx", typed="482913\n")[0] == 1
    assert run("pin", "--salt", SALT, "--new")[0] == 1
    assert run("face", "--salt", SALT)[0] == 1
