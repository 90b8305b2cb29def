"""The doctor: well where all is well; each thing that is not, by its name, with what to do."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from ssl import PROTOCOL_TLS_SERVER, SSLContext

import msgspec
import pytest
from sqlalchemy import text, update
from typer.testing import CliRunner

from domain.findings import Finding
from server.bootstrap import close_house, open_house
from server.cli import app
from server.config import Config
from server.doctor import examination, machine, postgres
from server.house import House
from server.store.schema import gateway
from tests.server.engines import Engine
from tests.server.filled import fill_city
from tests.server.rows import ago

NOW = datetime.now(UTC)
LOOKS = {"enrolment", "channels", "room on the disk", "connections", "version"}  # that a bare centre deserves
SETTINGS = """\
port = 0
database = "{database}"
public_url = "http://127.0.0.1:9"
[[complexes]]
id = "garden"
name = "花园"
"""


def by_name(findings: list[Finding], level: str = "") -> dict[str, Finding]:
    return {finding.name: finding for finding in findings if not level or finding.level == level}


async def examined(folder: Path) -> list[Finding]:
    return await examination.examine(folder, datetime.now(UTC))


@contextmanager
def made(folder: Path, engine: Engine) -> Iterator[str]:
    folder.chmod(0o700)
    with engine.database() as database:
        (folder / "server.toml").write_text(SETTINGS.format(database=database))
        yield database


async def house_of(folder: Path, database: str) -> House:
    return await open_house(folder, Config(database=database))


async def test_a_centre_that_is_well(engine: Engine, tmp_path: Path) -> None:
    with made(tmp_path, engine) as database:
        await close_house(await house_of(tmp_path, database))
        found = await examined(tmp_path)
        wrong = by_name(found, "error").keys() - {"durability"}  # the tests' PostgreSQL has fsync off, to be quick
        assert not wrong, found
        assert by_name(found, "warn").keys() <= LOOKS, found
        named = by_name(found)
        assert named["schema"].level == named["pictures"].level == named["readers"].level == "ok"
        if database:
            assert named["durability"].level == "error" and "fsync" in named["durability"].cause
            assert named["encoding and collation"].level == named["clock"].level == "ok"
            assert "nobody stands by" in named["replication"].cause


async def test_what_is_wrong_in_the_database_is_named(engine: Engine, tmp_path: Path) -> None:
    with made(tmp_path, engine) as database:
        house = await house_of(tmp_path, database)
        await fill_city(house)
        async with house.db.write() as connection:
            long_ago = ago(hours=3).isoformat(timespec="milliseconds")
            await connection.execute(text("UPDATE batch SET received_at = :at, shard = 3"), {"at": long_ago})
            await connection.execute(update(gateway).values(last_seen_at="2026-01-01T00:00:00.000Z"))
        found = by_name(await examined(tmp_path))
        assert found["readers"].level == "error" and "behind since" in found["readers"].cause
        assert found["gateways"].level == "warn" and "silent" in found["gateways"].cause
        for revision, level in (("0001", "warn"), ("9999", "error")):
            async with house.db.write() as connection:
                await connection.execute(text(f"UPDATE alembic_version SET version_num = '{revision}'"))
            schema = by_name(await examined(tmp_path))["schema"]
            assert (schema.level, revision in schema.cause) == (level, True)
            async with house.db.read() as connection:
                now_is = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()
            assert now_is == revision, "the doctor brings nothing up to date"
        await close_house(house)


async def test_no_database_is_said_and_the_rest_is_looked_at(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "server.toml").write_text(SETTINGS.format(database=""))
    found = by_name(await examined(tmp_path))
    assert found["line"].level == "error" and "init" in found["line"].next_step
    assert not (tmp_path / "gatehouse.db").exists()
    (tmp_path / "server.toml").write_text(SETTINGS.format(database="postgresql://x@127.0.0.1:9/none"))
    found = by_name(await examined(tmp_path))
    assert found["line"].level == "error" and found["pictures"].level == "ok"


async def test_settings_files_and_folders_that_others_may_read(tmp_path: Path) -> None:
    webhook = '[[webhooks]]\nname = "office"\nurl = "http://127.0.0.1:9/x"\nsecret_file = "office.secret"\n'
    body = SETTINGS.format(database="").replace('name = "花园"', 'name = "花园"\ntariff = "none.yaml"')
    (tmp_path / "server.toml").write_text(f'tls_cert_file = "none.pem"\n{body}{webhook}')
    (tmp_path / "office.secret").write_text("s")
    (tmp_path / "office.secret").chmod(0o644)
    tmp_path.chmod(0o755)
    found = by_name(await examined(tmp_path))
    assert found["tariffs"].level == found["enrolment"].level == "error"
    assert found["secrets"].level == found["data folder"].level == "warn"
    assert "chmod 600" in found["secrets"].next_step


async def test_a_damaged_file_is_seen(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "server.toml").write_text(SETTINGS.format(database=""))
    house = await house_of(tmp_path, "")
    await fill_city(house)
    await close_house(house)
    with (tmp_path / "gatehouse.db").open("r+b") as file:
        for page in range(20, 60):
            file.seek(page * 4096 + 100)
            file.write(b"\xff" * 3000)
    found = by_name(await examined(tmp_path))
    assert found["contents"].level == "error" and "restore" in found["contents"].next_step


def test_durability_clock_and_standbys_of_postgresql() -> None:
    assert [one.level for one in postgres._durability({"fsync": "on", "synchronous_commit": "on"})] == ["ok"]
    off = next(postgres._durability({"fsync": "on", "synchronous_commit": "off", "full_page_writes": "off"}))
    assert off.level == "error" and "synchronous_commit, full_page_writes" in off.cause
    assert postgres._clock(NOW + timedelta(seconds=90), NOW).level == "error"
    assert postgres._clock(NOW - timedelta(seconds=5), NOW).level == "warn"
    assert postgres._collation(("UTF8", "zh_CN.UTF-8", "2.31", "2.36")).level == "error"
    assert postgres._collation(("UTF8", "zh_CN.UTF-8", "2.36", "2.36")).level == "warn"
    assert postgres._collation(("SQL_ASCII", "C", None, None)).level == "error"


@contextmanager
def https(folder: Path) -> Iterator[tuple[int, Path]]:
    """A port with a certificate of its own making."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    words = ["req", "-x509", *curve, "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    subprocess.run(["openssl", *words, "-keyout", key, "-out", cert], check=True, capture_output=True)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = SSLContext(PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, cert
    server.shutdown()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_fingerprint_that_gateways_are_told_is_that_of_the_proxy(tmp_path: Path) -> None:
    with https(tmp_path) as (port, cert):
        config = Config(public_url=f"https://localhost:{port}", tls_cert_file=str(cert))
        assert [one.level for one in machine.certificate(tmp_path, config, NOW)] == ["ok"]
        other = msgspec.structs.replace(config, tls_cert_file="", tls_fingerprint="ab" * 32)
        (finding,) = machine.certificate(tmp_path, other, NOW)
        assert finding.level == "error" and "will not enrol" in finding.cause
    (finding,) = machine.certificate(tmp_path, config, NOW)
    assert finding.level == "error" and "refused" in finding.cause


def test_the_command_says_it_as_json_and_by_its_exit(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    ended = CliRunner().invoke(app, ["doctor", "--data", str(tmp_path), "--json"])
    said = msgspec.json.decode(ended.stdout)
    assert ended.exit_code == said["exit"] == 2
    assert said["findings"][0]["name"] == "server.toml"
    assert "server.toml" in CliRunner().invoke(app, ["doctor", "--data", str(tmp_path)]).stdout
