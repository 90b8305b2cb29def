"""A whole centre hands its alarms to a simulated platform: its basis, its row, its settings, its audit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from domain.events import Event
from server.cli import app
from server.feeds.gb28181.making import BadSettings, read_settings
from server.store import address, platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from server.store.platform_tables import handover, platform
from server.store.schema import audit
from tests.rig import until
from tests.server.centre import centre
from tests.server.engines import Engine
from tests.server.gb28181.rig import BUILDING, DOOR, OURS, PASSWORD, SERVER, platform_of
from tests.server.test_platforms import allow

NOW = datetime.now(UTC)
SAID: dict[str, Any] = {
    "server": SERVER,
    "ours": OURS,
    "items": [
        {"item": {"code": BUILDING, "name": "1号楼"}},
        {"item": {"code": DOOR, "name": "1号楼单元门", "parent": BUILDING}, "complex": "garden", "device": "x:1"},
    ],
}


def alarm(number: int, **more: Any) -> Event:
    return Event(kind="alarm", device="x:1", source_event_id=str(number), time=NOW, alarm="sos", **more)


async def add(db: Database, port: int, settings: dict[str, Any] = SAID) -> None:
    said: dict[str, Any] = {"kind": "gb28181", "address": f"sip://127.0.0.1:{port}", "secret_file": "gb.secret"}
    said |= {"is_on": True, "made_at": "2026", "made_by": "wang", "session_at": "2026", "settings": settings}
    async with db.write() as connection:
        assert await platform_rows.add(connection, Platform(id="city", name="市局", **said))


async def test_alarms_of_the_log_reach_the_platform_and_only_on_a_basis(tmp_path: Path, engine: Engine) -> None:
    async with platform_of() as upper, centre(tmp_path, engine) as here:
        (here.house.folder / "gb.secret").write_text(PASSWORD)
        gateway = await here.gateway()
        complex_id = here.house.config.complexes[0].id
        settings = msgspec.json.decode(msgspec.json.encode(SAID).replace(b"garden", complex_id.encode()))
        await add(here.house.db, upper.port, settings)
        await here.wait_for(platform, lambda rows: rows[0]["session"] == "silent")
        await gateway.send(alarm(1))
        await here.settled()
        assert not upper.heard.packets, "with no basis not even a registration leaves"
        await allow(here.house.db, "alarm")
        await until(lambda: OURS in upper.registered)
        await gateway.send(alarm(2), alarm(3), Event(kind="alarm", device="y:9", time=NOW, alarm="sos"))
        rows = await here.wait_for(handover, lambda rows: len(rows) == 3 and all(row["answered_at"] for row in rows))
        assert sorted(row["state"] for row in rows) == ["accepted", "accepted", "refused"]
        assert [row["reason"] for row in rows if row["state"] == "refused"] == [
            "no code for y:9: add it to the platform's items"
        ]
        assert len(upper.heard.alarms) == 2 and not upper.heard.repeats
        await upper.control(OURS, DOOR, "<DoorCmd>Open</DoorCmd>")
        (row,) = await here.wait_for(audit, lambda rows: len(rows) == 1, action="platform.control")
        assert json.loads(row["details"])["refused"] == "no door or barrier is opened by this platform"


async def test_a_device_that_is_away_is_off_in_the_catalogue(tmp_path: Path, engine: Engine) -> None:
    async with platform_of() as upper, centre(tmp_path, engine) as here:
        (here.house.folder / "gb.secret").write_text(PASSWORD)
        gateway = await here.gateway()
        complex_id = here.house.config.complexes[0].id
        settings = msgspec.json.decode(msgspec.json.encode(SAID).replace(b"garden", complex_id.encode()))
        await add(here.house.db, upper.port, settings)
        await allow(here.house.db, "alarm")
        await gateway.send(Event(kind="availability", device="x:1", time=NOW, state="offline"))
        await here.settled()
        await until(lambda: OURS in upper.registered)
        await upper.query(OURS, "Catalog")
        await until(lambda: len(upper.heard.of("Catalog")) == 2)
        states = ["<Status>OFF<" in body for body in upper.heard.of("Catalog")]
        assert states == [False, True]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"server": "12"}, "server"),
        ({"ours": None}, "ours"),
        ({"keepalive_s": 5}, "keepalive_s"),
        ({"password": "x"}, "password"),
        ({"host": "192.0.2.1"}, "host"),
        ({"domain": "a b"}, "domain"),
        ({"alarms": [{"when": {}, "priority": 1, "words": "x"}]}, "alarms"),
        ({"items": [{"item": {"code": DOOR, "name": "a"}}, {"item": {"code": DOOR, "name": "b"}}]}, "items"),
        ({"items": [{"item": {"code": "1", "name": "a"}}]}, "twenty digits"),
    ],
)
def test_settings_that_cannot_be_used_are_refused_where_they_are_wrong(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(BadSettings, match=said):
        read_settings(SAID | changed, "sip://192.0.2.1:5060")
    assert read_settings(SAID, "sip://192.0.2.1").port == 5060


def test_settings_are_entered_from_a_file_and_checked_before_they_are_kept(tmp_path: Path) -> None:
    import asyncio

    data = tmp_path / "data"
    assert CliRunner().invoke(app, ["init", "--data", str(data), "--json"]).exit_code == 0

    async def prepare() -> None:
        db = Database(address.of(data, ""))
        await add(db, 5060, {})
        await db.close()

    asyncio.run(prepare())
    file = tmp_path / "gb.toml"
    file.write_text(f'server = "{SERVER}"\nours = "{OURS}"\n[[items]]\nitem = {{code = "{DOOR}", name = "门"}}\n')
    words = ["platform-settings", "city", str(file), "--data", str(data), "--json"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout)["ours"] == OURS
    file.write_text(f'server = "{SERVER}"\nours = "1"\n')
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and "twenty digits" in done.stderr.replace("\n", " ")
