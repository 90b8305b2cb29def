"""Two thousand gateways at one centre: what each costs while nothing happens, how soon all are back after a restart.

On a machine that others load too, the seconds are theirs as well: the processor time beside them is ours.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from joserfc.jwk import OKPKey

from benchmarks.process import cpu_s, rss_mb
from benchmarks.rows import Row, row
from server.enrolment import gateway_id
from server.store import address, schema
from server.store.engine import Database, stamp
from simulators.broker import NatsBroker
from simulators.fleet.fleet import Fleet
from simulators.fleet.keys import Identity
from simulators.fleet.settings import Settings
from tests.rig import Rig, until

_GATEWAYS, _COMPLEXES = 2_000, 400
_REACH_KB, _REACH_BACK_S = 64, 6.0
_SETTLE_S, _IDLE_S = 10.0, 30.0
_SPREAD_S = 30.0  # they come one after the other; how it is when all come at once is the other figure
_LIMIT_S = 240.0
_WARM = 20
_POLLS = "gatehouse_server_polls_waiting "


async def run(scale: float) -> list[Row]:
    """On SQLite."""
    count = max(10, int(_GATEWAYS * scale))
    complexes = "".join(f'[[complexes]]\nid = "complex-{n}"\nname = "小区 {n}"\n' for n in range(_COMPLEXES))
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        rig = Rig(Path(folder), NatsBroker(), extra_server=complexes)
        try:
            await rig.start_server()
            identities = await identities_in(address.of(rig.server_folder, ""), count)
            async with _playing(rig.url, identities[:_WARM]) as first:
                await _warmed(first)
            async with _playing(rig.url, identities) as fleet:
                idle = await _idle(rig, fleet)
                back = await _back(rig, fleet)
            return [*idle, *back]
        finally:
            rig.stop_all()


async def identities_in(url: str, count: int, complexes: int = _COMPLEXES) -> list[Identity]:
    """So many gateways, known to the centre without the way over a code each."""
    keys = [OKPKey.generate_key("Ed25519") for _ in range(count)]
    found = [
        Identity(gateway_id(key.as_dict(private=False)), f"complex-{n % complexes}", key.as_dict(private=True))
        for n, key in enumerate(keys)
    ]
    now = stamp(datetime.now(UTC))
    rows: list[dict[str, Any]] = [
        {"id": one.gateway, "complex": one.complex, "public_key": key.as_dict(private=False), "enrolled_at": now}
        for one, key in zip(found, keys, strict=True)
    ]
    db = Database(url)
    async with db.write() as connection:
        await connection.execute(schema.gateway.insert(), rows)
    await db.close()
    return found


@asynccontextmanager
async def _playing(server: str, identities: list[Identity]) -> AsyncGenerator[Fleet]:
    calm = dict.fromkeys(("wrong_clocks", "old_versions", "doubled", "late", "outages_an_hour", "floods_an_hour"), 0.0)
    fleet = Fleet(
        server, identities, Settings(gateways=len(identities), minutes=0, events=0.0, spread_s=_SPREAD_S, **calm)
    )
    yield fleet
    await fleet.close()


async def _warmed(fleet: Fleet) -> None:
    """What the first of its kind costs is not the gateways'."""
    playing = asyncio.create_task(fleet.run())
    await until(lambda: fleet.online == len(fleet.lives), _LIMIT_S)
    playing.cancel()


async def _idle(rig: Rig, fleet: Fleet) -> list[Row]:
    """Resident memory and processor time of the server by gateway, while all wait and nothing happens."""
    async with aiohttp.ClientSession() as session, session.get(f"{rig.url}/login") as response:
        await response.read()  # templates and the like are not the gateways'
    before_mb = rss_mb(rig.server.pid)
    playing = asyncio.create_task(fleet.run())
    await until(lambda: fleet.online == len(fleet.lives), _LIMIT_S)
    await asyncio.sleep(_SETTLE_S)
    used_s, own_s, began_s = cpu_s(rig.server.pid), time.process_time(), time.monotonic()
    await asyncio.sleep(_IDLE_S)
    took_s, after_mb, count = time.monotonic() - began_s, rss_mb(rig.server.pid), len(fleet.lives)
    core = (cpu_s(rig.server.pid) - used_s) / took_s
    own = (time.process_time() - own_s) / took_s
    playing.cancel()
    kb = round((after_mb - before_mb) * 1_024 / count, 1)
    what = f"{count:,} gateways that wait"
    return [
        row(f"{what}, resident a gateway", kb, "kB", at_most=_REACH_KB, before_mb=before_mb, after_mb=after_mb),
        row(f"{what}, of a core", round(core, 3), "cores", simulator=round(own, 3)),
    ]


async def _back(rig: Rig, fleet: Fleet) -> list[Row]:
    """Killed and started again: until each has had a batch acknowledged and would hear of an order at once.

    When it next says how it is (``hello_s``) is for the centre to say: with so many, every 25 s.
    """
    refused = _refused(fleet)
    rig.server.kill()
    for life in fleet.lives:
        life.refusals, life.online, life.served = 0, False, 0
        life.box.happens(datetime.now(UTC), fleet.chance)
        life.some.set()
    killed_s = time.monotonic()
    await rig.start_server()
    ready_s, base_s, base_mb = time.monotonic(), cpu_s(rig.server.pid), rss_mb(rig.server.pid)
    async with aiohttp.ClientSession() as session:
        await _stand(session, rig.url, fleet)
    back_s, used_s = time.monotonic() - ready_s, cpu_s(rig.server.pid) - base_s
    await until(lambda: all(life.online for life in fleet.lives), _LIMIT_S)
    hello_s = time.monotonic() - ready_s
    twice = sum(life.refusals > 1 for life in fleet.lives)
    seconds = {"from_kill_s": round(ready_s - killed_s + back_s, 1), "hello_s": round(hello_s, 1)}
    beside: dict[str, Any] = {**seconds, "refused": _since(refused, _refused(fleet))}
    return [
        row("all back after a restart", round(back_s, 1), "s", at_most=_REACH_BACK_S, **beside),
        row("processor time for that", round(used_s, 2), "s", a_gateway_ms=round(used_s * 1_000 / len(fleet.lives), 2)),
        row("resident after that, a gateway", _kb(rig, base_mb, len(fleet.lives)), "kB"),
        row("refused twice", twice, "gateways", at_most=0),
    ]


async def _stand(session: aiohttp.ClientSession, url: str, fleet: Fleet) -> None:
    """Until every gateway's batch is acknowledged, and so many long polls wait."""
    async with asyncio.timeout(_LIMIT_S):
        while any(life.box.backlog for life in fleet.lives) or await _polls(session, url) < len(fleet.lives):
            await asyncio.sleep(0.2)


async def _polls(session: aiohttp.ClientSession, url: str) -> int:
    async with session.get(f"{url}/metrics") as response:
        figures = await response.text()
    return next(int(float(line.split()[-1])) for line in figures.splitlines() if line.startswith(_POLLS))


def _kb(rig: Rig, before_mb: float, count: int) -> float:
    return round((rss_mb(rig.server.pid) - before_mb) * 1_024 / count, 1)


def _refused(fleet: Fleet) -> dict[str, int]:
    return dict(fleet.report.refused)


def _since(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    return {word: count - before.get(word, 0) for word, count in after.items() if count != before.get(word, 0)}
