"""Pictures to the centre: only its own word is final, no picture blocks another, nothing ends the sender."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.devices.driver import picture
from edge.store import media as media_module
from edge.store.media import Kept, MediaStore
from edge.sync.pictures import PicturePush
from edge.sync.transport import Refused, UplinkDown
from eventlog.sqlite import OwnTables, SqliteEventLog

GOOD = {"stored": True}
PORTAL = Refused(404, {"error": "not_json", "message": "120 bytes of HTML"})
Verdict = Callable[[bytes, int], dict[str, Any]]  # the body, and the how manieth try of it


class Far:
    """The far side: what the verdict says of each body."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict
        self.tried: list[bytes] = []
        self.taken: list[bytes] = []

    async def send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        self.tried.append(body)
        answer = self.verdict(body, self.tried.count(body))
        self.taken.append(body)
        return answer


class Bench:
    def __init__(self, store: SqliteEventLog, folder: Path) -> None:
        self.store, self.media = store, MediaStore(folder / "media", store)

    async def keep(self, *bodies: bytes) -> list[str]:
        pictures = [picture("scene", body)[1] for body in bodies]
        await self.media.keep(pictures)
        await self.store.append((), self.media.statements([Kept(one, "routine") for one in pictures]))
        self.media.announce()
        return [one.sha256 for one in pictures]

    async def states(self) -> list[int]:
        return [row[0] for row in await self.store.query("SELECT sent FROM media ORDER BY number")]

    @asynccontextmanager
    async def pushing(self, verdict: Verdict) -> AsyncGenerator[Far]:
        far = Far(verdict)
        push = PicturePush(self.media, far, lambda failures: 0.001)  # type: ignore[arg-type]
        running = asyncio.create_task(push.run())
        try:
            yield far
            assert not running.done(), "the sender goes on, whatever happened"
        finally:
            running.cancel()
            await asyncio.wait([running])

    async def until(self, wanted: list[int]) -> None:
        async with asyncio.timeout(3):  # less than the idle look: what rings must be heard
            while await self.states() != wanted:
                await asyncio.sleep(0.005)


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await SqliteEventLog.open(tmp_path / "log.db", "e1", OwnTables(media_module.SCHEMA))
    yield Bench(store, tmp_path)
    await store.close()


def refuse(error: Exception, times: int, which: bytes = b"") -> Verdict:
    """Refuse a body (all of them by default) the first few times."""

    def verdict(body: bytes, tries: int) -> dict[str, Any]:
        if which in (b"", body) and tries <= times:
            raise error
        return GOOD

    return verdict


async def test_the_newest_goes_first(here: Bench) -> None:
    await here.keep(*(b"%d" % number for number in range(20)))
    async with here.pushing(refuse(PORTAL, 0)) as far:
        await here.until([1] * 20)
    assert far.taken == [b"%d" % number for number in reversed(range(20))]


@pytest.mark.parametrize(
    "error",
    [
        PORTAL,
        Refused(413, {"error": "not_json"}),
        Refused(422, {"error": "wrong_hash"}),
        Refused(401, {"error": "expired"}),
        Refused(200, {"error": "not_json"}),
        UplinkDown("no route"),
        RuntimeError("a defect"),
    ],
)
async def test_what_may_not_be_the_centres_last_word_is_tried_again(here: Bench, error: Exception) -> None:
    await here.keep(b"a", b"b")
    async with here.pushing(refuse(error, 2)) as far:
        await here.until([1, 1])
    assert sorted(far.taken) == [b"a", b"b"]


async def test_an_answer_without_the_centres_field_is_a_portals(here: Bench) -> None:
    await here.keep(b"a")
    async with here.pushing(lambda body, tries: GOOD if tries > 2 else {"welcome": "guest"}) as far:
        await here.until([1])
    assert far.tried == [b"a"] * 3


async def test_pictures_refused_for_ever_block_no_other(here: Bench) -> None:
    bad = [b"bad %d" % number for number in range(20)]
    await here.keep(b"old 1", b"old 2", *bad)

    def verdict(body: bytes, tries: int) -> dict[str, Any]:
        if body in bad:
            raise Refused(422, {"error": "wrong_hash"})
        return GOOD

    async with here.pushing(verdict) as far:
        await here.until([1, 1] + [0] * 20)
        await here.keep(b"alarm")
        await here.until([1, 1] + [0] * 20 + [1])
        async with asyncio.timeout(5):
            while any(far.tried.count(body) < 3 for body in bad):
                await asyncio.sleep(0.005)
    assert here.media.counts["picture_refused"] >= 60


async def test_too_large_for_the_centre_gone_damaged_and_unreadable_are_lost_and_counted(here: Bench) -> None:
    gone, damaged, unreadable = await here.keep(b"gone", b"damaged", b"unreadable")
    await here.keep(b"large", b"good")
    here.media.path(gone).unlink()
    here.media.path(damaged).write_bytes(b"other bytes")
    here.media.path(unreadable).unlink()
    here.media.path(unreadable).mkdir()  # reading it is an OSError, also for root
    async with here.pushing(refuse(Refused(413, {"error": "too_large"}), 99, b"large")) as far:
        await here.until([2, 2, 2, 2, 1])
    assert far.tried == [b"good", b"large"]
    assert here.media.counts == {
        "picture_gone": 1,
        "picture_damaged": 1,
        "picture_unreadable": 1,
        "picture_too_large": 1,
    }


async def test_an_unexpected_failure_of_the_store_is_no_end(here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    await here.keep(b"a")
    unsent, failures = here.media.unsent, iter([True, True])

    async def ill(limit: int) -> list[str]:
        if next(failures, False):
            raise RuntimeError("the disk is ill")
        return await unsent(limit)

    monkeypatch.setattr(here.media, "unsent", ill)
    async with here.pushing(refuse(PORTAL, 0)):
        await here.until([1])


async def test_what_is_lost_is_forgotten_with_age_as_what_was_sent(here: Bench) -> None:
    names = await here.keep(b"sent", b"lost", b"waiting")
    await here.media.mark_sent(names[:1])
    await here.media.mark_lost(names[1:2])
    assert await here.media.forget_sent(0) == 0
    assert await here.media.forget_sent(3) == 2
    assert [here.media.path(name).exists() for name in names] == [False, False, True]
    assert await here.media.unsent(10) == names[2:]


async def test_what_the_disk_does_not_let_go_stays_listed(here: Bench) -> None:
    (name,) = await here.keep(b"a")
    here.media.path(name).unlink()
    here.media.path(name).mkdir()
    await here.media.mark_lost([name])
    assert await here.media.forget_sent(3) == 0
    assert await here.states() == [2]


async def test_numbers_only_rise_and_a_picture_is_listed_once(here: Bench) -> None:
    await here.keep(b"a", b"b")
    (b, a) = await here.media.unsent(10)
    await here.media.mark_sent([b])
    await here.media.forget_sent(3)
    (c,) = await here.keep(b"c")
    await here.keep(b"a", b"c")
    rows = await here.store.query("SELECT number, sha256 FROM media ORDER BY number")
    assert [sha256 for _, sha256 in rows] == [a, c]
    assert rows[1][0] > 2


async def test_a_new_folder_is_on_the_disk_too(tmp_path: Path, here: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[Path] = set()
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.add(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    (name,) = await here.keep(b"a")
    assert synced >= {tmp_path, tmp_path / "media", here.media.path(name).parent}
