"""Records with pictures handed over to one upper platform of GA/T 1400, which counts them in a process of its own."""

from __future__ import annotations

import asyncio
import io
import os
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import uvloop
from obstore.store import LocalStore
from PIL import Image

from benchmarks.rows import Row, row
from domain.events import Event, Media, Subject
from domain.ids import content_name, derive
from domain.viid.sources import Coded
from domain.wire import Header
from server import own_loop
from server.facts import Fact
from server.feeds.gat1400 import making
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.gat1400.settings import Settings
from server.feeds.sender import Accepted, Offer
from server.media import MediaBox
from server.rubbish import collect_seldom
from server.store import address, schema
from server.store.engine import Database

_RECORDS, _CAMERAS, _PICTURES, _PICTURE_BYTES, _AT_ONCE = 10_000, 400, 200, 50_000, 400
_REACH = 2_000
_HEADER = Header(gateway="gw", stream="money", epoch="e", first=1, last=1, retention="routine", size_bytes=1)
_PEER = "from benchmarks.feed import serve; serve({answer_s})"


async def run(scale: float) -> list[Row]:
    """One platform, over loopback, from the folder of pictures to the platform's answer for each record."""
    count = max(_AT_ONCE, int(_RECORDS * scale))
    with tempfile.TemporaryDirectory() as folder:
        seconds, cpu_s, taken = await asyncio.to_thread(_on_the_servers_loop, Path(folder), count)
    if taken != count:
        raise RuntimeError(f"{count} records were handed over, and the platform has {taken}")
    beside = {"cpu_ms_a_record": round(cpu_s / count * 1000, 3), "mb_s": round(count * _PICTURE_BYTES / seconds / 1e6)}
    what = f"records with {_PICTURE_BYTES // 1000} kB pictures to one platform"
    sender_alone = row(what, round(count / seconds), "records/s", at_least=_REACH if scale == 1 else None, **beside)
    from benchmarks.feed_handed import handed_rows  # it takes its parts from here

    return [sender_alone, *await handed_rows(count)]


def _on_the_servers_loop(folder: Path, count: int) -> tuple[float, float, int]:
    return own_loop.run(_measured(folder, count))


async def _measured(folder: Path, count: int) -> tuple[float, float, int]:
    """Seconds of the clock and of our processor, and what the platform has."""
    db = Database(address.of(folder, ""))
    async with peer() as there:
        sender, offers = await made(folder, db, there, count)
        await sender.session.online()
        collect_seldom()  # as a server does once all is loaded
        began, cpu = time.perf_counter(), time.process_time()
        for start in range(0, count, _AT_ONCE):
            verdicts = await sender.send(offers[start : start + _AT_ONCE])
            if not all(isinstance(one, Accepted) for one in verdicts):
                raise RuntimeError(f"not accepted: {next(one for one in verdicts if not isinstance(one, Accepted))}")
        took = time.perf_counter() - began, time.process_time() - cpu
        await sender.close()
        await db.close()
        return *took, await _taken(there[0])


@asynccontextmanager
async def peer(answer_s: float = 0.0) -> AsyncGenerator[tuple[str, str]]:
    """A platform in a process of its own: its address and its password."""
    code = _PEER.format(answer_s=answer_s)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        port, password = (await process.stdout.readline()).decode().split()
        yield f"http://127.0.0.1:{port}", password
    finally:
        process.terminate()
        await process.wait()


async def made(folder: Path, db: Database, there: tuple[str, str], count: int) -> tuple[Gat1400Sender, list[Offer]]:
    async with db.write() as connection:
        await connection.run_sync(schema.metadata.create_all)
    pictures = [_picture() for _ in range(_PICTURES)]
    box = MediaBox(LocalStore(str(folder / "media"), mkdir=True), db, _now)
    for body in pictures:
        await box.keep(content_name(body), "garden", body, "image/jpeg")
    coded = [(("garden", f"vzenith:{n}"), Coded(f"3301060001119{n:07}")) for n in range(_CAMERAS)]
    await DeviceCodes(db, "district").replace(coded)
    settings = Settings(there[0], "33010600011200000001")
    names = [content_name(body) for body in pictures]
    sender = making.sender("district", settings, lambda: there[1], db, box, folder, _now)
    return sender, [_offer(number, names[number % _PICTURES]) for number in range(count)]


def _picture() -> bytes:
    """A JPEG of 320 x 240 pixels of noise, with so much behind its end that it has its size."""
    into = io.BytesIO()
    Image.frombytes("RGB", (320, 240), os.urandom(320 * 240 * 3)).save(into, "JPEG", quality=40)
    return into.getvalue() + os.urandom(max(0, _PICTURE_BYTES - len(into.getvalue())))


def _now() -> datetime:
    return datetime.now(UTC)


def _offer(number: int, picture: str) -> Offer:
    at = _now() - timedelta(minutes=5) + timedelta(milliseconds=number)
    event = Event(
        kind="plate",
        device=f"vzenith:{number % _CAMERAS}",
        time=at,
        recorded_at=at,
        source_event_id=str(number),
        subject=Subject(type="plate", id=f"浙A{number % 100_000:05}", plate_color="blue", plate_status="read"),
        media=[Media(role="scene", type="image/jpeg", bytes=_PICTURE_BYTES, sha256=picture)],
    )
    return Offer(derive("feed", number), event, Fact(event, "garden", _HEADER, 0, at), "vehicle", urgent=False)


async def _taken(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/sim/counts") as response:
        counts = msgspec.json.decode(await response.read())
    return int(counts["by_kind"].get("MotorVehicle", 0))


def serve(answer_s: float = 0.0) -> None:
    """The platform's process: prints its port, and serves until it is ended."""
    from simulators.upper.platform import UpperPlatform

    async def forever() -> None:
        platform = UpperPlatform("hour", weigh=False, answer_s=answer_s)
        await platform.start()
        print(platform.port, platform.password, flush=True)
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(forever())
