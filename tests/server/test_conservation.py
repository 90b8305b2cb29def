"""Statements against the log: green while events flow, red where a record is gone, one alert, honest in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import delete, insert
from structlog.testing import capture_logs
from typer.testing import CliRunner

from domain.events import encode_event
from domain.wire import pack, read_header
from eventlog.log import Arrival, Gap
from server.bootstrap import close_house, open_house
from server.cli import app
from server.gateway_auth import Gateway as Enrolled
from server.readers import quiet_projections
from server.rebuild import rebuild
from server.store import schema
from server.store.engine import stamp
from server.store.failures import DatabaseBusy
from server.store.schema import alert, batch, conservation_finding
from tests.server.centre import CONFIG, Centre, Gateway, centre
from tests.server.engines import Engine
from tests.server.statements import TODAY, check, remove_batch, routine, row, state, verdicts

NOW = datetime.now(UTC)


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as running:
        yield running


async def sent(here: Centre, batches: int = 3, each: int = 4, at: datetime = NOW) -> Gateway:
    gateway = await here.gateway()
    for number in range(batches):
        await gateway.send(*(routine(number * each + index, at) for index in range(each)))
    return gateway


async def gap_alerts(here: Centre) -> list[dict[str, Any]]:
    return [found for found in await here.rows(alert) if found["rule"] == "conservation_gap"]


async def test_what_was_stated_and_what_is_here_add_up(here: Centre) -> None:
    gateway = await sent(here)
    assert (await state(gateway, row(12))).json() == {"news": True}
    assert verdicts(await check(here, gateway)) == {TODAY: "balanced"}
    assert await here.rows(conservation_finding) == [] == await gap_alerts(here)


async def test_events_that_flow_on_after_the_statement_are_no_difference(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(20, 12, unsent=8))
    await gateway.send(*(routine(100 + number, NOW) for number in range(8)))
    (day,) = (await check(here, gateway)).days
    assert (day.verdict, day.produced, day.received, day.unsent) == ("open", 20, 12, 8)
    await state(gateway, row(20))
    assert verdicts(await check(here, gateway)) == {TODAY: "balanced"}


async def test_a_batch_removed_by_hand_is_a_finding_and_one_alert_for_ever(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(12))
    await check(here, gateway)
    await remove_batch(here, gateway, 1)
    for _ in range(3):
        found = await check(here, gateway)
        assert found.broken == {("routine", TODAY): {"missing_at_centre": 4}}
    await here.wait_for(alert, lambda rows: [one for one in rows if one["rule"] == "conservation_gap"])
    await here.settled()
    (raised,) = await gap_alerts(here)
    assert (raised["severity"], raised["category"]) == ("high", "device")
    assert gateway.id in raised["device"] and "routine" in raised["point"]
    assert json.loads(raised["event"])["metrics"] == {"missing_at_centre": 4.0}
    rebuilt = await rebuild(quiet_projections(CONFIG)["alerts"], here.house.db, here.house.log)
    assert rebuilt.before == rebuilt.after
    assert await gap_alerts(here) == [raised]


async def test_the_loss_is_seen_and_its_day_known_after_the_counts_were_rebuilt(here: Centre) -> None:
    gateway = await sent(here, at=NOW - timedelta(days=1))
    await gateway.send(*(routine(100 + number, NOW) for number in range(4)))
    await state(gateway, row(12, 16, TODAY - 1), row(4, 16))
    await check(here, gateway)
    await remove_batch(here, gateway, 3)
    rebuilt = await rebuild(quiet_projections(CONFIG)["conservation"], here.house.db, here.house.log)
    assert rebuilt.before != rebuilt.after, "the control: the count of the lost batch is gone too"
    assert (await check(here, gateway)).broken == {("routine", TODAY): {"missing_at_centre": 4}}


async def test_a_loss_is_seen_without_any_statement(here: Centre) -> None:
    gateway = await sent(here)
    await here.settled()
    await remove_batch(here, gateway, 0)
    assert (await check(here, gateway)).broken == {("routine", TODAY): {"missing_at_centre": 4}}


async def test_a_mended_log_adds_up_again_and_the_alert_stays(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(12))
    await here.settled()
    query = batch.select().where(batch.c.gateway == gateway.id).order_by(batch.c.position)
    async with here.house.db.read() as connection:
        kept = (await connection.execute(query)).all()[1]
    await remove_batch(here, gateway, 1)
    assert (await check(here, gateway)).broken
    assert await here.house.log.mend(Arrival(read_header(kept.body), kept.body, "garden"))
    assert verdicts(await check(here, gateway)) == {TODAY: "balanced"}
    (finding,) = await here.rows(conservation_finding)
    assert finding["cleared_at"] is not None
    assert len(await gap_alerts(here)) == 1


async def test_gaps_by_rule_are_explained_and_others_are_not(here: Centre) -> None:
    gateway = await sent(here)
    await here.house.log.declare(Gap(gateway.id, "routine", "e1", 13, 22, "capacity"), "garden")
    await state(gateway, row(22, held=12, dropped=10))
    assert verdicts(await check(here, gateway)) == {TODAY: "balanced"}
    await here.house.log.declare(Gap(gateway.id, "routine", "e1", 23, 23, "missing"), "garden")
    await state(gateway, row(23, held=12, dropped=10))
    assert (await check(here, gateway)).broken == {("routine", TODAY): {"missing_at_gateway": 1, "unexplained_gap": 1}}


async def test_what_is_not_counted_yet_is_waited_for(tmp_path: Path, database: str) -> None:
    """No reader runs here: the log has the batch, the count by day has not."""
    (tmp_path / "tariff.yaml").write_text("{}")
    house = await open_house(tmp_path, replace(CONFIG, database=database))
    bodies = [encode_event(routine(number, NOW)) for number in range(4)]
    packed = pack("gw-1", "routine", "e1", 1, bodies)
    await house.log.append([Arrival(read_header(packed), packed, "garden")])
    at = stamp(NOW)
    async with house.db.write() as connection:
        head = {"gateway": "gw-1", "zone": "Asia/Shanghai", "streams": {"routine": {"epoch": "e1", "through": 4}}}
        await connection.execute(insert(schema.statement_head).values(**head, made_at=at, received_at=at))
        names = ["stream", "epoch", "day", *schema.STATED]
        stated = dict(zip(names, row(4), strict=True)) | {"gateway": "gw-1", "made_at": at, "received_at": at}
        await connection.execute(insert(schema.statement).values(stated))
    (day,) = (await house.conservation.check(Enrolled("gw-1", "garden"))).days
    assert (day.verdict, day.waiting, day.differences) == ("open", 4, {})
    async with house.db.write() as connection:  # the control: counted, and still not there
        await connection.execute(delete(batch))
    (day,) = (await house.conservation.check(Enrolled("gw-1", "garden"))).days
    assert day.differences == {"missing_at_centre": 4}
    await close_house(house)


async def test_a_statement_that_comes_late_or_twice_changes_nothing(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(12))
    late = (NOW - timedelta(hours=1)).isoformat()
    assert (await state(gateway, row(8), made_at=late)).json() == {"news": False}
    assert verdicts(await check(here, gateway)) == {TODAY: "balanced"}
    assert (await state(gateway, row(12), made_at=late)).json() == {"news": False}


async def test_an_epoch_left_behind_is_judged_by_its_numbering(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(12))
    packed = pack(gateway.id, "routine", "e2", 1, [encode_event(routine(50, NOW))])
    await gateway.post(packed)
    await state(gateway, row(1, epoch="e2"))
    found = await check(here, gateway)
    assert [(day.produced, day.received, day.verdict) for day in found.days] == [(13, 13, "balanced")]
    await remove_batch(here, gateway, 0)
    assert (await check(here, gateway)).broken == {("routine", TODAY): {"missing_at_centre": 4}}


async def test_a_lost_store_is_open_until_the_rest_of_it_is_carried_over(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(20, 12, unsent=8))
    await state(gateway, row(0, 0, epoch="e2"))
    (day,) = (await check(here, gateway)).days
    assert (day.verdict, day.left_behind) == ("open", 8)
    await gateway.post(pack(gateway.id, "routine", "e2", 1, [encode_event(routine(90 + n, NOW)) for n in range(7)]))
    carried = [["routine", "e1", TODAY, 7], ["routine", "e1", -1, 0]]
    await state(gateway, row(7, epoch="e2"), carried=carried)
    assert (await check(here, gateway)).broken == {("routine", TODAY): {"lost_with_store": 1}}


async def test_a_gateway_that_counts_days_by_another_clock_is_not_called_broken(here: Centre) -> None:
    gateway = await sent(here)
    await state(gateway, row(12, day=TODAY - 1), zone="America/New_York")
    found = await check(here, gateway)
    assert set(verdicts(found).values()) == {"balanced"}
    assert found.head.zone != found.zone


async def test_the_recent_days_alone_neither_invent_nor_clear_what_is_older(here: Centre) -> None:
    gateway = await sent(here, at=NOW - timedelta(days=90))
    await gateway.send(*(routine(100 + number, NOW) for number in range(4)))
    await state(gateway, row(12, 16, TODAY - 90, held=0, trimmed=12), row(4, 16))
    assert verdicts(await check(here, gateway, is_full=False)) == {TODAY: "balanced"}
    await remove_batch(here, gateway, 1)
    assert verdicts(await check(here, gateway, is_full=False)) == {TODAY: "balanced"}
    assert (await check(here, gateway)).broken == {("routine", TODAY - 90): {"missing_at_centre": 4}}
    await check(here, gateway, is_full=False)
    (finding,) = await here.rows(conservation_finding)
    assert finding["cleared_at"] is None


async def test_a_clock_that_was_wrong_for_a_batch_makes_no_hole_in_the_recent_days(here: Centre) -> None:
    gateway = await sent(here)
    await gateway.send(routine(90, datetime(1970, 1, 2, tzinfo=UTC)))
    await gateway.send(*(routine(100 + number, NOW) for number in range(4)))
    await state(gateway, row(1, 17, 1), row(16, 17))
    assert verdicts(await check(here, gateway, is_full=False)) == {TODAY: "balanced"}
    assert verdicts(await check(here, gateway)) == {TODAY: "balanced", 1: "balanced"}


async def hello(gateway: Gateway) -> bool:
    body = {"streams": {"routine": {"epoch": "e1", "head": 1}}}
    answer = await gateway.client.post("/v1/hello", json=body, headers=gateway.headers())
    return answer.json()["statement_wanted"]


async def test_hello_asks_for_a_statement_until_it_came(here: Centre) -> None:
    gateway = await sent(here)
    assert await hello(gateway)
    await state(gateway, row(12))
    assert not await hello(gateway)
    await here.house.conservation.ask(gateway.id)
    assert await hello(gateway)
    await state(gateway, row(12))
    assert not await hello(gateway)


async def test_a_statement_that_is_none_is_refused(here: Centre) -> None:
    gateway = await sent(here)
    for wrong in (row(-1), row(1, stream="other"), row(1, day=99_000_000), row(1)[:5]):
        assert (await state(gateway, wrong, streams={})).status_code == 422
    assert (await here.client.post("/v1/statements", json={})).status_code == 401


async def test_a_statement_is_compared_soon_after_it_came(here: Centre) -> None:
    gateway = await sent(here)
    await here.settled()
    await state(gateway, row(13, 12, held=12))
    (finding,) = await here.wait_for(conservation_finding, lambda rows: rows)
    assert finding["differences"] == {"missing_at_gateway": 1}


async def test_a_database_that_is_away_costs_a_round_and_not_the_server(
    here: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds, conservation = asyncio.Semaphore(0), here.house.conservation

    async def away(**_: object) -> None:
        rounds.release()
        raise DatabaseBusy("the database cannot be reached")

    monkeypatch.setattr(conservation, "check_all", away)
    monkeypatch.setattr("server.conservation._HOUR_S", 0.01)
    running = asyncio.create_task(conservation.run())
    async with asyncio.timeout(10):
        for _ in range(3):
            await rounds.acquire()
    assert not running.done()
    running.cancel()
    await asyncio.wait([running])


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """What the house logs meanwhile: in a test it would come out among what the command prints."""
    with capture_logs() as lines:
        yield lines


@pytest.mark.usefixtures("logged")
async def test_the_command_says_so_and_fails(tmp_path: Path, engine: Engine) -> None:
    async with centre(tmp_path, engine) as here:
        settings = f'database = "{here.house.config.database}"\n[[complexes]]\nid = "garden"\nname = "测试小区"\n'
        (tmp_path / "server.toml").write_text(settings)
        gateway = await sent(here)
        await state(gateway, row(12))
        await check(here, gateway)
        run, args = CliRunner().invoke, ["conservation", "--data", str(tmp_path), "--gateway", gateway.id]
        good = await asyncio.to_thread(run, app, [*args, "--json"])
        assert (good.exit_code, [line["verdict"] for line in json.loads(good.stdout)]) == (0, ["balanced"])
        await remove_batch(here, gateway)
        bad = await asyncio.to_thread(run, app, [*args, "--json"])
        (line,) = json.loads(bad.stdout)
        assert (bad.exit_code, line["differences"]) == (1, {"missing_at_centre": 4})
        other = await asyncio.to_thread(run, app, [*args, "--day", "2020-01-01"])
        assert other.exit_code == 0
        await here.wait_for(alert, lambda rows: [one for one in rows if one["rule"] == "conservation_gap"])
        unknown = await asyncio.to_thread(run, app, ["conservation", "--data", str(tmp_path), "--gateway", "gw-none"])
        assert unknown.exit_code == 1
