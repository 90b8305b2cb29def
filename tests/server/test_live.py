"""The hub: rendered once, to everyone in scope, nothing missed between replay and stream, nobody waits for the slow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from server import live
from server.live import RELOAD, Bounds, Hub, TooManyScreens, frame, newest_of_each
from server.live_screen import Hearer
from server.store import live_rows
from server.store.engine import Database
from server.store.live_rows import LiveRow
from server.store.scope import CITY, of_complexes
from tests.server.engines import Engine, open_database

EVERYTHING = Hearer(CITY)
NOW = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
BEAT = b"event: beat\ndata: 2026-11-23T18:00:00.000Z\n\n"


class Heard(NamedTuple):
    """One SSE event, taken apart."""

    id: int | None
    kind: str
    text: str


def parse(body: bytes) -> Heard:
    fields = [line.partition(": ") for line in body.decode().splitlines() if line]
    lines = [value for name, _, value in fields if name == "data"]
    named = {name: value for name, _, value in fields}
    return Heard(int(named["id"]) if "id" in named else None, named.get("event", ""), "\n".join(lines))


class Studio:
    """A hub over a fresh database, with a renderer that counts."""

    def __init__(self, db: Database, bounds: Bounds) -> None:
        self.db, self.rendered = db, list[tuple[int, str]]()
        self.fails = 0
        self.hub = Hub(db, self.render, lambda: NOW, bounds)

    async def render(
        self, connection: AsyncConnection, rows: Sequence[LiveRow], language: str, now: datetime
    ) -> list[bytes]:
        if self.fails:
            self.fails -= 1
            raise RuntimeError("the renderer is out of order")
        self.rendered += [(row.position, language) for row in rows]
        return [f"{row.ref} {row.position} {language}".encode() if row.kind == "alert" else b"" for row in rows]

    async def say(self, *refs: str, complex_id: str = "garden", kind: str = "alert") -> None:
        async with self.db.write() as connection:
            for ref in refs:
                await live_rows.announce(connection, complex_id, kind, ref, "2026-11-23T18:00:00.000Z")
        self.hub.ring()


@asynccontextmanager
async def studio(folder: Path, engine: Engine, bounds: Bounds | None = None) -> AsyncIterator[Studio]:
    async with open_database(folder, engine) as db:
        made = Studio(db, bounds or Bounds())
        task = asyncio.create_task(made.hub.run())
        try:
            yield made
        finally:
            made.hub.close()
            await task


@pytest.fixture
async def stage(tmp_path: Path, engine: Engine) -> AsyncIterator[Studio]:
    async with studio(tmp_path, engine) as made:
        yield made


class Listener:
    """A screen's end of a stream: event by event, however they were joined on the way."""

    def __init__(self, stream: AsyncIterator[bytes]) -> None:
        self.stream, self._parsed = stream, list[Heard]()

    async def next(self, count: int = 1) -> list[Heard]:
        """The next messages, heartbeats and greetings left out."""
        async with asyncio.timeout(10):
            while len(self._parsed) < count:
                parts = (await anext(self.stream)).split(b"\n\n")
                self._parsed += [heard for part in parts if (heard := parse(part)).kind not in ("", "beat")]
        found, self._parsed = self._parsed[:count], self._parsed[count:]
        return found


async def joined(stream: AsyncIterator[bytes]) -> Listener:
    """A listener that is on the hub's list: its first bytes have come."""
    assert BEAT in await anext(stream)
    return Listener(stream)


async def until(holds: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while True:
            found = holds()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.01)


async def test_two_hundred_screens_get_the_very_same_bytes(stage: Studio) -> None:
    listeners = [await joined(stage.hub.subscribe(EVERYTHING, "zh", None)) for _ in range(200)]
    await stage.say("a1")
    async with asyncio.timeout(20):
        bodies = [await anext(listener.stream) for listener in listeners]
    assert {id(body) for body in bodies} == {id(bodies[0])}  # one object, not two hundred equal ones
    assert parse(bodies[0]) == Heard(1, "alert", "a1 1 zh")
    assert stage.rendered == [(1, "zh")]


async def test_each_language_is_rendered_once_and_only_if_someone_reads_it(stage: Studio) -> None:
    chinese = [await joined(stage.hub.subscribe(EVERYTHING, "zh", None)) for _ in range(3)]
    await stage.say("a1")
    await chinese[0].next()
    english = [await joined(stage.hub.subscribe(EVERYTHING, "en", None)) for _ in range(3)]
    await stage.say("a2")
    assert {(await stream.next())[0].text for stream in english} == {"a2 2 en"}
    assert (await chinese[0].next())[0].text == "a2 2 zh"
    assert sorted(stage.rendered) == [(1, "zh"), (2, "en"), (2, "zh")]


async def test_a_screen_hears_its_own_complexes_only(stage: Studio) -> None:
    garden = await joined(stage.hub.subscribe(Hearer(of_complexes("garden")), "zh", None))
    everything = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
    await stage.say("r1", complex_id="river")
    await stage.say("g1", complex_id="garden")
    assert [heard.text for heard in await everything.next(2)] == ["r1 1 zh", "g1 2 zh"]
    assert [heard.text for heard in await garden.next()] == ["g1 2 zh"]
    late = Listener(stage.hub.subscribe(Hearer(of_complexes("garden")), "zh", 0))
    assert [heard.text for heard in await late.next()] == ["g1 2 zh"]


async def test_rows_that_no_screen_shows_are_passed_over(stage: Studio) -> None:
    stream = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
    await stage.say("x", kind="something else")
    await stage.say("a1")
    assert (await stream.next()) == [Heard(2, "alert", "a1 2 zh")]


async def test_what_was_missed_comes_first_the_newest_of_each_alert(stage: Studio) -> None:
    await stage.say("a1", "a2", "a1", "a3", "a1")
    stream = Listener(stage.hub.subscribe(EVERYTHING, "zh", 1))
    assert [(heard.id, heard.text) for heard in await stream.next(3)] == [
        (2, "a2 2 zh"),
        (4, "a3 4 zh"),
        (5, "a1 5 zh"),
    ]
    await stage.say("a4")
    assert (await stream.next())[0].id == 6


async def test_replays_share_what_was_rendered(stage: Studio) -> None:
    await stage.say(*(f"a{number}" for number in range(20)))
    for _ in range(10):
        await Listener(stage.hub.subscribe(EVERYTHING, "zh", 0)).next(20)
    assert len(stage.rendered) == len(set(stage.rendered)) == 20


async def test_nothing_falls_between_replay_and_stream(stage: Studio) -> None:
    """Rows are written all the while screens come and go; each hears every position after its own, in order."""
    wanted = 120

    async def write() -> None:
        for number in range(wanted):
            await stage.say(f"a{number}")

    async def watch(start: int) -> list[int]:
        heard, stream, last = list[int](), Listener(stage.hub.subscribe(EVERYTHING, "zh", start)), start
        while last < wanted:
            position = (await stream.next())[0].id
            assert position is not None
            heard.append(position)
            last = position
            if len(heard) % 7 == 0:
                stream = Listener(stage.hub.subscribe(EVERYTHING, "zh", last))
        return heard

    heard = (await asyncio.gather(write(), *(watch(0) for _ in range(5))))[1:]
    assert all(sorted(set(positions)) == list(range(1, wanted + 1)) for positions in heard)


async def test_a_screen_that_is_far_behind_loads_its_page_anew(tmp_path: Path, engine: Engine) -> None:
    async with studio(tmp_path, engine, Bounds(replay_rows=5)) as stage:
        await stage.say(*(f"a{number}" for number in range(6)))
        await until(lambda: stage.hub.position == 6)
        assert (await Listener(stage.hub.subscribe(EVERYTHING, "zh", 0)).next())[0].kind == "reload"
        assert (await Listener(stage.hub.subscribe(EVERYTHING, "zh", 1)).next(5))[-1].id == 6
        assert parse(RELOAD).kind == "reload"


async def test_a_screen_of_another_database_loads_its_page_anew(stage: Studio) -> None:
    """A position that was never given out here: the centre was restored, or exchanged."""
    await stage.say("a1")
    assert (await Listener(stage.hub.subscribe(EVERYTHING, "zh", 999)).next())[0].kind == "reload"


async def test_a_page_may_be_newer_than_the_hub(stage: Studio) -> None:
    """The page read the table before the hub did: it must not be told to load anew, or it would for ever."""
    stream = Listener(stage.hub.subscribe(EVERYTHING, "zh", 1))
    async with stage.db.write() as connection:  # committed, and the bell not rung yet
        await live_rows.announce(connection, "garden", "alert", "a1", "2026-11-23T18:00:00.000Z")
    assert BEAT in await anext(stream.stream)
    await stage.say("a2")
    assert (await stream.next())[-1].kind == "alert"


async def test_forgotten_rows_mean_a_new_page_not_a_silent_gap(stage: Studio) -> None:
    await stage.say("a1", "a2", "a3", "a4")
    async with stage.db.write() as connection:
        await live_rows.trim(connection, 2)
    assert (await Listener(stage.hub.subscribe(EVERYTHING, "zh", 1)).next())[0].kind == "reload"
    assert [heard.id for heard in await Listener(stage.hub.subscribe(EVERYTHING, "zh", 2)).next(2)] == [3, 4]


async def test_a_slow_screen_is_let_go_and_comes_back_without_loss(tmp_path: Path, engine: Engine) -> None:
    async with studio(tmp_path, engine, Bounds(queue_messages=4)) as stage:
        slow = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
        quick = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
        for number in range(12):
            await stage.say(f"a{number}")
            assert (await quick.next())[0].text.startswith(f"a{number} ")
        assert stage.hub.screens == 1  # the quick one
        heard = [parse(body).id async for body in slow.stream]
        assert heard == []  # it ends at once: what it did not get it asks for
        again = Listener(stage.hub.subscribe(EVERYTHING, "zh", 0))
        assert [heard.id for heard in await again.next(12)] == list(range(1, 13))


async def test_heartbeats_come_when_nothing_else_does(tmp_path: Path, engine: Engine) -> None:
    async with studio(tmp_path, engine, Bounds(heartbeat_s=0.01, poll_s=0.01)) as stage:
        stream = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
        assert [await anext(stream.stream), await anext(stream.stream)] == [BEAT, BEAT]


async def test_a_stream_ends_after_its_life_and_is_forgotten(tmp_path: Path, engine: Engine) -> None:
    async with studio(tmp_path, engine, Bounds(poll_s=0.01)) as stage:
        bodies = [body async for body in stage.hub.subscribe(EVERYTHING, "zh", None, life_s=0.05)]
        assert BEAT in bodies[0]
        assert stage.hub.screens == 0


async def test_a_hub_that_stands_still_gives_no_heartbeat(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a screen would look live while it hears nothing."""
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def stuck(*_: object) -> list[LiveRow]:
        reached.set()
        await go_on.wait()
        return []

    async with studio(tmp_path, engine, Bounds(heartbeat_s=0.01, poll_s=0.01)) as stage:
        stream = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
        with monkeypatch.context() as patch:
            patch.setattr(live_rows, "behind", stuck)
            await reached.wait()
            with pytest.raises(TimeoutError):
                for _ in range(50):  # what was given before may still come; then nothing
                    async with asyncio.timeout(0.2):
                        await anext(stream.stream)
        go_on.set()


async def test_closing_ends_every_stream(stage: Studio) -> None:
    async def drain(stream: AsyncIterator[bytes]) -> None:
        async for _ in stream:
            pass

    tasks = [asyncio.create_task(drain(stage.hub.subscribe(EVERYTHING, "zh", None))) for _ in range(5)]
    await until(lambda: stage.hub.screens == 5)
    stage.hub.close()
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)
    assert stage.hub.screens == 0


async def test_a_failure_is_tried_again_from_the_same_row(stage: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_RETRY_S", 0.01)
    stream = await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
    stage.fails = 2
    await stage.say("a1")
    assert (await stream.next())[0].text == "a1 1 zh"


async def test_screens_are_bounded(stage: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_MOST_SCREENS", 1)
    await joined(stage.hub.subscribe(EVERYTHING, "zh", None))
    with pytest.raises(TooManyScreens):
        stage.hub.subscribe(EVERYTHING, "zh", None)


async def test_old_rows_are_forgotten(stage: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_TRIM_EVERY", 5)
    monkeypatch.setattr(live, "_KEEP_ROWS", 10)
    for number in range(30):
        await stage.say(f"a{number}")

    async def is_short() -> bool:
        async with stage.db.read() as connection:
            oldest, newest = await live_rows.ends(connection)
        return newest == 30 and newest - oldest < 15

    await until(is_short)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["alert", "door"]))))
def test_folding_keeps_the_last_word_on_each_thing_in_order(said: list[tuple[str, str]]) -> None:
    rows = [LiveRow(number, "garden", kind, ref, "") for number, (ref, kind) in enumerate(said, 1)]
    kept = newest_of_each(rows)
    assert [row.position for row in kept] == sorted({(row.kind, row.ref): row.position for row in rows}.values())


@given(st.text())
def test_a_frame_carries_its_payload_whole(text: str) -> None:
    """SSE knows three line ends, and nothing else ends a line (WHATWG HTML, 9.2.6)."""
    body = frame(7, "alert", text.encode("utf-8", "replace"))
    assert body.startswith(b"id: 7\nevent: alert\n") and body.endswith(b"\n\n")
    lines = body.decode().removesuffix("\n\n").split("\n")[2:]
    assert all(line.startswith("data: ") for line in lines)
    sent = text.encode("utf-8", "replace").decode().replace("\r\n", "\n").replace("\r", "\n")
    assert "\n".join(line.removeprefix("data: ") for line in lines) == sent.removesuffix("\n")
