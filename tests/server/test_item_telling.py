"""Whoever is to take an item is told by their channels, once a turn, within the budget and the quiet hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.delivery import MOST_AN_HOUR
from domain.duty.rota import Rota, Turn
from domain.items.categories import CATEGORIES
from domain.items.telling import severity_of
from server.api import snap
from server.channels.channel import Channel
from server.channels.registry import Channels
from server.channels.settings import ChannelSettings
from server.duty.outbox import Outbox
from server.few import Few
from server.store import item_step_rows, schema
from server.store.engine import stamp
from server.store.person_channel_rows import Habits
from server.store.scope import of_complexes
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, city
from tests.server.test_duty_outbox import SETTINGS, FarEnd, wish
from tests.server.test_items import act, made, refused
from tests.server.test_snap import PAGE, code_in, item_of

NAMED: dict[str, Any] = SETTINGS | {"power": {"kind": "email", "host": "h", "sender": "s@x.invalid", "units": ["供电"]}}


class Told:
    """A city, an outbox over it, and what its far ends took."""

    def __init__(self, town: City) -> None:
        self.town, self.db, self.later = town, town.house.db, timedelta()
        self.ends = {name: FarEnd() for name in NAMED}
        made: dict[str, Channel] = dict(self.ends)
        named = msgspec.convert(NAMED, dict[str, ChannelSettings])
        channels = Channels(named, made)
        self.outbox = Outbox(self.db, channels, "https://centre.example.invalid", self.now)

    def now(self) -> datetime:
        return self.town.house.now() + self.later

    async def look(self, **later: float) -> dict[str, int]:
        """How much each channel took until now."""
        self.later += timedelta(**later)
        for _ in range(2):
            await self.outbox.look()
            await self.outbox.settled()
        return {name: len(end.taken) for name, end in self.ends.items() if end.taken}

    async def rota(self, *turns: Turn) -> None:
        body = msgspec.json.encode(Rota(turns))
        said = {"complex": rows.GARDEN, "version": 1, "words": "", "made_at": stamp(self.now()), "made_by": "wang"}
        async with self.db.write(rows.GARDEN) as connection:
            await connection.execute(schema.duty_rota.insert().values(**said, body=body))

    async def steps(self, item: str) -> list[tuple[str, str, str, bool]]:
        of = schema.duty_step.c
        query = select(of.why, of.person, of.unit, of.dropped).where(of.incident == item_step_rows.named(item))
        async with self.db.read() as connection:
            found = (await connection.execute(query.order_by(of.number))).all()
        return [(why, person, unit, dropped is not None) for why, person, unit, dropped in found]


@pytest.fixture
async def told(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Told]:
    for name, few in (("_asking", Few(500, 60)), ("_reporting", Few(20, 3_600)), ("_at_a_place", Few(30, 3_600))):
        monkeypatch.setattr(snap, name, few)
    async with city(tmp_path, engine) as town:
        async with town.house.db.write() as connection:
            await rows.add_items(connection, town.house.now())
            await rows.add_person(connection, "she", "community", of_complexes(rows.GARDEN))
        yield Told(town)


async def report(told: Told, key: str, category: str = "danger") -> str:
    """A resident's; its id."""
    guest = await told.town.visitor()
    answer = await guest.submit(PAGE, words="楼道堆了杂物", category=category, request=key)
    assert answer.status_code == 303, answer.text
    return (await item_of(told.town, code_in(answer)))["id"]


async def test_a_report_tells_who_dispatches_once_and_names_nobody(told: Told) -> None:
    await wish(told.db, "chen", "call")
    one = await report(told, "0123456789abcdef")
    assert await told.look() == {"call": 1}
    (notice,) = told.ends["call"].taken
    assert notice.url == f"https://centre.example.invalid/items/{one}" and "安全隐患" in notice.title
    assert "等派单" in notice.words and "杂物" not in notice.text, "what somebody wrote does not leave the house"
    await report(told, "0123456789abcdef")
    assert await told.look(hours=3) == {"call": 1}, "a form that is sent twice is one fact"


async def test_who_is_on_duty_where_it_is_sent_is_told_and_the_next_channel_waits_for_nobody(told: Told) -> None:
    await wish(told.db, "li", "call", "mail")
    await told.rota(Turn("li", "complex", "00:00-24:00"))
    she, li = [await told.town.visitor(name) for name in ("she", "li")]
    one = await made(she, category="danger", unit="complex")
    assert await told.look() == {"call": 1}
    assert ("item_sent", "li", "complex", False) in await told.steps(one)
    assert await told.look(minutes=3) == {"call": 1, "mail": 1}, "nobody has taken it: the next channel"
    two = await made(she, "n-2", category="danger", unit="complex")
    assert await told.look() == {"call": 2, "mail": 1}
    assert not refused(await act(li, two, "take"))
    assert await told.look(hours=2) == {"call": 2, "mail": 1}, "it was taken: nothing follows"


async def test_a_unit_without_accounts_and_a_level_without_a_rota_are_told_at_their_desks(told: Told) -> None:
    she = await told.town.visitor("she")
    one = await made(she, unit="供电")
    assert await told.look() == {"power": 1}
    assert not refused(await act(she, one, "hand_over", unit="complex", words="小区自己修"))
    assert await told.look() == {"power": 1, "desk": 1}


async def test_what_is_done_calls_who_reviews_it_and_nobody_who_did_it_or_asked(told: Told) -> None:
    """The control: what a committee member did or asked for themselves does not call them."""
    for who in ("li", "chen"):
        await wish(told.db, who, "call")
    she, li, chen = [await told.town.visitor(name) for name in ("she", "li", "chen")]
    one = await made(she, unit="complex")
    assert not refused(await act(li, one, "take"))
    assert not refused(await act(li, one, "finish", words="好了", picture=rows.picture()))
    assert (await told.steps(one))[-1] == ("item_review", "chen", "", False)
    before = (await told.look()).get("call", 0)
    assert before >= 1 and "等您审核" in told.ends["call"].taken[-1].words
    assert not refused(await act(chen, one, "pass"))
    assert (await told.look(hours=3)).get("call", 0) == before, "it was reviewed: nothing follows"
    two = await made(chen, "n-2", unit="complex")
    assert not refused(await act(li, two, "take"))
    assert not refused(await act(li, two, "finish", words="好了", picture=rows.picture()))
    assert (await told.steps(two))[-1] == ("item_review", "", "", False), "the desk of the community"


async def test_what_was_sent_back_calls_who_did_it(told: Told) -> None:
    await wish(told.db, "li", "call")
    she, li, chen = [await told.town.visitor(name) for name in ("she", "li", "chen")]
    one = await made(she, unit="complex")
    await told.look()
    assert not refused(await act(li, one, "take"))
    assert not refused(await act(li, one, "finish", words="好了", picture=rows.picture()))
    before = await told.look()
    assert not refused(await act(chen, one, "send_back", words="还是不亮"))
    assert await told.look() == before | {"call": 1} and "退回给您" in told.ends["call"].taken[-1].words


async def test_what_changed_before_it_was_sent_is_not_sent(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: with a writer that leaves the step in the queue, and then also without the question at its sending."""

    async def careless(*_: object) -> None:
        """Leaves what waits as it is."""

    async def always(*_: object) -> bool:
        return True

    await wish(told.db, "li", "call")
    await told.rota(Turn("li", "complex", "00:00-24:00"))
    she, li = [await told.town.visitor(name) for name in ("she", "li")]

    async def sent_and_taken(key: str) -> dict[str, int]:
        one = await made(she, key, unit="complex")
        assert not refused(await act(li, one, "take"))
        return await told.look()

    assert await sent_and_taken("n-1") == {}
    monkeypatch.setattr(item_step_rows, "void", careless)
    assert await sent_and_taken("n-2") == {}
    monkeypatch.setattr(item_step_rows, "may_send", always)
    assert await sent_and_taken("n-3") == {"call": 1}, "the control: without the question it goes out"


async def test_a_flood_of_items_ends_in_one_summary_and_sleep_is_kept(told: Told) -> None:
    await wish(told.db, "chen", "call")
    for number in range(MOST_AN_HOUR + 3):
        await report(told, f"0123456789abcde{number}")
        await told.look(seconds=1)
    assert await told.look() == {"call": MOST_AN_HOUR}
    assert await told.look(minutes=61) == {"call": MOST_AN_HOUR + 1}
    assert "3 件事" in told.ends["call"].taken[-1].title
    local = told.now() + timedelta(hours=8)  # Shanghai
    quiet = Habits(local.strftime("%H:00"), (local + timedelta(hours=2)).strftime("%H:00"))
    await wish(told.db, "chen", "call", habits=quiet)
    await report(told, "0123456789abcdff")
    assert await told.look(seconds=1) == {"call": MOST_AN_HOUR + 1}, "who sleeps is not woken for an item"


@pytest.mark.parametrize("category", sorted(CATEGORIES))
def test_no_item_is_an_emergency(category: str) -> None:
    assert severity_of(category) in ("low", "medium", "high")
    assert (severity_of(category) == "low") == CATEGORIES[category].is_working
