"""The centre's disk is lost: gateways enrol with the key they have and fill it again, record by record, to the same."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.ids import Origin
from simulators.broker import NatsBroker
from simulators.devices import vzenith
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from simulators.products import command
from tests.books import unbalanced
from tests.made import start_copy
from tests.rig import Rig, until

pytestmark = pytest.mark.faults
CAMERA = vzenith.Camera("in-1", "东门入口")
JPEG = b"\xff\xd8\xff\xe0 car %d"


async def traffic(rig: Rig, controller: Controller, cars: range) -> None:
    """Plates with pictures, and a swipe beside each."""
    now = datetime.now(UTC) - timedelta(minutes=1)
    messages = []
    for car in cars:
        at = now + timedelta(milliseconds=car)
        messages += controller.swipe(1 + car % 4, 8_165_537, 1, at)
        plate = vzenith.Plate(text=f"粤B{10_000 + car}", scene=JPEG % car)
        messages.append(vzenith.plate(CAMERA, plate, car + 1, at))
    await publish("127.0.0.1", rig.broker.port, [(one.topic, one.payload) for one in messages], connections=1)


def held(rig: Rig) -> dict[Origin, dict[str, Any]]:
    """What came from the gateway; what the centre found out itself is in its log too."""
    return {origin: event for origin, event in rig.centre_events() if origin.gateway.startswith("gw-")}


def pictures(rig: Rig) -> set[str]:
    return {row[0] for row in rig.centre_query("SELECT sha256 FROM media")}


async def test_a_centre_without_its_disk_is_filled_again_to_the_same_records(tmp_path: Path) -> None:
    rig, controller = Rig(tmp_path, NatsBroker()), Controller(405419896, ZoneInfo("Asia/Shanghai"))
    try:
        await start_copy(rig)
        await traffic(rig, controller, range(40))
        await rig.drained(80)
        await until(lambda: len(pictures(rig)) == 40)
        before, seen = held(rig), pictures(rig)
        rig.server.kill()
        shutil.rmtree(rig.server_folder)
        await traffic(rig, controller, range(40, 50))
        await rig.start_server()
        await rig.enrol()
        rig.edge.stop()
        await rig.start_edge()
        await rig.drained(len(before) + 20)
        after = held(rig)
        assert {origin: after.get(origin) for origin in before} == before
        assert len(rig.centre_events()) == len(after) == rig.edge_head(), "and nothing twice"
        assert rig.centre_query("SELECT count(*) FROM gap") == [(0,)]
        await until(lambda: pictures(rig) >= seen and len(pictures(rig)) == 50)
        assert await unbalanced(rig) == []
    finally:
        rig.stop_all()


async def test_rows_that_the_centre_finds_damaged_are_asked_for_and_come_back_the_same(tmp_path: Path) -> None:
    rig, controller = Rig(tmp_path, NatsBroker()), Controller(405419896, ZoneInfo("Asia/Shanghai"))
    try:
        await start_copy(rig)
        await traffic(rig, controller, range(30))
        await rig.drained(60)
        before = held(rig)
        with closing(sqlite3.connect(rig.server_folder / "gatehouse.db", timeout=10)) as db, db:
            db.execute("DELETE FROM batch WHERE stream = 'money' AND first = (SELECT min(first) FROM batch)")
            db.execute("UPDATE batch SET body = zeroblob(length(body)) WHERE stream = 'routine'")
        shown = await verify(rig)
        assert shown["damaged_or_lost_ranges"] >= 2
        await until(lambda: rig.centre_query("SELECT count(*) FROM wanted") == [(0,)])
        assert held(rig) == before
        assert (await verify(rig))["damaged_or_lost_ranges"] == 0
        assert await unbalanced(rig) == []
    finally:
        rig.stop_all()


async def verify(rig: Rig) -> dict[str, Any]:
    """What ``gatehouse-server verify`` says, beside the running server; its exit status tells whether all was well."""
    process = await asyncio.create_subprocess_exec(
        command("gatehouse-server"),
        "verify",
        "--data",
        str(rig.server_folder),
        "--json",
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    shown = json.loads(said)
    assert process.returncode == (1 if shown["damaged_or_lost_ranges"] else 0)
    return shown
