"""Two server processes on one PostgreSQL, killed by turns: nothing lost, nothing twice, and the other does the work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from eventlog.shards import SHARDS
from simulators.postgres import Postgres
from simulators.processes import Child
from tests.centre_sql import on_postgres
from tests.faults.chain import ended, mutant, patient_broker
from tests.faults.invariants import Fact, Findings, must_hold
from tests.faults.load import loaded, settled
from tests.faults.story import Story, choose
from tests.rig import Rig, start, until

pytestmark = [pytest.mark.faults, pytest.mark.long]

KILLS, RATE = choose(3, 20), 200.0
WORKS = (
    *("conservation", "retention", "rollouts", "used_codes", "ledger", "joins", "duty", "channels", "care"),
    *("watch", "platforms", "silent_gateways", "back_again"),
)
LEASES = SHARDS + len(WORKS)
MOVED_WITHIN_S = 10.0  # a promise: a killed process's shards are another's by then
# Sessions that hold leases (server/leases.py), each with how many.
_LEASES = """SELECT pid, CAST(count(*) AS bigint) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE locktype = 'advisory' AND classid = 7402 AND granted AND datname = current_database() GROUP BY pid"""
_COUNTED = "SELECT CAST(coalesce(sum(granted + denied), 0) AS bigint) FROM door"


class City:
    """A rig on PostgreSQL, and a second server process beside its own, on the same database and the same pictures."""

    def __init__(self, rig: Rig, url: str) -> None:
        self.rig, self.url = rig, url
        self.folder = rig.folder / "second"
        serve = [*rig.server.command[:-1], str(self.folder)]
        self.second = Child("second", serve, rig.folder)

    async def start(self) -> None:
        self.rig.broker.start()
        await self.rig.start_server()
        self.folder.mkdir()
        settings = (self.rig.server_folder / "server.toml").read_text().splitlines()
        lines = ["port = 0" if line.startswith("port") else line for line in settings]
        (self.folder / "server.toml").write_text("\n".join(lines))
        (self.folder / "tariff.yaml").write_bytes((self.rig.server_folder / "tariff.yaml").read_bytes())
        (self.folder / "media").symlink_to(self.rig.server_folder / "media")
        await start(self.second, "ready http")
        await self.rig.enrol()
        await self.rig.start_edge()
        await self.shared_out()

    def leases(self) -> list[int]:
        """How many each process holds, the fewest first."""
        return sorted(count for _, count in on_postgres(self.url, _LEASES))

    async def shared_out(self) -> None:
        await until(lambda: len(self.leases()) == 2 and sum(self.leases()) == LEASES, 30.0)

    async def kill(self, story: Story, number: int) -> None:
        """kill -9 of one; the time until the other has everything; and start it again."""
        killed = (self.rig.server, self.second)[number % 2]
        killed.kill()
        began = time.monotonic()
        await until(lambda: self.leases() == [LEASES], MOVED_WITHIN_S)
        story.tell(moved_s=max(story.counts.get("moved_s", 0.0), round(time.monotonic() - began, 2)))
        await start(killed, "ready http")
        await self.shared_out()
        story.add(kills=1)


@asynccontextmanager
async def city(folder: Path, centre: list[str] | None = None) -> AsyncGenerator[City]:
    with Postgres() as postgres:
        made = City(Rig(folder, patient_broker(), centre=centre, database=postgres.url()), postgres.url())
        async with ended(made.rig, enrolled=False):
            try:
                await made.start()
                yield made
            finally:
                made.second.kill()


async def killed_by_turns(story: Story, folder: Path, centre: list[str] | None = None) -> Findings:
    """Under load; what is found when all has settled, and how often each swipe was counted."""
    async with city(folder, centre) as made:
        async with loaded(made.rig, RATE) as published:
            for number in range(KILLS):
                await asyncio.sleep(1.0)
                await made.kill(story, number)
            await asyncio.sleep(1.0)
        findings = await settled(made.rig, published.facts)
        swipes = swipes_of(published.facts)
        await until(lambda: on_postgres(made.url, _COUNTED)[0][0] >= swipes, 30.0)
        story.tell(swipes=swipes, swipes_counted=on_postgres(made.url, _COUNTED)[0][0], **findings.counts())
        return findings


def swipes_of(facts: set[Fact]) -> int:
    return sum(device.startswith("uhppoted:") for device, _ in facts)


async def test_either_is_killed_and_the_other_goes_on(story: Story, tmp_path: Path) -> None:
    must_hold(await killed_by_turns(story, tmp_path))
    assert story.counts["swipes_counted"] == story.counts["swipes"]


async def test_control_whose_work_nobody_takes_over_is_seen(story: Story, tmp_path: Path) -> None:
    """The positive control: processes that take their part once. What the killed one did stays undone."""
    with pytest.raises(AssertionError, match="not so after 10"):
        await killed_by_turns(story, tmp_path, centre=mutant("holds_on"))
