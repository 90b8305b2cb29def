"""A complex's own rules: each fact is judged by the version in force at its receipt, also when it is folded again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from domain.alerts.document import document_of, read_rules
from domain.alerts.rules import Rules, Versions
from domain.desired import FORMS
from domain.events import Event
from server import rule_book
from server.cells import rows as cell_rows
from server.cli import app
from server.readers import quiet_projections
from server.rebuild import rebuild
from server.rule_book import RuleBook
from server.store import address, migrate, rule_rows
from server.store.engine import stamp, unstamp
from server.store.rule_rows import Draft, Overtaken, Published, TooEarly
from server.store.schema import alert, duty_alert, rule_version
from tests.server.centre import Centre, centre
from tests.server.engines import Engine
from tests.server.two_cells import move, two_cells

SHED: dict[str, Any] = {"id": "door_open", "severity": "high", "category": "security", "when": {"kind": "door"}}


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as running:
        yield running


def body(**changes: Any) -> bytes:
    return msgspec.json.encode(document_of(read_rules({"schema": "alert-rules/1", **changes})))


def held(number: int, state: str = "held_open") -> Event:
    fields: dict[str, Any] = {"kind": "door", "device": "uhppoted:1", "point": f"door/{number}", "state": state}
    return Event(**fields, source_event_id=str(number), time=datetime.now(UTC))


async def publish(here: Centre, after: int, changed: bytes, since: datetime | None = None) -> Published:
    async with here.house.db.write("garden") as connection:
        draft = Draft(after, changed, "试行", since)
        return await rule_rows.publish(connection, "garden", draft, "wang", here.house.now())


async def told(here: Centre) -> dict[str, tuple[str, str]]:
    """Point -> rule and severity."""
    await here.settled()
    return {row["point"]: (row["rule"], row["severity"]) for row in await here.rows(alert)}


async def three_versions(here: Centre) -> None:
    gateway = await here.gateway()
    await gateway.send(held(1))
    await here.settled()
    await publish(here, 0, body(without=["door_held_open"]))
    await gateway.send(held(2))
    await publish(here, 1, body(rules=[SHED], without=["door_held_open"]))
    await gateway.send(held(3))
    await publish(here, 2, body())
    await gateway.send(held(4))


JUDGED = {
    "door/1": ("door_held_open", "medium"),
    "door/3": ("door_open", "high"),
    "door/4": ("door_held_open", "medium"),
}


async def test_each_fact_is_judged_by_the_version_in_force_at_its_receipt(here: Centre) -> None:
    await three_versions(here)
    assert await told(here) == JUDGED
    on_ladder = {row["rule"] for row in await here.rows(duty_alert)}
    assert on_ladder == {"door_held_open", "door_open"}
    assert len(await here.rows(duty_alert)) == 3, "the ladder judges as the list does"


async def test_a_rebuild_gives_the_same_rows_after_several_versions(here: Centre) -> None:
    await three_versions(here)
    await here.settled()
    projection = quiet_projections(here.house.config)["alerts"]
    done = await rebuild(projection, here.house.db, here.house.log)
    assert done.before == done.after
    assert await told(here) == JUDGED


async def test_a_fold_by_the_newest_version_would_not(here: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control of the test above."""
    await three_versions(here)
    await here.settled()

    class Newest(Versions):
        def at(self, received_at: datetime) -> Rules:
            return super().at(datetime.max.replace(tzinfo=UTC))

    monkeypatch.setattr(rule_book, "Versions", Newest)
    done = await rebuild(quiet_projections(here.house.config)["alerts"], here.house.db, here.house.log)
    assert done.before != done.after


async def test_a_fact_told_again_under_other_rules_is_one_alert(here: Centre) -> None:
    one, other = await here.gateway(), await here.gateway()
    event = held(1)
    await one.send(event)
    await here.settled()
    await publish(here, 0, body(rules=[SHED]))
    await other.send(event)
    assert await told(here) == {"door/1": ("door_held_open", "medium")}
    assert len(await here.rows(alert)) == len(await here.rows(duty_alert)) == 1
    done = await rebuild(quiet_projections(here.house.config)["alerts"], here.house.db, here.house.log)
    assert done.before == done.after


async def test_a_version_goes_down_to_the_gateways_that_read_it(here: Centre) -> None:
    gateway = await here.gateway()
    await publish(here, 0, body(rules=[SHED]))
    await publish(here, 1, body(without=["door_held_open"]))
    answer = await gateway.client.post(
        "/v1/desired", json={"wait_s": 0, "forms": dict(FORMS)}, headers={"Authorization": f"Bearer {gateway.token()}"}
    )
    (document,) = answer.json()["documents"]
    assert (document["kind"], document["version"]) == ("alert_rules", 2)
    assert document["body"] == msgspec.json.decode(body(without=["door_held_open"]))


def test_rules_are_published_with_a_reason_and_not_put_as_a_document(tmp_path: Path) -> None:
    """They would go down and judge nothing here."""
    (tmp_path / "server.toml").write_text('[[complexes]]\nid = "garden"\nname = "花园"\n')
    (file := tmp_path / "rules.json").write_bytes(body(rules=[SHED]))
    migrate.upgrade(address.sqlite(tmp_path / "server.db"))
    done = CliRunner().invoke(app, ["desired", "put", "garden", "alert_rules", str(file), "--data", str(tmp_path)])
    assert done.exit_code == 1 and "/rules/garden" in done.stderr


async def test_of_two_editors_one_publishes(here: Centre) -> None:
    await publish(here, 0, body())
    with pytest.raises(Overtaken, match="load the page again"):
        await publish(here, 0, body(rules=[SHED]))
    (row,) = await here.rows(rule_version)
    assert (row["version"], row["made_by"], row["reason"]) == (1, "wang", "试行")


async def test_a_version_begins_after_all_that_was_judged(here: Centre) -> None:
    """Also where the clock of the server that took the facts was ahead of that of the one that publishes."""
    gateway = await here.gateway()
    await gateway.send(held(1))
    await here.settled()
    (row,) = await here.rows(alert)
    received_at = unstamp(row["received_at"])
    async with here.house.db.write("garden") as connection:
        early = received_at - timedelta(hours=1)
        made = await rule_rows.publish(connection, "garden", Draft(0, body(), "x"), "wang", early)
        assert made.since > received_at
        with pytest.raises(TooEarly, match="begin then or later"):
            await rule_rows.publish(connection, "garden", Draft(1, body(), "x", received_at), "wang", early)


async def test_a_version_may_be_published_for_a_day_to_come(here: Centre) -> None:
    tomorrow = here.house.now() + timedelta(days=1)
    await publish(here, 0, body(without=["door_held_open"]), tomorrow)
    await (await here.gateway()).send(held(1))
    assert await told(here) == {"door/1": ("door_held_open", "medium")}
    async with here.house.db.read() as connection:
        assert (await RuleBook().at(connection, "garden", tomorrow)).known != rule_book.BUILT_IN.known
    assert stamp(tomorrow) == (await here.rows(rule_version))[0]["since"]


@pytest.mark.parametrize("keeps_what_it_folded", [False, True])
async def test_a_complex_moves_to_another_cell_with_its_rules(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, keeps_what_it_folded: bool
) -> None:
    """There its batches are folded before its rules come; what they made gives way, or the cells would not agree."""
    if keeps_what_it_folded:
        monkeypatch.setattr(cell_rows, "make_way", _nothing)
    async with two_cells(tmp_path, (engine, engine)) as (east, west):
        await three_versions(east)
        await east.settled()
        if keeps_what_it_folded:
            with pytest.raises(Exception, match="alert"):
                await move(east, west)
            return
        await move(east, west)
        assert {row["point"]: (row["rule"], row["severity"]) for row in await west.rows(alert)} == JUDGED
        done = await rebuild(quiet_projections(west.house.config)["alerts"], west.house.db, west.house.log)
        assert done.before == done.after


async def _nothing(*_: object) -> None:
    return None
