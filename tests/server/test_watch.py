"""Watch lists at the centre: an order with its end, a list of digests, hits for few, and not a word to anybody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

import server.batches
import server.feeds.outbox
from domain import subjects
from domain.duty.rota import Rota, Turn
from domain.events import WATCH_HIT, Event, Subject
from domain.watch.entries import Entry
from domain.watch.listed import WatchLists
from domain.watch.matching import WatchBook, hit, reading
from server import audit_book
from server.audit import Actor
from server.channels.channel import Notice
from server.config import Config, Webhook
from server.desired import Asked
from server.gateway_auth import Gateway as Known
from server.house import House
from server.retention import search
from server.store import audit_rows, duty_documents, schema, watch_hit_rows, watch_rows
from server.store.engine import stamp
from server.store.scope import CITY, Scope, of_complexes
from server.store.watch_rows import Sender
from server.watch import book
from server.watch.keeper import KEPT_AFTER, WatchKeeper
from server.watch.views import hit_shown
from tests.server import rows
from tests.server.centre import GARDEN, Centre, Gateway, centre
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, city
from tests.server.told import Group, give_channels

PLATE, CAMERA = "京A12B45", "vzenith:1"
DAY = timedelta(days=1)
BY = Actor("wu", "security_officer", 1)
WORDS = {"unit": "东城分局刑侦大队", "document": "东公刑布字17号", "purpose": "被盗车辆"}
FORM = {"complex": rows.GARDEN, "plate": PLATE, **WORDS, "begins": "2026-01-01"}


def now() -> datetime:
    return datetime.now(UTC)


def last_day(days: int = 10) -> str:
    return (now() + days * DAY).date().isoformat()


async def place(house: House, plate: str = PLATE, order: str = "o1", by: str = "wu", **times: datetime) -> str:
    """An order in the garden; the entry's id."""
    spans = {"begins": now() - DAY, "ends": now() + DAY, **times}
    asked = book.Order(Entry(plate=plate, **WORDS, **spans), ["garden"], Sender("account", by), order)
    async with house.db.write() as connection:
        await book.place(connection, house.seal, asked, BY, now())
        (kept,) = await watch_rows.of_order(connection, Sender("account", by), order)
    return kept.id


async def listed(house: House, gateway: str = "gw", **forms: int) -> dict[str, Any] | None:
    """What a gateway of the garden is handed."""
    said = await house.desired.poll(Known(gateway, "garden"), Asked(wait_s=0, forms=forms))
    return next((one.body for one in said.documents if one.kind == "watch_lists"), None)


def seen(plate: str = PLATE, number: int = 1, at: datetime | None = None) -> Event:
    subject = Subject(type="plate", id=plate, plate_color="blue", plate_status="read")
    lane = {"lane": "east", "direction": "in", "place": "东门"}
    return Event(kind="plate", device=CAMERA, source_event_id=str(number), time=at or now(), subject=subject, **lane)


def hit_of(body: dict[str, Any], event: Event) -> Event:
    """As the gateway finds it by what it was handed."""
    (found,) = WatchBook(msgspec.convert(body, WatchLists)).find(reading(event), now())
    return hit(event, found)


async def officers(house: House, *names: str, scope: Scope | None = None) -> None:
    async with house.db.write() as connection:
        for name in names:
            await rows.add_person(connection, name, "security_officer", scope or of_complexes("garden"))


async def on_duty(house: House, *names: str) -> None:
    rota = Rota(tuple(Turn(name, "complex", "00:00-12:00") for name in names))
    rota = Rota((*rota.turns, *(Turn(name, "complex", "12:00-00:00") for name in names)))
    async with house.db.write("garden") as connection:
        await duty_documents.add(connection, "rota", "garden", 0, msgspec.json.encode(rota), "", "wang", now())


async def told_of(house: House) -> dict[str, list[str]]:
    """By account, the hits that it sees."""
    found: dict[str, list[str]] = {}
    async with house.db.read() as connection:
        for name in (await connection.execute(select(schema.account.c.username))).scalars():
            its = await watch_hit_rows.page(connection, name, CITY)
            if its:
                found[name] = [one.entry for one in its]
    return found


async def steps(house: House) -> list[str]:
    async with house.db.read() as connection:
        return [row.action for row in reversed(await audit_rows.confidential(connection, CITY, 100))]


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as made:
        yield made


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        await officers(made.house, "wu", "zheng", scope=of_complexes(rows.GARDEN))
        yield made


# --- an order ---


async def test_an_order_by_the_page_goes_down_as_digests_and_lies_sealed(town: City) -> None:
    wu = await town.visitor("wu")
    assert (await wu.submit("/watch", **FORM, ends=last_day(), request="r1")).status_code == 303
    body = await listed(town.house, watch_lists=2)
    assert body is not None and len(body["entries"]) == 1
    assert await listed(town.house) == {"entries": []}, "to a program that would ring for everybody"
    async with town.house.db.read() as connection:
        stored = [str(dict(row)) for row in (await connection.execute(select(schema.watch_entry))).mappings()]
        wished = [str(dict(row)) for row in (await connection.execute(select(schema.desired_state))).mappings()]
    assert len(stored) == 1 and not any(word in str(stored + wished) for word in (PLATE, "12B45", *WORDS.values()))
    page = await wu.page("/watch")
    assert "京A***45" in page and PLATE not in page and WORDS["document"] in page
    assert PLATE in await wu.page(f"/watch/{rows.GARDEN}/{body['entries'][0]['id']}")
    assert await steps(town.house) == ["watch.placed", "watch.listed", "watch.seen", "watch.seen"]


async def test_the_same_form_twice_is_one_order(town: City) -> None:
    wu = await town.visitor("wu")
    for _ in range(2):
        await wu.submit("/watch", **FORM, ends=last_day(), request="r1")
    body = await listed(town.house, watch_lists=2)
    assert body is not None and len(body["entries"]) == 1
    assert (await steps(town.house)).count("watch.placed") == 1


@pytest.mark.parametrize(
    ("changed", "refused"),
    [
        ({"unit": ""}, "unit"),
        ({"document": " "}, "document"),
        ({"purpose": ""}, "purpose"),
        ({"plate": "京A1"}, "plate"),
        ({"ends": ""}, "ends"),
        ({"ends": "2026-01-02"}, "ends"),
        ({"ends": "2099-01-01"}, "ends"),
        ({"ends": "0001-01-01"}, "ends"),
        ({"begins": "x"}, "begins"),
        ({"complex": ""}, "complex"),
    ],
)
async def test_what_lacks_its_basis_is_not_kept(town: City, changed: dict[str, str], refused: str) -> None:
    wu = await town.visitor("wu")
    answer = await wu.submit("/watch", **{**FORM, "ends": last_day(), **changed})
    assert answer.headers["location"] == f"/watch?refused={refused}"
    assert await listed(town.house, watch_lists=2) is None and await steps(town.house) == []


async def test_placing_wants_the_second_factor(town: City) -> None:
    wu = await town.visitor("wu", is_verified=False)
    assert (await wu.submit("/watch", **FORM, ends=last_day())).status_code in (303, 403)
    assert await listed(town.house, watch_lists=2) is None


async def test_for_a_script_the_same_paths(town: City) -> None:
    wu = await town.visitor("wu")
    as_json = {"Accept": "application/json", "X-CSRF-Token": wu.csrf}
    made = await wu.client.post("/watch", data={**FORM, "ends": last_day(), "request": "r1"}, headers=as_json)
    assert made.json() == {"disposition": "r1", "complexes": [rows.GARDEN]}
    wrong = await wu.client.post("/watch", data={**FORM, "ends": ""}, headers=as_json)
    assert wrong.status_code == 422
    (entry,) = (await wu.client.get("/watch", headers=as_json)).json()["entries"]
    assert (entry["plate"], entry["state"]) == ("京A***45", "active")
    whole = (await wu.client.get(f"/watch/{rows.GARDEN}/{entry['id']}", headers=as_json)).json()
    assert whole["plate"] == PLATE
    path = f"/watch/{rows.GARDEN}/{entry['id']}/withdraw"
    assert (await wu.client.post(path, data={"reason": "已找到"}, headers=as_json)).json() == {"withdrawn": 1}
    assert (await wu.client.post(path, data={"reason": "已找到"}, headers=as_json)).json() == {"withdrawn": 0}


async def test_a_withdrawal_takes_the_words_and_the_digest_at_once(town: City) -> None:
    identity = await place(town.house)
    wu = await town.visitor("wu")
    path = f"/watch/{rows.GARDEN}/{identity}"
    assert "refused=reason" in (await wu.submit(f"{path}/withdraw")).headers["location"]
    await wu.submit(f"{path}/withdraw", reason="已找到")
    assert (await listed(town.house, watch_lists=2) or {})["entries"] == []
    async with town.house.db.read() as connection:
        (kept,) = (await connection.execute(select(schema.watch_entry))).mappings()
        lists = (await connection.execute(select(schema.desired_state.c.body))).scalars().all()
    assert kept["sealed"] is None and kept["withdrawn_by"] == "wu"
    assert len(lists) == 1 and identity.encode() not in lists[0], "earlier lists go too"
    assert PLATE not in await wu.page(path)
    assert (await steps(town.house))[:4] == ["watch.placed", "watch.listed", "watch.withdrawn", "watch.listed"]


# --- time alone ends it ---


def keeper(house: House, at: datetime) -> WatchKeeper:
    return WatchKeeper(house.db, house.seal, house.channels, "http://centre.example.invalid", lambda: at)


async def test_what_is_over_is_closed_by_itself_and_gone_a_month_later(town: City) -> None:
    identity = await place(town.house)
    await keeper(town.house, now()).look()
    assert len((await listed(town.house, watch_lists=2) or {})["entries"]) == 1
    over = now() + 2 * DAY
    await keeper(town.house, over).look()
    assert (await listed(town.house, watch_lists=2) or {})["entries"] == []
    async with town.house.db.read() as connection:
        (kept,) = (await connection.execute(select(schema.watch_entry))).mappings()
    assert (kept["id"], kept["sealed"]) == (identity, None)
    assert (await steps(town.house))[-2:] == ["watch.expired", "watch.listed"]
    await keeper(town.house, over + KEPT_AFTER + DAY).look()
    async with town.house.db.read() as connection:
        assert (await connection.execute(select(schema.watch_entry))).all() == []


async def test_a_list_that_nobody_ordered_here_is_replaced(town: City) -> None:
    """After a restore, or of a complex that came from another cell."""
    await place(town.house)
    async with town.house.db.write() as connection:
        await connection.execute(schema.watch_entry.delete())
    await keeper(town.house, now()).look()
    assert (await listed(town.house, watch_lists=2) or {})["entries"] == []


# --- a hit ---


async def the_list(here: Centre) -> dict[str, Any]:
    body = await listed(here.house, watch_lists=2)
    assert body is not None
    return body


async def test_a_hit_is_for_the_sender_and_who_is_on_duty(here: Centre) -> None:
    await officers(here.house, "wu", "zheng", "wang")
    async with here.house.db.write() as connection:
        await rows.add_person(connection, "patrol", "patrol", of_complexes("garden"))
        await rows.add_person(connection, "root", "operator", CITY)
    await on_duty(here.house, "zheng", "patrol")
    identity = await place(here.house, by="wu")
    gateway, event = await here.gateway(), seen()
    await gateway.send(event, hit_of(await the_list(here), event))
    await here.wait_for(schema.watch_hit, len)
    assert await told_of(here.house) == {"wu": [identity], "zheng": [identity]}, "not wang, who is off duty"


async def test_where_no_officer_is_on_duty_all_of_the_complex_hear(here: Centre) -> None:
    await officers(here.house, "zheng", "wang")
    await officers(here.house, "far", scope=of_complexes("river"))
    await place(here.house, by="gone")
    gateway, event = await here.gateway(), seen()
    await gateway.send(hit_of(await the_list(here), event))
    await here.wait_for(schema.watch_hit, len)
    assert set(await told_of(here.house)) == {"zheng", "wang"}


async def test_the_officer_sees_what_is_sure_and_what_is_a_doubt(here: Centre) -> None:
    await officers(here.house, "wu")
    await place(here.house)
    gateway, sure, doubt = await here.gateway(), seen(number=1), seen("京A12845", number=2)
    body = await the_list(here)
    await gateway.send(sure, hit_of(body, sure), doubt, hit_of(body, doubt))
    await here.wait_for(schema.watch_hit, lambda found: len(found) == 2)
    await here.settled()
    async with here.house.db.read() as connection:
        found = await watch_hit_rows.page(connection, "wu", CITY)
    shown = {one.how: hit_shown(here.house.seal, one, now()) for one in found}
    assert (shown["exact"].read, shown["doubtful"].read) == (PLATE, "京A12845")
    assert all(one.entry is not None and one.entry.plate == PLATE for one in shown.values())
    assert all(one.passage is not None for one in found), "it is found among the passages"


async def test_the_same_hit_told_twice_is_one(here: Centre) -> None:
    await officers(here.house, "wu")
    await place(here.house)
    gateway, other, event = await here.gateway(), await here.gateway(), seen()
    told = hit_of(await the_list(here), event)
    await gateway.send(told)
    await other.send(told)
    await here.settled()
    assert len(await here.rows(schema.watch_hit)) == 1 and (await steps(here.house)).count("watch.hit") == 1


async def late(
    here: Centre, gateway: Gateway, body: dict[str, Any], changed: Callable[[], Any]
) -> tuple[int, list[str]]:
    """A hit that comes up after something changed: how many are kept, and the steps."""
    told = hit_of(body, seen())
    await changed()
    await gateway.send(told)
    await here.settled()
    return len(await here.rows(schema.watch_hit)), await steps(here.house)


async def close_it(here: Centre, **values: Any) -> None:
    async with here.house.db.write() as connection:
        await connection.execute(schema.watch_entry.update().values(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"ends_at": stamp(datetime.now(UTC) - timedelta(seconds=1))},
        {"closed_at": stamp(datetime.now(UTC)), "sealed": None},
        {"withdrawn_at": stamp(datetime.now(UTC))},
        {"begins_at": stamp(datetime.now(UTC) + DAY)},
    ],
    ids=["over", "closed", "withdrawn", "not begun"],
)
async def test_a_hit_of_what_does_not_stand_any_more_is_impossible_here_too(
    here: Centre, values: dict[str, Any]
) -> None:
    """Whatever a gateway says that had not heard of it."""
    await officers(here.house, "wu")
    await place(here.house)
    gateway, body = await here.gateway(), await the_list(here)
    kept, said = await late(here, gateway, body, lambda: close_it(here, **values))
    # Whoever ends entries by the clock may write behind it: what is over is expired within a second.
    assert (kept, said.count("watch.dropped"), said.count("watch.hit")) == (0, 1, 0)
    assert await told_of(here.house) == {}


async def test_the_control_a_hit_of_what_stands_is_kept(here: Centre) -> None:
    await officers(here.house, "wu")
    await place(here.house)
    gateway, body = await here.gateway(), await the_list(here)
    kept, _ = await late(here, gateway, body, lambda: close_it(here, made_by="wu"))
    assert kept == 1


async def test_a_hit_of_nobodys_order_is_dropped(here: Centre) -> None:
    await officers(here.house, "wu")
    gateway = await here.gateway()
    await gateway.send(Event(kind=WATCH_HIT, device=CAMERA, code="0" * 32, state="exact", time=now()))
    await here.settled()
    assert await here.rows(schema.watch_hit) == [] and await steps(here.house) == ["watch.dropped"]


# --- nobody else hears ---

# The readers' own cursors bear their names, whether there is a hit or not.
OURS = {"watch_entry", "watch_hit", "watch_told", "audit", "desired_state", "batch", "cursor"}


async def foreign_rows(here: Centre, *words: str) -> list[str]:
    """Tables beside our own in which something of it stands."""
    found: set[str] = set()
    async with here.house.db.read() as connection:
        for table in schema.metadata.sorted_tables:
            if table.name in OURS:
                continue
            for row in (await connection.execute(select(table))).all():
                if any(word in str(tuple(row)) for word in words):
                    found.add(str(table.name))
    return sorted(found)


async def hit_with_all_feeds(folder: Path, engine: Engine) -> list[str]:
    """A car that is looked for comes in, at a centre with feeds for everything and for this alone."""
    hooks = [Webhook("all", "http://127.0.0.1:9/x"), Webhook("alarms", "http://127.0.0.1:9/x", "", ["alarm"])]
    hooks += [Webhook("mine", "http://127.0.0.1:9/x", "", ["watch_hit"])]
    async with centre(folder, engine, Config(complexes=[GARDEN], webhooks=hooks)) as here:
        await officers(here.house, "wu")
        identity = await place(here.house)
        gateway, event = await here.gateway(), seen()
        old = Event(kind="alarm", device=CAMERA, alarm="plate_watched", state="active", time=now(), lane="east")
        await gateway.send(event, hit_of(await the_list(here), event), old)
        await here.settled()
        assert len(await here.rows(schema.watch_hit)) == 1
        assert len(await here.rows(schema.parking_passage)) == 1, "the car came in as any other"
        return await foreign_rows(here, identity, WATCH_HIT, "plate_watched", "watch/")


async def test_a_hit_leaves_no_row_where_others_look(tmp_path: Path, engine: Engine) -> None:
    """No alert, no matter, no live row, no delivery, no door, no picture."""
    assert await hit_with_all_feeds(tmp_path, engine) == []


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_the_control_where_nothing_is_confidential_it_is_seen(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server.batches, "is_confidential", lambda _: False)
    monkeypatch.setattr(server.feeds.outbox, "CONFIDENTIAL", frozenset())
    found = await hit_with_all_feeds(tmp_path, engine)
    assert {"alert", "delivery", "duty_alert"} <= set(found)


async def test_who_asks_for_a_persons_data_is_not_told_and_erasing_is_not_stopped(town: City) -> None:
    await rows.add_watch(town.house, rows.GARDEN, "wu", PLATE)
    found = [hit async for hit in search.rows(town.house.db, subjects.Subject("plate", PLATE), [rows.GARDEN])]
    assert [one for one in found if one.table.name.startswith("watch")] == []


async def test_the_audits_chain_is_whole_and_its_readers_see_nothing_of_it(town: City) -> None:
    await rows.add_watch(town.house, rows.GARDEN, "wu")
    async with town.house.db.write() as connection:
        await rows.add_person(connection, "auditor1", "auditor", CITY)
    auditor = await town.visitor("auditor1")
    page = await auditor.page("/audit")
    assert not any(mark.decode() in page for mark in rows.WATCH_MARKS)
    answer = await auditor.submit("/audit/export", reason="review")
    assert "audit.seen" in answer.text and "watch" not in answer.text
    assert (await audit_book.verify(town.house.db, {}, lambda *_: None)).fault is None


# --- they are told ---


async def look_and_tell(town: City) -> list[Notice]:
    group: Group = give_channels(town.house)
    await rows.add_watch(town.house, rows.GARDEN, "wu", PLATE)
    async with town.house.db.write() as connection:
        number = (
            await connection.execute(select(schema.account.c.id).where(schema.account.c.username == "wu"))
        ).scalar()
        chosen = {"account": number, "rank": 1, "is_on": 1, "least": "low"}
        await connection.execute(schema.person_channel.insert(), [{**chosen, "channel": "group", "address": "x"}])
        more = {**chosen, "rank": 2, "channel": "mail", "address": "wu@example.invalid"}
        await connection.execute(schema.person_channel.insert(), [more])
    await keeper(town.house, now()).look()
    await keeper(town.house, now()).look()
    return group.taken


async def test_who_it_is_for_is_told_once_by_a_way_of_their_own_and_no_group_hears(town: City) -> None:
    (notice,) = await look_and_tell(town)
    assert (notice.to, notice.is_urgent, notice.severity) == ("wu@example.invalid", True, "critical")
    said = f"{notice.text} {notice.key}"
    assert not any(word in said for word in (PLATE, "A***45", "花园", *rows.WATCH_WORDS.values()))
    assert "watch.told" in await steps(town.house)


async def test_seeing_a_hit_is_on_record_and_another_officer_does_not_see_it(town: City) -> None:
    await rows.add_watch(town.house, rows.GARDEN, "wu", PLATE)
    wu, zheng = await town.visitor("wu"), await town.visitor("zheng")
    path = f"/watch/hits/{rows.GARDEN}/{rows.WATCH_HIT}"
    assert path in await wu.page("/watch/hits") and path not in await zheng.page("/watch/hits")
    assert PLATE in await wu.page(path)
    assert (await zheng.get(path)).status_code == 404
    assert (await steps(town.house))[-1] == "watch.hit_seen"
    async with town.house.db.read() as connection:
        (told,) = (await connection.execute(select(schema.watch_told))).mappings()
    assert told["seen_at"] is not None
