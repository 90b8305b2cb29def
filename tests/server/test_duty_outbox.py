"""The outbox of the ladder's steps: who is told by what and when, what is never sent, what a killed process leaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.alerts.silences import Silence
from domain.alerts.words import Severity
from domain.delivery import MOST_AN_HOUR, WAITS
from domain.duty.acts import Acknowledge, Call
from domain.duty.machine import Duty
from domain.duty.machine import Matter as Brought
from domain.duty.plan import BUILT_IN
from domain.duty.rota import Rota, Turn
from domain.places import Place
from server.channels.channel import Channel, Notice, NotSent, Receipt
from server.channels.registry import Channels
from server.channels.settings import ChannelSettings
from server.duty import turn
from server.duty.outbox import Outbox
from server.store import delivery_rows, duty_alerts, duty_rows, person_channel_rows, schema, silence_rows
from server.store.delivery_rows import Delivery
from server.store.duty_rows import Matter, Moved
from server.store.engine import Database, stamp
from server.store.person_channel_rows import BrowserRow, Chosen, Habits
from tests.domain.alerts.told import told
from tests.server import rows
from tests.server.engines import Engine, open_database

NIGHT = datetime(2026, 11, 26, 18, 14, tzinfo=UTC)  # 02:14 in Shanghai
LI, ZHAO = "li", "zhao"
SETTINGS: dict[str, Any] = {
    "group": {"kind": "wecom", "key_file": "k", "complexes": [rows.GARDEN]},
    "push": {"kind": "web_push", "key_file": "k", "contact": "mailto:x@example.invalid"},
    "call": {"kind": "plugin", "plugin": "p"},
    "mail": {"kind": "email", "host": "h", "sender": "s@example.invalid"},
    "desk": {"kind": "feishu", "token_file": "t", "secret_file": "s", "desks": ["complex"], "units": ["消防站"]},
}
ENDPOINT = "https://push.example.invalid/1"


class FarEnd:
    """A channel that keeps what it is given; ``failing`` are the refusals of the next, ``hold`` lets none end."""

    def __init__(self) -> None:
        self.taken, self.failing, self.hold = list[Notice](), list[NotSent](), asyncio.Event()
        self.hold.set()

    async def send(self, notice: Notice) -> Receipt:
        if self.failing:
            raise self.failing.pop(0)
        self.taken.append(notice)
        await self.hold.wait()
        return Receipt()

    async def close(self) -> None:
        """Nothing is open."""


class Night:
    """A complex at night: its database, its far ends, a clock that is turned by hand, an outbox."""

    def __init__(self, db: Database) -> None:
        self.db, self.now = db, NIGHT
        self.ends = {name: FarEnd() for name in SETTINGS}
        self.duty = Duty(BUILT_IN, rota_of(LI), Place())
        self.outbox = self.new_outbox()
        self._states = dict[str, Moved]()

    def new_outbox(self) -> Outbox:
        made: dict[str, Channel] = dict(self.ends)
        named = msgspec.convert(SETTINGS, dict[str, ChannelSettings])
        return Outbox(self.db, Channels(named, made), "https://centre.example.invalid/", lambda: self.now)

    async def opened(self, incident: str, severity: Severity = "critical", complex_id: str = rows.GARDEN) -> None:
        brought = Brought(incident, complex_id, "security", severity)
        state, steps = self.duty.opened(brought, self.now)
        moved = Moved(matter=Matter(state, "3号楼东门", self.now), steps=steps, is_new=True)
        async with self.db.write(complex_id) as connection:
            row = rows.alert_row(incident, severity=severity, complex=complex_id, occurred_at=self.now)
            await connection.execute(schema.alert.insert().values(**row))
            await duty_rows.keep(connection, [moved], self.now)
        self._states[incident] = moved

    async def act(self, incident: str, act: Any, keep: Callable[..., Any] = duty_rows.keep) -> None:
        before = self._states[incident]
        state, steps = self.duty.apply(before.matter.state, act, self.now)
        moved = Moved(matter=msgspec.structs.replace(before.matter, state=state), steps=steps)
        async with self.db.write(state.complex) as connection:
            await keep(connection, [moved], self.now)
        self._states[incident] = moved

    async def taken(self, incident: str) -> None:
        await self.act(incident, Acknowledge(key=f"k{incident}", by=LI, level="complex"))

    async def look(self, outbox: Outbox | None = None, **later: float) -> None:
        """After a while: a look, all that it sends, and the look that follows what was refused."""
        self.now += timedelta(**later)
        one = outbox or self.outbox
        for _ in range(2):
            await one.look()
            await one.settled()

    def counts(self) -> dict[str, int]:
        return {name: len(end.taken) for name, end in self.ends.items() if end.taken}

    async def all(self, *states: str) -> list[Delivery]:
        query = select(schema.duty_delivery).order_by(schema.duty_delivery.c.at, schema.duty_delivery.c.number)
        async with self.db.read() as connection:
            found = [msgspec.convert(row, Delivery) for row in (await connection.execute(query)).mappings()]
        return [one for one in found if not states or one.state in states]


def rota_of(*persons: str) -> Rota:
    return Rota(tuple(Turn(one, "complex", "00:00-24:00") for one in persons))


async def wish(db: Database, username: str, *channels: str, habits: Habits | None = None) -> None:
    addresses = {"call": "13800000000", "mail": "li@example.invalid"}
    chosen = [Chosen(name, rank, True, "low", addresses.get(name, "")) for rank, name in enumerate(channels)]
    async with db.write() as connection:
        known = await person_channel_rows.find(connection, username)
        assert known is not None
        await person_channel_rows.choose(connection, known.id, chosen)
        await person_channel_rows.set_habits(connection, known.id, habits or Habits())


@asynccontextmanager
async def night(folder: Path, engine: Engine) -> AsyncGenerator[Night]:
    async with open_database(folder, engine) as db:
        async with db.write() as connection:
            await rows.add_complexes(connection)
            for username in (LI, ZHAO):
                await rows.add_person(connection, username, *rows.PEOPLE[username])
        await wish(db, LI, "screen", "group", "call", "mail")
        yield Night(db)


async def test_the_next_channel_comes_where_nobody_acknowledges(tmp_path: Path, engine: Engine) -> None:
    async with night(tmp_path, engine) as here:
        await here.opened("a1")
        await here.look()
        (notice,) = here.ends["group"].taken
        assert notice.url == "https://centre.example.invalid/alerts/a1" and notice.is_urgent
        assert "门被强行打开" in notice.title and "阳光花园" in notice.words
        assert "0008165538" not in notice.text, "of the card that opened it nothing leaves the house"
        await here.look(seconds=19)
        assert here.counts() == {"group": 1}, "an acknowledgement is waited for"
        await here.look(seconds=2)
        assert here.counts() == {"group": 1, "call": 1} and here.ends["call"].taken[0].to == "13800000000"
        await here.opened("b1", "high")
        await here.look()
        await here.taken("a1")
        for _ in range(2):
            await here.look(minutes=3)
        assert [one.key for one in here.ends["mail"].taken] == ["b1/1/mail"], "only the other goes on"
        assert {(one.incident, one.channel, one.state) for one in await here.all()} >= {("a1", "call", "sent")}


async def test_what_was_acknowledged_is_not_sent_however_long_it_was_queued(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Positive control: a writer leaves the old step in the queue; with and without the question at its sending."""

    async def careless(connection: Any, moved: list[Moved], now: datetime) -> None:
        await duty_rows.keep(connection, moved, now)
        its = schema.duty_step.c.incident == moved[0].matter.state.incident
        await connection.execute(schema.duty_step.update().where(its).values(dropped=None))

    def always(_1: object, _2: object) -> bool:
        return True

    async def queued_and_taken(here: Night, incident: str) -> None:
        await here.opened(incident)
        await here.act(incident, Acknowledge(key=incident, by=LI, level="complex"), careless)
        await here.look()

    async with night(tmp_path, engine) as here:
        await queued_and_taken(here, "a1")
        assert here.counts() == {} and await here.all() == []
        async with here.db.read() as connection:
            assert (await connection.execute(select(schema.duty_step.c.dropped))).scalars().all() == ["void"]
        monkeypatch.setattr(turn, "may_send", always)
        await queued_and_taken(here, "b1")
        assert here.counts() == {"group": 1}, "the control: without the question it goes out"


async def test_a_process_that_is_killed_while_it_sends_leaves_nothing_unsaid(tmp_path: Path, engine: Engine) -> None:
    """At least once: what was claimed and of which no outcome is known is sent again with its key, or is void."""
    async with night(tmp_path, engine) as here:
        here.ends["group"].hold.clear()
        await here.opened("a1")
        await here.opened("b1")
        killed = here.new_outbox()
        await killed.look()
        await asyncio.sleep(0)
        for task in list(killed._sending):  # pyright: ignore[reportPrivateUsage] - as a kill does: no outcome is kept
            task.cancel()
        await killed.settled()
        assert {one.state for one in await here.all()} == {"asked"}
        here.ends["group"].hold.set()
        await here.taken("b1")
        await here.outbox.begin()
        await here.look()
        keys = [one.key for one in here.ends["group"].taken]
        assert keys.count("a1/1/group") in (1, 2) and keys.count("b1/1/group") <= 1, keys
        assert {(one.incident, one.state) for one in await here.all()} == {("a1", "sent"), ("b1", "void")}
        await here.look(seconds=1)
        assert [one.key for one in here.ends["group"].taken] == keys, "and not a third time"


async def test_a_night_of_many_ends_in_one_summary_and_mutes_no_emergency(tmp_path: Path, engine: Engine) -> None:
    async with night(tmp_path, engine) as here:
        await wish(here.db, LI, "group")
        for number in range(10):
            await here.opened(f"m{number}", "medium")
            await here.look(seconds=5)
        assert len(here.ends["group"].taken) == MOST_AN_HOUR
        assert "已到上限" in here.ends["group"].taken[-1].words, "the last says that others are held"
        assert [one.error for one in await here.all("held")] == ["cap"] * 4
        await here.opened("worse", "high")
        await here.opened("worst")
        await here.look(seconds=1)
        assert len(here.ends["group"].taken) == MOST_AN_HOUR + 2, "neither what is worse nor an emergency is muted"
        await here.taken("m9")
        await here.look(minutes=61)
        (summary,) = here.ends["group"].taken[MOST_AN_HOUR + 2 :]
        assert "汇总：3 条" in summary.title and summary.url.endswith(".invalid/")
        assert sorted(one.state for one in await here.all() if one.channel == "") == ["summed"] * 3 + ["void"]
        here.ends["group"].failing = [NotSent("bad_key")]
        for number in range(3):
            await here.opened(f"n{number}", "low")
        await here.look(seconds=1)
        assert len(await here.all("failed")) >= 1, "a refusal is written down"


async def test_a_summary_that_no_channel_takes_is_held_again(tmp_path: Path, engine: Engine) -> None:
    async with night(tmp_path, engine) as here:
        await wish(here.db, LI, "group", "mail", habits=Habits("22:00", "06:00"))
        for name in ("q1", "q2"):
            await here.opened(name, "medium")
        await here.opened("e1")
        await here.look()
        assert [one.key for one in here.ends["group"].taken] == ["e1/1/group"], "who sleeps is woken for emergencies"
        await here.taken("e1")
        here.ends["group"].failing = [NotSent("blocked")]
        here.ends["mail"].failing = [NotSent("ill") for _ in range(3)]
        await here.look(hours=4)  # 06:14
        for seconds in (1, 3, 5):
            await here.look(seconds=seconds)
        assert here.ends["mail"].taken == [] and len(here.ends["mail"].failing) == 0
        await here.look(seconds=61)
        (letter,) = here.ends["mail"].taken
        assert "汇总：2 条" in letter.title
        assert sorted((one.channel, one.state) for one in await here.all() if one.channel in ("", "mail")) == [
            ("", "summed"),
            ("", "summed"),
            ("mail", "sent"),
        ]


async def test_refusals_lead_to_the_next_channel_and_what_passes_is_tried_again(tmp_path: Path, engine: Engine) -> None:
    async with night(tmp_path, engine) as here:
        group, call = here.ends["group"], here.ends["call"]
        group.failing, call.failing = [NotSent("bad_key", "93000")], [NotSent("ill")]
        await here.opened("a1")
        await here.look()
        assert here.counts() == {}, "the robot's key is wrong, the telephone is ill"
        await here.look(seconds=3)
        assert here.counts() == {"call": 1}
        states = {one.channel: (one.state, one.error, one.attempts) for one in await here.all()}
        assert states == {"group": ("failed", "bad_key", 1), "call": ("sent", "ill", 2)}
        group.failing = [NotSent("ill") for _ in range(9)]
        await here.opened("b1", "high")
        for seconds in (0, 3, 5, 9):
            await here.look(seconds=seconds)
        assert (len(group.failing), len(call.taken)) == (6, 2), "three attempts, then the next"
        here.duty, desk = Duty(BUILT_IN, Rota(), Place()), here.ends["desk"]
        desk.failing = [NotSent("rate_limited", "11232", timedelta(minutes=1)) for _ in range(2)]
        await here.opened("c1")
        for seconds, taken in ((0, 0), (30, 0), (31, 0), (61, 1)):
            await here.look(seconds=seconds)
            assert len(desk.taken) == taken, "where there is no other, one that is only busy is tried on"


async def test_screens_desks_units_and_those_who_may_not_see_it(tmp_path: Path, engine: Engine) -> None:
    async with night(tmp_path, engine) as here:
        async with here.db.write() as connection:
            known = await person_channel_rows.find(connection, LI)
            assert known is not None
            until = {"account": known.id, "until": stamp(here.now + timedelta(seconds=12))}
            await connection.execute(schema.open_screen.insert().values(**until))
        await here.opened("a1")
        await here.look()
        assert here.counts() == {}, "it is on the screen that stands open"
        async with here.db.read() as connection:
            assert (await connection.execute(select(schema.live.c.ref))).scalars().all() == ["a1"]
        await here.look(seconds=21)
        assert here.counts() == {"group": 1}, "and nobody acknowledged it there"
        await here.act("a1", Call(key="c", by=LI, unit="消防站"))
        await here.look()
        assert "吹哨" in here.ends["desk"].taken[0].words
        here.duty = Duty(BUILT_IN, Rota(), Place())
        await here.opened("b1")
        await here.look()
        assert len(here.ends["desk"].taken) == 2, "where nobody is on duty the level's desk is told"
        here.duty = Duty(BUILT_IN, rota_of(ZHAO), Place())
        await here.opened("c1")
        await here.look()
        lost = [one for one in await here.all("failed") if one.person == ZHAO]
        assert [one.error for one in lost] == ["no_channel"], "zhao may not see this complex, and hears nothing of it"


async def test_a_browser_that_is_gone_is_forgotten_and_a_complex_that_has_moved_is_left_alone(
    tmp_path: Path, engine: Engine
) -> None:
    async with night(tmp_path, engine) as here:
        await wish(here.db, LI, "push", "group")
        async with here.db.write() as connection:
            known = await person_channel_rows.find(connection, LI)
            assert known is not None
            for number in (1, 2):
                row = BrowserRow(f"d{number}", f"{ENDPOINT}{number}", "p", "a", "Chromium", NIGHT)
                await person_channel_rows.add_browser(connection, known.id, row)
        await here.opened("a1")
        here.ends["push"].failing = [NotSent("gone")]
        await here.look()
        assert here.counts() == {"push": 1}, "one of two browsers has it: that is enough"
        async with here.db.write() as connection:
            await delivery_rows.seen(connection, ["a1"], LI, here.now)
            move = {"complex": rows.RIVER, "state": "moved", "version": 2, "cell": "west", "url": "", "told": 1}
            more = {"fingerprint": "", "copied": 0, "rows_copied": 0, "begun_at": "", "changed_at": ""}
            await connection.execute(schema.complex_move.insert().values(**move, **more))
        assert [one.state for one in await here.all()] == ["seen"]
        await here.opened("r1", complex_id=rows.RIVER)
        await here.look(seconds=WAITS["critical"].total_seconds() + 1)
        assert here.counts() == {"push": 1, "group": 1}, "seen is not acknowledged; the moved one's waits where it is"


async def damaged(db: Database, incident: str) -> None:
    async with db.write(rows.GARDEN) as connection:
        its = schema.duty_state.c.incident == incident
        await connection.execute(schema.duty_state.update().where(its).values(state=b'{"of":"a newer program"}'))


async def test_a_state_that_cannot_be_read_stands_alone_and_is_told_all_the_same(
    tmp_path: Path, engine: Engine
) -> None:
    async with night(tmp_path, engine) as here:
        await here.opened("a1")
        await here.opened("b1")
        await damaged(here.db, "a1")
        await here.look()
        told = sorted(notice.url.rpartition("/")[2] for notice in here.ends["group"].taken)
        assert told == ["a1", "b1"]
        await here.look(seconds=21)
        assert here.counts() == {"group": 2, "call": 2}
        await here.look(hours=2)
        assert await here.all("asked") == [], "it ends"


async def _silence(here: Night, **fields: Any) -> None:
    said: dict[str, Any] = {
        "id": f"s{here.now}",
        "complex": rows.GARDEN,
        "by": LI,
        "reason": "门磁坏了",
        "since": here.now,
    }
    said |= {"until": here.now + timedelta(minutes=20), "up_to": "critical", "device": "uhppoted:1"}
    async with here.db.write(rows.GARDEN) as connection:
        await silence_rows.add(connection, Silence(**said | fields))


async def _grouped(here: Night, incident: str) -> None:
    """As the ladder keeps the alert of a matter."""
    alert = told(incident, device="uhppoted:1", severity="critical", complex=rows.GARDEN, occurred_at=here.now)
    async with here.db.write(rows.GARDEN) as connection:
        await duty_alerts.keep(connection, [duty_alerts.Remembered(alert, incident, "rings")])


async def test_a_silence_mutes_the_steps_of_what_climbs_and_what_still_stands_is_told_after_it(
    tmp_path: Path, engine: Engine
) -> None:
    """Control: the same matter without the silence, and with one of another device, is told."""
    async with night(tmp_path, engine) as here:
        for incident in ("a1", "b1"):
            await here.opened(incident)
            await _grouped(here, incident)
            await _silence(here, device="uhppoted:1" if incident == "a1" else "other:1")
            if incident == "a1":
                await here.look(seconds=21)
                assert here.counts() == {} and await here.all() == []
                await here.act("a1", Call(key="c", by=LI, unit="消防站"))
                await here.look()
                assert here.counts() == {"desk": 1}, "whom somebody calls is told"
        async with here.db.read() as connection:
            (step,) = await duty_rows.waiting(connection, "b1")
            assert step.incident == "b1"
        await here.look(minutes=21)
        assert [one.key for one in here.ends["group"].taken] == ["b1/1/group"]
        async with here.db.write() as connection:
            await delivery_rows.look_again(connection, here.now - timedelta(minutes=30))
        await here.look()
        assert [one.key for one in here.ends["group"].taken] == ["b1/1/group", "a1/1/group"], "it still stands"
        await here.look(seconds=21)
        assert here.counts()["call"] == 2
        await _silence(here)
        await here.look(minutes=1)
        assert here.counts().get("mail", 0) == 0, "nor does the next channel come"
