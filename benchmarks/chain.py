"""The whole chain, a fleet at the same centre: device message → patrol's DOM, a thousand screens, a flood."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from PIL import Image

from benchmarks.fleet import identities_in
from benchmarks.intake import brokers
from benchmarks.messages import Message, forced_door_messages
from benchmarks.patrol import answers_ms, comes, patrol, shown
from benchmarks.rows import Row, percentile, row
from benchmarks.watchers import Watchers
from server.store import address
from simulators import mqtt_wire
from simulators.devices import frigate
from simulators.fleet import keys
from simulators.load import publish
from simulators.pictures.canvas import jpeg
from simulators.processes import Child
from simulators.products import ask
from tests.rig import COMPLEX, Rig, start, until

_GATEWAYS, _COMPLEXES, _TIMES_PEAK = 2_000, 400, 3.25  # 1,500 events a second
_ALARMS, _P50_MS, _P99_MS = 120, 200, 1_000
_PICTURES = 40  # cameras, each with one alert and its one picture
_SCREENS, _SCREEN_ALARMS, _SCREEN_P99_MS = 1_000, 20, 80
_FLOOD, _FLOOD_S = 10_000, 60
_LIMIT_S = 120.0


async def run(scale: float) -> list[Row]:
    """On SQLite; the fleet, the browser and the screens take of the same processors."""
    complexes = "".join(f'[[complexes]]\nid = "complex-{n}"\nname = "小区 {n}"\n' for n in range(_COMPLEXES))
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        here = Rig(Path(folder), brokers()[-1](), extra_server=complexes, extra_edge=_cameras())
        try:
            await here.start_all()
            here.account = await _somebody(here)
            async with _fleet(here, max(20, int(_GATEWAYS * scale))):
                rows = await _to_the_patrol(here, max(10, int(_ALARMS * scale)))
                rows += await _with_a_picture(here, max(5, min(_PICTURES, int(_PICTURES * scale))))
                rows += await _to_a_thousand(here, max(20, int(_SCREENS * scale)))
            return rows + await _flooded(here, max(200, int(_FLOOD * scale)))
        finally:
            here.stop_all()


async def _somebody(here: Rig) -> dict[str, Any]:
    """A patrol member of the one complex whose agent is real."""
    told = ("patrol", "--complex", COMPLEX, "--data", str(here.server_folder))
    return await ask("gatehouse-server", "add-account", *told)


@asynccontextmanager
async def _fleet(here: Rig, count: int) -> AsyncGenerator[None]:
    """Gateways that send three times a city's peak, until the block ends."""
    file = here.folder / "fleet-keys.json"
    keys.save(await identities_in(address.of(here.server_folder, ""), count, _COMPLEXES), file)
    command = [sys.executable, "-m", "benchmarks.fleet_load", here.url, str(file), str(_TIMES_PEAK)]
    child = Child("fleet", command, here.folder)
    try:
        await start(child, "ready", _LIMIT_S)
        yield
    finally:
        child.stop(5.0)


async def _to_the_patrol(here: Rig, count: int) -> list[Row]:
    """One forced door after the other, at no beat that a look of ours could fall in with."""
    before, began = here.centre_count(), time.monotonic()
    delays_ms, chance = list[float](), random.Random(1)
    messages = _forced(count, 0)
    async with patrol(here.url, here.account["username"], here.account["password"]) as page:
        for number, message in enumerate(messages):
            await asyncio.sleep(chance.uniform(0.1, 0.6))
            known, sent_s = len(await shown(page)), time.time()
            await _say(here.broker.port, message, number)
            delays_ms.append((await comes(page, known, _LIMIT_S) - sent_s) * 1_000)
    rate = round((here.centre_count() - before) / (time.monotonic() - began))
    beside = {"alarms": count, "fleet_events_per_s": rate, "most_ms": round(max(delays_ms))}
    p50, p99 = round(percentile(delays_ms, 0.5)), round(percentile(delays_ms, 0.99))
    what = "device message → patrol's DOM, the fleet beside it"
    return [
        row(f"{what}: p50", p50, "ms", at_most=_P50_MS, **beside),
        row(f"{what}: p99", p99, "ms", at_most=_P99_MS, **beside),
    ]


def _cameras() -> str:
    """Of the agent's list: each at a place of its own, so that no alert gets the picture of another."""
    lines = 'id = "frigate:yard{n}"\nplace = "围墙 {n}"\nzone = "restricted"\n'
    return "".join("\n[[devices]]\n" + lines.format(n=number) for number in range(_PICTURES))


async def _with_a_picture(here: Rig, count: int) -> list[Row]:
    """A person at a fence: from the camera's message until the picture is drawn on the patrol's screen."""
    delays_ms, chance = list[float](), random.Random(2)
    async with patrol(here.url, here.account["username"], here.account["password"]) as page:
        for number in range(count):
            await asyncio.sleep(chance.uniform(0.1, 0.6))
            known, sent_s = len(await shown(page, "pictured")), time.time()
            for message in _person_at(number):
                await _say(here.broker.port, message, number)
            delays_ms.append((await comes(page, known, _LIMIT_S, "pictured") - sent_s) * 1_000)
    what, beside = "a camera's message → its picture on the patrol's screen", {"pictures": count}
    p50, p99 = round(percentile(delays_ms, 0.5)), round(percentile(delays_ms, 0.99))
    return [row(f"{what}: p50", p50, "ms", **beside), row(f"{what}: p99", p99, "ms", at_most=_P99_MS, **beside)]


def _person_at(number: int) -> list[Message]:
    """What Frigate says, and the picture that it sends behind it."""
    camera, at = f"yard{number}", datetime.now(UTC)
    seen = frigate.Tracked(camera=camera, label="person", started_at=at, suffix=f"{number:06}", score=0.93)
    told = (frigate.event("new", seen, seen), frigate.snapshot(camera, "person", _frame(number)))
    return [(one.topic, one.payload) for one in told]


def _frame(number: int) -> bytes:
    """A picture as large as a camera's, and like no other."""
    noise = Image.effect_noise((1_280, 720), 24).convert("RGB")
    noise.paste((number % 256, 60, 90), (400, 200, 560, 640))
    return jpeg(noise)


def _forced(count: int, first: int) -> list[Message]:
    """Each a fact of its own, at about the time at which it is told."""
    return forced_door_messages(count, datetime.now(UTC), timedelta(seconds=0.5), first=first)


async def _say(port: int, message: Message, number: int) -> None:
    """On a connection of its own, until the broker has it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(mqtt_wire.connect(f"gatehouse-bench-{number}"))
    await reader.readexactly(4)
    topic, payload = message
    packet_id = (number % mqtt_wire.MAX_PACKET_ID + 1).to_bytes(2, "big")
    writer.write(mqtt_wire.publish_head(topic, len(payload)) + packet_id + payload)
    await reader.readexactly(4)
    writer.write(mqtt_wire.DISCONNECT)
    writer.close()


async def _to_a_thousand(here: Rig, count: int) -> list[Row]:
    """From when the alert was announced, before its commit, until each screen has its bytes."""
    (position,) = here.centre_query("SELECT coalesce(max(position), 0) FROM live")[0]
    watchers = Watchers(here.url, await _signed_in(here), position)
    await watchers.come(count)
    for number, message in enumerate(_forced(_SCREEN_ALARMS, 1_000_000)):
        known = len(watchers.heard)
        await asyncio.sleep(0.5)
        await _say(here.broker.port, message, number)
        await until(lambda known=known: len(watchers.heard) > known, _LIMIT_S, 0.05)
        await until(lambda: all(len(times) == count for times in watchers.heard.values()), _LIMIT_S, 0.05)
    watchers.leave()
    since = f"kind = 'alert' AND position > {int(position)}"  # an alert of before is announced anew when it climbs
    announced = dict(here.centre_query(f"SELECT ref, min(at) FROM live WHERE {since} GROUP BY ref"))
    since_s = {name: datetime.fromisoformat(at).timestamp() for name, at in announced.items()}
    delays_ms = [(at - since_s[name]) * 1_000 for name, times in watchers.heard.items() for at in times]
    beside = {"p50_ms": round(percentile(delays_ms, 0.5)), "alarms": len(watchers.heard)}
    what = f"one alarm to {count:,} screens, from the announcing transaction to the last byte: p99"
    return [row(what, round(percentile(delays_ms, 0.99)), "ms", at_most=_SCREEN_P99_MS, **beside)]


async def _signed_in(here: Rig) -> str:
    """The cookie of a login."""
    said = {"username": here.account["username"], "password": here.account["password"], "next": "/"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{here.url}/login", data=said, allow_redirects=False) as response,
    ):
        return "; ".join(f"{name}={morsel.value}" for name, morsel in response.cookies.items())


def _forced_there(here: Rig) -> int:
    """Not those of gateways of the fleet, which fall silent once it has stopped."""
    return here.centre_query("SELECT count(*) FROM alert WHERE rule = 'door_forced'")[0][0]


async def _flooded(here: Rig, count: int) -> list[Row]:
    """So many alerts in a minute, while a patrol looks on."""
    before = _forced_there(here)
    matters = here.centre_query("SELECT count(*) FROM duty_state")[0][0]
    messages = forced_door_messages(count, datetime.now(UTC), timedelta(milliseconds=1), first=2_000_000)
    answers = list[float]()
    async with patrol(here.url, here.account["username"], here.account["password"]) as page:
        sending = asyncio.create_task(
            publish("127.0.0.1", here.broker.port, messages, connections=4, rate=count / _FLOOD_S)
        )
        while not sending.done():
            answers.append(await answers_ms(page))
            await asyncio.sleep(0.2)
        await sending
        await until(lambda: _forced_there(here) - before >= count, _LIMIT_S, 0.2)
        opened = time.monotonic()
        await page.reload()
        await page.wait_for_selector("#live-state[data-state=live]", state="attached")
        load_ms = (time.monotonic() - opened) * 1_000
    kept = _forced_there(here) - before
    grouped = here.centre_query("SELECT count(*) FROM duty_state")[0][0] - matters
    return [
        row(f"{count:,} alerts in a minute: kept", kept, "alerts", at_least=count, matters=grouped),
        row(
            "the page meanwhile, until it painted: p99",
            round(percentile(answers, 0.99)),
            "ms",
            at_most=_P99_MS,
            p50_ms=round(percentile(answers, 0.5)),
        ),
        row("the page anew after it", round(load_ms), "ms"),
    ]
