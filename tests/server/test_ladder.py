"""The ladder at the centre: matters come onto it once, climb, stop for whoever takes them; invariants I4 and I5."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import select, update

from domain.alerts.built_in import BUILT_IN as BUILT_IN_RULES
from domain.alerts.silences import Silence
from domain.duty.acts import HandOver
from domain.duty.machine import Duty, Matter
from domain.duty.plan import BUILT_IN
from domain.duty.rota import Rota, Turn
from domain.duty.state import Owner, may_send
from domain.events import Event
from domain.places import Place
from domain.wire import Header
from server.audit import Actor
from server.batches import Batch
from server.duty.acting import Acting
from server.duty.climber import Climber
from server.duty.duties import Duties
from server.duty.ladder import Ladder
from server.facts import Fact
from server.readers import quiet_projections
from server.rebuild import rebuild
from server.store import duty_documents, duty_rows, duty_views, schema, silence_rows
from server.store.alert_actions import Asked, Doer
from server.store.engine import Database, stamp
from server.store.scope import CITY
from tests.server import rows
from tests.server.centre import CONFIG, Centre, centre
from tests.server.engines import Engine, open_database

START = datetime(2026, 11, 26, 18, 0, tzinfo=UTC)  # 02:00 of a Friday by the complex's clocks
ROTA = Rota(
    (
        Turn("li", "complex", "20:00-08:00"),
        Turn("zhao", "complex", "20:00-08:00", order=2),
        Turn("qian", "complex", "08:00-20:00"),
    )
)


class Told(Batch):
    """A batch of facts as a reader gets it, without its bytes."""

    def __init__(self, facts: Sequence[Fact]) -> None:
        self._facts_here, self.is_adopted = list(facts), False
        self.complex, self.received_at = facts[0].complex, facts[0].received_at

    def facts_where(self, wanted: Any) -> list[Fact]:
        return self._facts_here


class Site:
    """A database with people, a clock by hand, and the parts of the ladder as after a start: they remember nothing."""

    def __init__(self, db: Database) -> None:
        self.db, self.now = db, START
        self.people: dict[str, Doer] = {}
        self._count = 0

    def clock(self) -> datetime:
        return self.now

    @property
    def duties(self) -> Duties:
        return Duties({rows.GARDEN: Place()})

    @property
    def climber(self) -> Climber:
        return Climber(self.db, self.duties, self.clock, lambda: None)

    def fact(self, event: Event) -> Fact:
        self._count += 1
        header = Header("gw-1", "urgent", "e1", self._count, self._count, "alarm", 1)
        return Fact(event, rows.GARDEN, header, 0, self.now)

    async def tell(self, *facts: Fact) -> None:
        """The reader folds them, and their rows are there as the alerts projection writes them."""
        async with self.db.write(rows.GARDEN) as connection:
            await Ladder(self.duties, self.clock).fold(connection, [Told(facts)])
            known = set((await connection.execute(select(schema.alert.c.id))).scalars())
            for row in (await connection.execute(select(schema.duty_alert))).mappings().all():
                if row["id"] not in known:
                    said = {"rule": row["rule"], "category": row["category"], "place": row["place"]}
                    await rows.insert(connection, schema.alert, rows.alert_row(row["id"], **said))

    async def forced(self, place: str = "3号楼东门", **more: Any) -> Fact:
        device = "uhppoted:1" if place == "3号楼东门" else f"uhppoted:{place}"
        event = Event(kind="door", device=device, place=place, time=self.now, recorded_at=self.now, **more)
        fact = self.fact(msgspec.structs.replace(event, state=more.get("state", "forced_open")))
        await self.tell(fact)
        return fact

    async def act(self, who: str, action: str, *alerts: str, key: str = "") -> list[str | None]:
        asked = Asked(action, alerts, key or uuid4().hex, "看过了")
        done = await Acting(self.db, self.duties).act(self.people[who], CITY, asked, self.now)
        return [one.refused for one in done]

    async def later(self, seconds: float) -> None:
        """Time passes, and the loop looks as often as it would."""
        until = self.now + timedelta(seconds=seconds)
        while self.now < until:
            self.now = min(until, self.now + timedelta(seconds=max(1.0, seconds / 20)))
            await self.climber.look()

    async def states(self) -> list[duty_rows.Matter]:
        async with self.db.read() as connection:
            names = (await connection.execute(select(schema.duty_state.c.incident))).scalars().all()
            return list((await duty_rows.by_names(connection, names)).values())

    async def only(self) -> duty_rows.Matter:
        (found,) = await self.states()
        return found

    async def rows(self, table: Any) -> list[dict[str, Any]]:
        async with self.db.read() as connection:
            return [dict(row) for row in (await connection.execute(select(table))).mappings()]

    async def send(self) -> list[tuple[str, str]]:
        """As who delivers does: each step that is still to be sent is marked in its matter's turn."""
        async with self.db.read() as connection:
            waits = await duty_rows.waiting(connection)
        sent: list[tuple[str, str]] = []
        for step in waits:
            async with self.db.write(rows.GARDEN) as connection:
                if await duty_rows.claim(connection, step, self.now):
                    sent.append((step.to.level, step.to.person))
        return sent


@asynccontextmanager
async def open_site(folder: Path, engine: Engine) -> AsyncGenerator[Site]:
    async with open_database(folder, engine) as db:
        site = Site(db)
        async with db.write() as connection:
            await rows.add_complexes(connection)
            for name, role in (("li", "patrol"), ("zhao", "patrol"), ("qian", "patrol"), ("she", "community")):
                number = await rows.add_person(connection, name, role, CITY)
                site.people[name] = Doer(Actor(name, role, number), number)
            body = msgspec.json.encode(ROTA)
            await duty_documents.add(connection, "rota", rows.GARDEN, 0, body, "", "wang", START)
        yield site


@pytest.fixture
async def site(tmp_path: Path, engine: Engine) -> AsyncIterator[Site]:
    async with open_site(tmp_path, engine) as made:
        yield made


async def queued(site: Site) -> list[dict[str, Any]]:
    return [row for row in await site.rows(schema.duty_step) if row["sent_at"] is None and row["dropped"] is None]


async def check(site: Site) -> None:
    """I4 and I5, and that exactly one has each matter, from what the database says."""
    matters = {one.state.incident: one.state for one in await site.states()}
    for row in await site.rows(schema.duty_state):
        state = matters[row["incident"]]
        assert sum(one.until is None for one in state.tenures) == (state.status != "ended"), "one owner"
        assert (row["status"], row["person"], row["level"]) == (state.status, state.owner.person, state.owner.level)
        assert (row["due_at"] is None) == (state.status == "ended") == (state.ended is not None), "ends by a name"
    alerts = await site.rows(schema.duty_alert)
    assert all(row["incident"] in matters or row["why"] for row in alerts), "on the ladder, or not for a named reason"
    rings = [row["id"] for row in alerts if row["why"] == "rings"]
    assert all(row["incident"] in matters for row in alerts if row["id"] in rings), "what rings is on the ladder"
    async with site.db.read() as connection:
        for step in await duty_rows.waiting(connection):
            assert may_send(matters[step.incident], step), f"{step} is queued and void"


async def test_a_matter_climbs_by_itself_until_somebody_takes_it(site: Site) -> None:
    fact = await site.forced()
    await site.tell(site.fact(fact.event))  # the same fact by another way
    matter = await site.only()
    assert matter.state.owner == Owner("complex", "li")
    assert await site.send() == [("complex", "li")] and await site.send() == []
    await site.later(70)
    assert (await site.only()).state.owner == Owner("complex", "zhao")
    await site.later(130)
    assert (await site.only()).state.owner == Owner("community")
    assert [row["why"] for row in await site.rows(schema.duty_step)] == ["opened", "next_person", "climbed"]
    (alert,) = [row["id"] for row in await site.rows(schema.duty_alert)]
    assert await site.act("she", "acknowledge", alert) == [None]
    assert (await site.only()).state.owner == Owner("community", "she")
    assert await site.send() == [], "what was queued is void"
    await site.later(3_600)
    assert len(await site.rows(schema.duty_step)) == 3, "nothing is told of itself any more"
    await check(site)


async def test_exactly_one_has_it_and_all_its_alerts_are_theirs(site: Site) -> None:
    await site.forced()
    site.now += timedelta(seconds=20)
    await site.forced(state="held_open")
    first, second = sorted(row["id"] for row in await site.rows(schema.duty_alert))
    assert len(await site.states()) == 1, "one matter of two causes"
    assert await site.act("li", "acknowledge", first, key="a tap of li") == [None]
    assert await site.act("li", "acknowledge", first, key="a tap of li") == [None], "sent twice, done once"
    assert await site.act("zhao", "acknowledge", second) == ["taken"]
    assert await site.act("zhao", "undo", first) == ["taken"]
    assert {row["action"] for row in await site.rows(schema.alert_action)} == {"acknowledge"}
    assert {row["alert"] for row in await site.rows(schema.alert_action)} == {first, second}
    act = HandOver(key="over", by="li", to=Owner("complex", "zhao"))
    assert await Acting(site.db, site.duties).help(site.people["li"], CITY, first, act, site.now)
    assert await site.send() == [("complex", "zhao")]
    assert await site.act("zhao", "acknowledge", second) == [None]
    assert await site.act("zhao", "false", first) == [None]
    ended = (await site.only()).state.ended
    assert ended is not None and (ended.why, ended.by) == ("false", "zhao")
    assert [row["is_false"] for row in await site.rows(schema.noise)] == [1, 1], "one word a source"
    await check(site)


async def test_late_ones_the_mild_and_the_silenced_are_listed_and_ring_nobody(site: Site) -> None:
    outage = site.now - timedelta(hours=4)
    await site.tell(site.fact(Event(kind="alarm", device="z:1", alarm="smoke", state="active", time=outage)))
    denied = Event(kind="access", device="u:1", place="北门", result="denied", reason="no_rights", time=site.now)
    await site.tell(site.fact(denied))
    until, of = site.now + timedelta(minutes=20), "uhppoted:1"
    said = Silence(id="q1", complex=rows.GARDEN, by="li", reason="检修门锁", since=site.now, until=until, device=of)
    silence = msgspec.structs.replace(said, up_to="critical")
    async with site.db.write(rows.GARDEN) as connection:
        await silence_rows.add(connection, silence)
    await site.forced()
    assert sorted(row["why"] for row in await site.rows(schema.duty_alert)) == ["late", "mild", "silenced"]
    assert await site.states() == [] and await site.rows(schema.duty_step) == []
    for _ in range(2):
        site.now += timedelta(minutes=9, seconds=59)
        await site.climber.look()
        assert await site.states() == [], "the control: the silence goes on"
    site.now += timedelta(seconds=3)
    await site.climber.look()
    assert (await site.only()).state.owner.person == "li", "it is over, and what stands rings with the very next look"
    await check(site)


async def test_who_is_quicker_than_the_ladder_is_not_asked_again(site: Site) -> None:
    event = Event(kind="door", device="uhppoted:1", place="西门", state="forced_open", time=site.now)
    fact = site.fact(event)
    alert = Ladder(site.duties, site.clock)._alert(fact, BUILT_IN_RULES)  # pyright: ignore[reportPrivateUsage]
    assert alert is not None
    async with site.db.write() as connection:
        await rows.insert(connection, schema.alert, rows.alert_row(alert.id))
    assert await site.act("zhao", "acknowledge", alert.id) == [None]
    await site.tell(fact)
    assert (await site.only()).state.owner == Owner("complex", "zhao")
    assert await site.rows(schema.duty_step) == []


async def test_a_shift_change_hands_on_what_is_open_and_what_is_taken(site: Site) -> None:
    site.now = datetime(2026, 11, 26, 23, 59, tzinfo=UTC)  # a minute before eight in the morning
    await site.forced("东门", state="held_open")
    await site.forced("西门", state="held_open")
    taken = sorted(row["id"] for row in await site.rows(schema.duty_alert))[0]
    assert await site.act("li", "acknowledge", taken) == [None]
    await site.later(61)
    states = {one.state.incident: one.state for one in await site.states()}
    assert {one.owner.person for one in states.values()} == {"qian"}
    assert sorted(one.status for one in states.values()) == ["acknowledged", "open"]
    assert await site.send() == [("complex", "qian")] * 2, "what was queued for the night is void"
    await check(site)


def test_who_comes_on_duty_has_what_is_left_of_the_levels_time() -> None:
    """Whoever was to be next has gone home at eight: the day's first is not passed over a second after."""
    duty, at = Duty(BUILT_IN, ROTA, Place()), datetime(2026, 11, 26, 23, 59, 0, tzinfo=UTC)
    state, _ = duty.opened(Matter("a1", rows.GARDEN, "security", "critical"), at)
    state, steps = duty.due(state, at + timedelta(seconds=60))
    assert [step.to.person for step in steps] == ["qian"]
    for seconds in (61, 120, 179):
        state, steps = duty.due(state, at + timedelta(seconds=seconds))
        assert (state.owner.person, steps) == ("qian", ()), seconds
    state, _ = duty.due(state, at + timedelta(seconds=180))
    assert state.owner == Owner("community")


async def crash(site: Site, dice: random.Random) -> None:
    """The process dies at the end of a transaction; what it read of the log comes again."""
    before, fact = (
        duty_rows.keep,
        site.fact(Event(kind="alarm", device="z:1", place="东门", alarm="sos", time=site.now)),
    )
    alerts = sorted(row["id"] for row in await site.rows(schema.duty_alert))

    async def dies(*args: Any) -> None:
        await before(*args)
        raise RuntimeError("killed")

    with pytest.MonkeyPatch.context() as patched, suppress(RuntimeError):
        patched.setattr(duty_rows, "keep", dies)
        match dice.randrange(3):
            case 0:
                await site.act("li", "acknowledge", dice.choice(alerts))
            case 1:
                await site.climber.look()
            case _:
                await site.tell(fact)
    await site.tell(fact)


async def scenario(site: Site, seed: int) -> None:
    """Alerts, taps, time, clocks that jump, the same told twice, parts that start anew at each step."""
    dice = random.Random(seed)
    told: list[Fact] = []
    for _ in range(24):
        match dice.randrange(9):
            case 0 | 1:
                told.append(
                    await site.forced(dice.choice(["东门", "西门"]), state=dice.choice(["forced_open", "held_open"]))
                )
            case 2 if told:
                await site.tell(*(site.fact(dice.choice(told).event) for _ in range(3)))
            case 3:
                await site.later(dice.choice([5, 70, 200, 2_000]))
            case 4:
                site.now += timedelta(seconds=dice.choice([-3_600, 7_200]))
                await site.climber.look()
            case 5:
                await site.send()
            case 6 if told:
                await crash(site, dice)
            case _:
                alerts = sorted(row["id"] for row in await site.rows(schema.duty_alert))
                if alerts:
                    action = dice.choice(["acknowledge", "acknowledge", "undo", "close", "false"])
                    await site.act(dice.choice(["li", "zhao", "she"]), action, dice.choice(alerts))
        await check(site)
    await site.later(40 * 86_400)
    assert all(one.state.status != "open" for one in await site.states()), "each ends, or somebody has it"
    await check(site)


@pytest.mark.parametrize("seed", [7, 23])
async def test_the_invariants_hold_over_clock_jumps_restarts_and_duplicates(site: Site, seed: int) -> None:
    await scenario(site, seed)


async def test_an_acknowledgement_that_leaves_a_queued_step_is_caught(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the same checks against a server that forgets to void."""

    async def nothing(*_: object) -> None: ...

    monkeypatch.setattr(duty_rows, "_void", nothing)
    await site.forced()
    (alert,) = [row["id"] for row in await site.rows(schema.duty_alert)]
    await site.act("li", "acknowledge", alert)
    with pytest.raises(AssertionError, match="queued and void"):
        await check(site)


async def test_a_matter_whose_alerts_are_let_go_ends_by_that_name_and_goes(site: Site) -> None:
    await site.forced()
    (alert,) = [row["id"] for row in await site.rows(schema.duty_alert)]
    async with site.db.write(rows.GARDEN) as connection:
        await duty_rows.forget(connection, [alert])
    assert (await site.only()).state.status == "open"
    await site.later(70)
    ended = (await site.only()).state.ended
    assert ended is not None and ended.why == "retention"
    async with site.db.write(rows.GARDEN) as connection:
        await duty_rows.forget(connection, [])
    assert await site.states() == [] and await site.rows(schema.duty_step) == []


async def test_a_killed_transaction_leaves_the_state_with_its_steps(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the state and the end of the transaction the process dies: afterwards all of it is done, once."""
    before = duty_rows.keep

    async def dies(*args: Any) -> None:
        await before(*args)
        raise RuntimeError("killed")

    monkeypatch.setattr(duty_rows, "keep", dies)
    with pytest.raises(RuntimeError, match="killed"):
        await site.forced()
    assert await site.states() == [] and await site.rows(schema.duty_alert) == []
    monkeypatch.setattr(duty_rows, "keep", before)
    await site.forced()
    async with site.db.write() as connection:
        await connection.execute(update(schema.duty_state).values(due_at=stamp(site.now)))
    monkeypatch.setattr(duty_rows, "keep", dies)
    site.now += timedelta(seconds=70)
    with pytest.raises(RuntimeError, match="killed"):
        await site.climber.look()
    monkeypatch.setattr(duty_rows, "keep", before)
    await site.climber.look()
    assert [row["why"] for row in await site.rows(schema.duty_step)] == ["opened", "next_person"]
    await check(site)


async def test_an_alarm_of_a_gateway_comes_onto_it_once_and_a_rebuild_brings_nothing_anew(
    tmp_path: Path, engine: Engine
) -> None:
    async with centre(tmp_path, engine) as here:
        gateway, at = await here.gateway(), datetime.now(UTC)
        smoke = Event(kind="alarm", device="z:1", alarm="smoke", state="active", time=at - timedelta(hours=4))
        forced = Event(kind="door", device="uhppoted:1", state="forced_open", place="东门", time=at)
        await gateway.send(forced, smoke)
        await gateway.send(forced)
        await here.settled()
        (matter,) = await here.rows(schema.duty_state)
        assert (matter["status"], matter["level"], matter["place"]) == ("open", "complex", "东门")
        before = await _kept(here)
        assert sorted(row["why"] for row in before[1]) == ["late", "rings"]
        rebuilt = await rebuild(quiet_projections(CONFIG)["alerts"], here.house.db, here.house.log)
        assert rebuilt.before == rebuilt.after
        await here.settled()
        assert await _kept(here) == before


async def _kept(here: Centre) -> tuple[list[Any], list[Any]]:
    """What a rebuild must leave alone; when a step was sent is for those who send."""
    steps = [row | {"sent_at": None} for row in await here.rows(schema.duty_step)]
    return steps, await here.rows(schema.duty_alert)


async def test_a_matter_that_cannot_be_read_keeps_no_other_from_climbing(site: Site) -> None:
    await site.forced()
    await site.forced(place="地下室")
    damaged, whole = [one.state.incident for one in await site.states()]
    async with site.db.write(rows.GARDEN) as connection:
        its = schema.duty_state.c.incident == damaged
        await connection.execute(update(schema.duty_state).where(its).values(state=b"{"))
    await site.later(70)
    steps = {(row["incident"], row["why"]) for row in await site.rows(schema.duty_step)}
    assert steps == {(damaged, "opened"), (whole, "opened"), (whole, "next_person")}
    async with site.db.read() as connection:
        assert [row.incident for row in await duty_views.board(connection, CITY)] == [whole]
        assert await duty_rows.due_in(connection, site.now) == []
    await site.forced(place="后门")
    assert len(await site.rows(schema.duty_state)) == 3
