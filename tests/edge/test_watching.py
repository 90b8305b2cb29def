"""Plates that are looked for, at the gateway: hit without the centre, unseen at the lane and in what leaves the box."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog

from domain.events import WATCH_HIT, Event, Subject, encode_event
from domain.ids import fact_id
from domain.watch.listed import WatchLists, key_of_plate
from edge.commands.newest import Tail
from edge.control.watching import WatchControl
from edge.store.file import FILE, open_store
from tests.edge.control_bench import control_bench
from tests.edge.lane_bench import IN, OUT, PASS, VISITOR, LaneBench, lane_bench, lanes

SALT = "5a" * 16
ID = "0123456789abcdef"
HOUR = timedelta(hours=1)


def listed(
    plate: str, lasts: timedelta = HOUR, since: timedelta = -HOUR, now: datetime | None = None
) -> dict[str, Any]:
    at = now or datetime.now(UTC)
    times = {"from": (at + since).isoformat(), "until": (at + lasts).isoformat()}
    return {"salt": SALT, "entries": [{"id": ID, "key": key_of_plate(bytes.fromhex(SALT), plate), **times}]}


async def shown(here: LaneBench) -> list[tuple[object, ...]]:
    """Everything that a gateway tells of a car, hits apart."""
    kinds = ("plate", "barrier", "alarm", "input", "command_result")
    events = [event for kind in kinds for event in await here.found(kind)]
    return [(event.kind, event.result, event.reason, event.alarm, event.rule, event.label) for event in events]


async def drive_in(folder: Path, **documents: Any) -> tuple[list[tuple[object, ...]], list[str], int, int]:
    """A visitor comes in: what is on record, on the board, at the arm; and how many hits there were."""
    folder.mkdir(exist_ok=True)
    async with lane_bench(folder) as here:
        await here.wish(**documents)
        here.car(IN, VISITOR)
        await here.quiet()
        hits = await here.found(WATCH_HIT)
        return await shown(here), here.boards(IN), here.opened(IN), len(hits)


async def test_a_car_that_is_looked_for_is_hit_and_nothing_at_the_lane_tells(tmp_path: Path) -> None:
    *plain, none = await drive_in(tmp_path / "a")
    *looked_for, hits = await drive_in(tmp_path / "b", watch_lists=listed(VISITOR))
    assert (none, hits) == (0, 1), "with the uplink cut: there is none on this bench"
    assert looked_for == plain


async def test_an_old_setting_of_a_lane_bars_nobody(tmp_path: Path) -> None:
    *_, opened, hits = await drive_in(tmp_path, watch_lists=listed(VISITOR), lanes=lanes(watched="refuse"))
    assert (opened, hits) == (1, 1)


async def test_the_hit_is_urgent_names_the_entry_and_the_passage_and_no_plate(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(watch_lists=listed(PASS))
        here.car(OUT, PASS)
        (hit,) = await here.some(WATCH_HIT)
        (seen,) = await here.some("plate")
        assert (hit.code, hit.state, hit.lane, hit.direction) == (ID, "exact", "out", "out")
        assert hit.ext["of"] == (fact_id(seen) or b"").hex()
        assert PASS.encode() not in encode_event(hit)
        urgent = await here.bench.store.read("urgent", 0, 100)
        assert any(b'"watch_hit"' in record.body for record in urgent)


async def test_a_doubtful_reading_is_said_as_a_doubt(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(watch_lists=listed("京A12B45"))
        here.car(IN, "京A12845")
        (hit,) = await here.some(WATCH_HIT)
        assert hit.state == "doubtful"


async def test_a_camera_without_a_lane_finds_it_too(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        assert await here.bench.wish(watch_lists=listed(VISITOR))
        here.car(IN, VISITOR)
        await here.some(WATCH_HIT)


async def test_a_record_that_a_camera_kept_is_a_hit_when_it_is_told(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(watch_lists=listed(VISITOR))
        here.car(IN, VISITOR, ago=timedelta(minutes=20), kept=True)
        (hit,) = await here.some(WATCH_HIT)
        assert hit.time_quality == "replay" and hit.time == (await here.some("plate"))[0].time


@pytest.mark.parametrize(("since", "lasts"), [(-HOUR, -timedelta(seconds=1)), (HOUR, 2 * HOUR)])
async def test_what_is_over_or_has_not_begun_hits_nobody(tmp_path: Path, since: timedelta, lasts: timedelta) -> None:
    assert (await drive_in(tmp_path, watch_lists=listed(VISITOR, lasts, since)))[3] == 0


async def test_it_ends_by_itself_without_any_word_from_the_centre(tmp_path: Path) -> None:
    now = [datetime.now(UTC)]
    async with control_bench(tmp_path, lambda: now[0]) as bench:
        here = LaneBench(bench)
        await here.wish(watch_lists=listed(VISITOR, HOUR, now=now[0]))
        here.car(IN, VISITOR)
        await here.some(WATCH_HIT)
        now[0] += HOUR
        here.car(IN, VISITOR)
        await here.quiet()
        assert len(await here.found(WATCH_HIT)) == 1 and len(await here.found("plate")) >= 2


async def test_the_list_is_in_force_after_a_stop_without_the_centre(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(watch_lists=listed(VISITOR))
    async with lane_bench(tmp_path) as here:
        here.car(IN, VISITOR)
        await here.some(WATCH_HIT)


async def test_a_car_that_stands_at_the_camera_is_one_hit(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(watch_lists=listed(VISITOR))
        for _ in range(5):
            here.car(IN, VISITOR)
        await here.quiet()
        assert len(await here.found(WATCH_HIT)) == 1


def test_a_plate_that_a_person_typed_is_looked_at_and_what_was_read_before_is_not_again() -> None:
    said: list[Event] = []
    now = datetime.now(UTC)
    watch = WatchControl(lambda event, _also: said.append(event), lambda: now)
    watch.go_by(msgspec.convert(listed(VISITOR), WatchLists))
    seen = Event(kind="plate", device="vzenith:a", time=now, subject=Subject(type="plate", id=VISITOR))
    watch.said(msgspec.structs.replace(seen, source_event_id="passed/1"))
    assert said == []
    watch.said(msgspec.structs.replace(seen, source_event_id="typed/1"))
    assert [event.kind for event in said] == [WATCH_HIT]


async def test_the_journal_says_nothing_of_it(tmp_path: Path) -> None:
    """What is logged may be sent away with a question."""
    with structlog.testing.capture_logs() as lines:
        async with lane_bench(tmp_path) as here:
            await here.wish(watch_lists=listed(VISITOR))
            assert not await here.bench.wish(9, watch_lists={"salt": SALT, "entries": [{"plate": VISITOR}]})
            here.car(IN, VISITOR)
            await here.some(WATCH_HIT)
    said = str(lines)
    assert "'lanes'" in said, "the control: other lists are told of"
    assert not any(word in said for word in ("watch", ID, VISITOR))


async def test_who_follows_the_log_at_the_box_does_not_see_it(tmp_path: Path) -> None:
    async with lane_bench(tmp_path) as here:
        await here.wish(watch_lists=listed(VISITOR))
        here.car(IN, VISITOR)
        await here.some(WATCH_HIT)
    tail = Tail(tmp_path, ("urgent", "money", "routine"))
    tail.begin(100)
    kinds = [line.event.kind for line in tail.look()]
    assert "plate" in kinds and WATCH_HIT not in kinds


async def test_only_the_agents_own_account_reads_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    (folder / FILE).touch(mode=0o644)
    store = await open_store(folder, lambda: datetime.now(UTC))
    try:
        await store.write([("UPDATE stream SET head = head", [()])])
        assert {path.stat().st_mode & 0o777 for path in folder.glob(f"{FILE}*")} == {0o600}
        assert len(list(folder.glob(f"{FILE}*"))) == 3
    finally:
        await store.close()
