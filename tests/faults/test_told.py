"""A centre that is killed while it tells people: nothing is lost, and nobody is told of what was taken."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.duty.acts import Acknowledge
from domain.duty.machine import Duty, Matter
from domain.duty.plan import BUILT_IN
from domain.duty.rota import Rota
from domain.places import Place
from server.store import address, delivery_rows, duty_rows
from server.store.engine import Database
from simulators.channels.server import FarEnds
from simulators.processes import Child
from simulators.products import ask, command
from tests.faults.story import Story, choose
from tests.rig import start, until

pytestmark = pytest.mark.faults

MATTERS = choose(40, 600)
KILLS = choose(2, 20)
SETTINGS = """\
port = 0
[[complexes]]
id = "garden"
name = "测试小区"
[channels.night]
kind = "wecom"
key_file = "wecom.key"
gateway = "{url}"
desks = ["complex"]
"""


async def bring(db: Database, duty: Duty, taken: frozenset[int]) -> None:
    """Emergencies with nobody on duty; some are taken at once, their step left in the queue as a slow writer would."""
    for number in range(MATTERS):
        now, name = datetime.now(UTC), f"m{number}"
        state, steps = duty.opened(Matter(name, "garden", "security", "critical"), now)
        moved = duty_rows.Moved(duty_rows.Matter(state, "门", now), steps, None, is_new=True)
        async with db.write("garden") as connection:
            await duty_rows.keep(connection, [moved], now)
        if number in taken:
            after, _ = duty.apply(state, Acknowledge(key="k", by="li", level="complex"), now)
            late = duty_rows.Moved(duty_rows.Matter(after, "门", now), (), None, is_new=True)
            async with db.write("garden") as connection:
                await duty_rows.keep(connection, [late], now)


async def test_nothing_is_lost_and_nothing_old_is_sent_over_kills(tmp_path: Path, story: Story) -> None:
    folder, dice, ends = tmp_path / "centre", random.Random(story.seed), FarEnds()
    await ends.start()
    folder.mkdir()
    ends.write_secrets(folder)
    (folder / "server.toml").write_text(SETTINGS.format(url=ends.url))
    await ask("gatehouse-server", "init", "--data", str(folder))
    taken = frozenset(dice.sample(range(MATTERS), MATTERS // 6))
    db = Database(address.of(folder, ""))
    await bring(db, Duty(BUILT_IN, Rota(), Place()), taken)
    server = Child("server", [command("gatehouse-server"), "serve", "--data", str(folder)], tmp_path)

    for _ in range(KILLS):
        already = len(ends.kept.messages)
        await start(server, "ready http")
        await until(lambda had=already: len(ends.kept.messages) > had + dice.randrange(8))
        server.kill()
    await start(server, "ready http")
    wanted = MATTERS - len(taken)
    states: Counter[str] = Counter()

    async def look() -> bool:
        async with db.read() as connection:
            rows = [await delivery_rows.of_incident(connection, f"m{number}", 9) for number in range(MATTERS)]
        states.clear()
        states.update(row.state for one in rows for row in one)
        return states["sent"] == wanted

    async with asyncio.timeout(60):
        while not await look():
            await asyncio.sleep(0.1)
    repeats = len(ends.kept.messages) - wanted
    assert 0 <= repeats <= KILLS * 16, "a kill repeats no more than was under way"
    assert states == {"sent": wanted}, "of what was taken there is no delivery at all"
    server.stop()
    await db.close()
    await ends.stop()
