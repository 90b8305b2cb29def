"""Real processes: a day adds up over a cut and a kill, and a record removed by hand is red at every place."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import msgspec
import pytest

from simulators.broker import NatsBroker
from simulators.devices.uhppoted import Controller
from simulators.faults import Uplink
from simulators.load import publish
from simulators.products import command
from tests.made import adopt
from tests.rig import Rig, until

pytestmark = pytest.mark.faults
FORCED = 38
CONTROLLER = Controller(405419896, ZoneInfo("Asia/Shanghai"))


class Site:
    """A rig whose uplink can be cut, and its numbers of the swipes sent so far."""

    def __init__(self, folder: Path) -> None:
        self.rig = Rig(folder, NatsBroker())
        self.uplink: Uplink
        self.swipes = 0

    async def start(self) -> None:
        await adopt(self.rig)
        self.rig.broker.start()
        await self.rig.start_server()
        self.uplink = Uplink(int(self.rig.url.rsplit(":", 1)[1]))
        await self.uplink.start()
        self.rig.write_edge_settings(f"http://127.0.0.1:{self.uplink.port}")
        await self.rig.start_edge()
        await self.rig.drained(1)

    async def stop(self) -> None:
        self.rig.stop_all()
        await self.uplink.stop()

    async def swipe(self, count: int) -> None:
        """So many swipes; until the gateway's log has them."""
        now, before = datetime.now(UTC), self.rig.edge_head()
        messages = [
            CONTROLLER.swipe(1, 8_165_537, 1, now + timedelta(milliseconds=number))[0]
            for number in range(self.swipes, self.swipes + count)
        ]
        self.swipes += count
        await publish("127.0.0.1", self.rig.broker.port, [(m.topic, m.payload) for m in messages], connections=1)
        await until(lambda: self.rig.edge_head() >= before + count)

    async def compared(self, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """What the centre's command says, and its exit status; it also asks the gateway for its numbers."""
        folder = str(self.rig.server_folder)
        return await printed("gatehouse-server", "conservation", "--data", folder, "--json", *arguments)

    async def until_all(self, verdict: str) -> list[dict[str, Any]]:
        """Ask and compare until every day and stream has the verdict, by statements made after the call."""
        since = datetime.now(UTC).isoformat()
        await self.compared("--ask")
        heads = "SELECT 1 FROM statement_head WHERE received_at > ?"
        await until(lambda: self.rig.centre_query(heads, since))
        async with asyncio.timeout(60):
            while True:
                status, lines = await self.compared()
                if {line["verdict"] for line in lines} == {verdict}:
                    assert status == 0
                    return lines

    async def until_broken(self, stream: str, name: str) -> dict[str, Any]:
        """Until the centre's command fails for a stream; the line that says why."""
        await self.compared("--ask")
        async with asyncio.timeout(60):
            while True:
                status, lines = await self.compared()
                found = [line for line in lines if line["stream"] == stream and name in line["differences"]]
                assert status == int(any(line["differences"] for line in lines))
                if found:
                    return found[0]

    def remove(self, file: Path, sql: str) -> int:
        """What a hand does to a database."""
        with closing(sqlite3.connect(file, timeout=20)) as db, db:
            return db.execute(sql).rowcount

    async def pages(self) -> tuple[str, str]:
        """The gateways page and the page it leads to, as an operator sees them."""
        async with httpx.AsyncClient(base_url=self.rig.url, headers={"Accept": "text/html"}) as client:
            account = self.rig.account
            form = {"username": account["username"], "password": account["password"], "next": "/"}
            assert (await client.post("/login", data=form)).status_code == 303
            ((gateway,),) = self.rig.centre_query("SELECT id FROM gateway")
            answers = [await client.get(path) for path in ("/gateways", f"/gateways/{gateway}/conservation")]
            assert [answer.status_code for answer in answers] == [200, 200]
            return answers[0].text, answers[1].text

    def gap_alerts(self) -> list[tuple[str, str]]:
        """Points of alerts, and their events."""
        return self.rig.centre_query("SELECT point, event FROM alert WHERE rule = 'conservation_gap' ORDER BY point")


def red_on(fleet: str) -> str:
    """How many of its days do not add up, as the fleet's page says in red; "" where all do."""
    found = re.findall(r'class="number bad"><a href="/gateways/[^/]+/conservation">([^<]+)</a>', fleet)
    return "".join(found)


async def printed(name: str, *arguments: str) -> tuple[int, Any]:
    """A command's exit status, and the JSON it printed."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(command(name), *arguments, stdout=pipe, stderr=pipe)
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode in (0, 1), err.decode()
    return process.returncode, msgspec.json.decode(out)


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(tmp_path)
    try:
        await made.start()
        yield made
    finally:
        await made.stop()


async def test_a_day_adds_up_over_a_cut_and_a_kill_and_a_removed_record_is_red(site: Site) -> None:
    rig, log = site.rig, site.rig.edge_folder / "data" / "log.db"
    await site.swipe(60)
    site.uplink.cut()
    await site.swipe(80)
    rig.edge.send(signal.SIGKILL)
    await until(lambda: not rig.edge.running)
    await rig.start_edge()
    await site.swipe(20)
    site.uplink.restore()
    await rig.drained(160)
    lines = await site.until_all("balanced")
    assert sum(line["numbers"]["produced"] for line in lines) == rig.edge_head() == rig.centre_count()
    gateways, page = await site.pages()
    assert red_on(gateways) == "" and '<tr class="broken">' not in page
    assert site.gap_alerts() == []

    # One that was never sent, from the gateway's log.
    site.uplink.cut()
    await site.swipe(5)
    assert site.remove(log, "DELETE FROM record WHERE key = (SELECT max(key) - 2 FROM record)") == 1
    status, said = await printed("gatehouse-edge", "statement", "--config", str(rig.edge_config), "--json")
    assert (status, said["adds_up"]) == (1, False)
    site.uplink.restore()
    line = await site.until_broken("routine", "missing_at_gateway")
    assert line["differences"]["missing_at_gateway"] == 1
    day = line["day"]
    await until(site.gap_alerts)
    gateways, page = await site.pages()
    assert red_on(gateways) == "1"
    assert f'<tr class="broken"><th scope="row">{day}</th>' in page and "网关上缺少（条） <b>1</b>" in page
    ((point, event),) = site.gap_alerts()
    assert point == f"{day} routine" and msgspec.json.decode(event)["metrics"]["missing_at_gateway"] == 1.0

    # And a batch that was received, from the centre's database.
    alarm = CONTROLLER.alarm(1, FORCED, datetime.now(UTC))
    await publish("127.0.0.1", rig.broker.port, [(m.topic, m.payload) for m in alarm], connections=1)
    urgent = "SELECT last - first + 1 FROM batch WHERE stream = 'urgent' AND gateway LIKE 'gw-%'"
    await until(lambda: rig.centre_query(urgent))
    ((count,),) = rig.centre_query(urgent)
    centre = rig.server_folder / "gatehouse.db"
    assert site.remove(centre, "DELETE FROM batch WHERE stream = 'urgent' AND gateway LIKE 'gw-%'") == 1
    line = await site.until_broken("urgent", "missing_at_centre")
    assert line["differences"] == {"missing_at_centre": count}
    await until(lambda: len(site.gap_alerts()) == 2)
    gateways, page = await site.pages()
    assert red_on(gateways) == "2" and f"中心缺少（条） <b>{count}</b>" in page
    assert [point for point, _ in site.gap_alerts()] == [f"{day} routine", f"{line['day']} urgent"]
