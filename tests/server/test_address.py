"""Where the settings say the database is, and what they must not say."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.config import BadConfig, load
from server.store import address

PLAIN = "postgresql://gatehouse@db.example.invalid/gatehouse"


def test_without_a_word_it_is_a_file_in_the_folder(tmp_path: Path) -> None:
    assert address.of(tmp_path, "") == f"sqlite:///{tmp_path}/gatehouse.db"


@pytest.mark.parametrize(
    "url",
    [
        PLAIN,
        "postgresql://gatehouse@/gatehouse?host=/run/postgresql&port=5432",
        "postgresql://gatehouse@/gatehouse?host=a.example.invalid,b.example.invalid&port=5432,5433&sslmode=verify-full",
        "postgresql://gatehouse@a.example.invalid:5432,b.example.invalid:5433/gatehouse?target_session_attrs=primary",
    ],
)
def test_a_url_stays_as_it_is(tmp_path: Path, url: str) -> None:
    assert address.of(tmp_path, url) == url


@pytest.mark.parametrize(
    "url",
    [PLAIN.replace("@", ":open-sesame@"), PLAIN + "?password=open-sesame"],  # pragma: allowlist secret
)
def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    (tmp_path / "server.toml").write_text(f'database = "{url}"\n')
    with pytest.raises(BadConfig, match="passfile") as caught:
        load(tmp_path)
    assert "open-sesame" not in str(caught.value)


@pytest.mark.parametrize("url", ["mysql://x@/y", "gatehouse.db", "postgresql+asyncpg://x@/y"])
def test_another_database_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(address.BadAddress, match="postgresql://USER@HOST/NAME"):
        address.of(tmp_path, url)


def test_a_passfile_lies_in_the_folder_and_is_its_owners_alone(tmp_path: Path) -> None:
    with pytest.raises(address.BadAddress, match="not there"):
        address.of(tmp_path, f"{PLAIN}?passfile=pg.pass")
    (tmp_path / "pg.pass").touch(0o644)
    with pytest.raises(address.BadAddress, match="chmod 600"):
        address.of(tmp_path, f"{PLAIN}?passfile=pg.pass")
    (tmp_path / "pg.pass").chmod(0o600)
    assert address.of(tmp_path, f"{PLAIN}?passfile=pg.pass") == f"{PLAIN}?passfile={tmp_path}/pg.pass"
