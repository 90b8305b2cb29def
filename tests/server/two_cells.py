"""Two cells in this process, and a complex filled with all that a complex can have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from domain.cells import Whereabouts
from domain.events import Event, Subject
from domain.ids import content_name
from domain.orders import Order
from domain.statements import Carried, Present, Row, Statement, Untaken
from domain.wire import split_events, unpack
from server.bootstrap import cell_settings, folding
from server.cells.depart import Departure, Destination, Moved
from server.cells.far import Answer, Far
from server.config import Cell, Config
from server.store import access_list, access_rows, desired_rows, order_rows, schema
from server.store import retention_tables as kept
from server.store.engine import stamp
from server.store.people import add_account
from server.store.schema import account, alert, alert_action
from server.store.scope import CITY
from tests.server.centre import CONFIG, Centre, Gateway, centre
from tests.server.engines import Engine
from tests.server.mixed import NO_TIME, NOT_UNDERSTOOD, records
from tests.server.rows import add_household

SECRET = "a secret of two cells"  # pragma: allowlist secret
WEST = Destination("west", "http://west.example.invalid")


def configured(name: str, other: str) -> Config:
    cells = [Cell(other, f"http://{other}.example.invalid", "cell.secret")]
    return msgspec.structs.replace(CONFIG, cell=name, cells=cells, complexes=list(CONFIG.complexes))


@asynccontextmanager
async def two_cells(folder: Path, engines: tuple[Engine, Engine], **both: Any) -> AsyncIterator[tuple[Centre, Centre]]:
    for name in ("east", "west"):
        (folder / name).mkdir()
        (folder / name / "cell.secret").write_text(SECRET)
    east, west = (msgspec.structs.replace(configured(*names), **both) for names in (("east", "west"), ("west", "east")))
    async with (
        centre(folder / "east", engines[0], east) as from_cell,
        centre(folder / "west", engines[1], west) as to_cell,
    ):
        yield from_cell, to_cell


def far(of: Centre, complex_id: str = "garden", secret: str = SECRET) -> Far:
    async def send(method: str, path: str, body: bytes) -> Answer:
        answer = await of.client.request(method, path, content=body, headers={"Authorization": f"Bearer {secret}"})
        return answer.status_code, answer.content

    return Far(send, complex_id)


def departure(of: Centre, kind: type[Departure] = Departure, wait_s: float = 20.0) -> Departure:
    house = of.house
    return kind(house.db, house.log, house.media, folding(house.config), house.config.cell, house.now, wait_s)


async def move(
    east: Centre,
    west: Centre,
    tell: Callable[[str], None] = lambda _: None,
    kind: type[Departure] = Departure,
    told: list[Whereabouts] | None = None,
) -> Moved:
    async def direct(_complex: str, where: Whereabouts) -> None:
        if told is not None:
            told.append(where)

    said = cell_settings(east.house.folder, east.house.config)["garden"]
    return await departure(east, kind).run(far(west), WEST, said, "garden", direct, tell)


async def fill(east: Centre) -> Gateway:
    """A complex with something in every table that travels; its readers have come to the end."""
    gateway = await east.gateway()
    first, *others = mixed_bodies(7)
    await gateway.send(*(_event(body) for body in first))
    await gateway.send(*(_event(body) for bodies in others for body in bodies), *a_stay(0), *a_stay(1))
    at = datetime.now(UTC)
    await gateway.send(Event(kind="availability", device="frigate:1", state="offline", time=at, recorded_at=at))
    picture = b"\xff\xd8\xff\xe0 a picture"
    await east.house.media.keep(content_name(picture), "garden", picture, "image/jpeg")
    await _say(gateway)
    await east.settled()
    await _act(east, gateway)
    return gateway


def mixed_bodies(seed: int) -> list[list[bytes]]:
    return [
        [body for body in split_events(unpack(record.body)[1]) if body not in (NOT_UNDERSTOOD, NO_TIME)]
        for record in records(seed)
    ]


def _event(body: bytes) -> Event:
    return msgspec.json.decode(body, type=Event)


async def _say(gateway: Gateway) -> None:
    """What a gateway says beside its log: a gap, how it is, what it states, what it has in force, rubbish."""
    head = gateway.head("money")
    gap = {"stream": "money", "epoch": "e1", "first": head + 1, "last": head + 3, "reason": "capacity"}
    hello = {"streams": {"money": {"epoch": "e1", "head": head + 3}}, "devices": [{"id": "uhppoted:1"}]}
    hello["heard"] = {"devices": {"uhppoted:1": {"state": "online"}}, "kinds": {"uhppoted": "uhppoted"}}
    hello["found"] = [{"id": "vzenith:7", "seen_at": datetime.now(UTC).isoformat(), "by": ["mqtt"], "name": "东门"}]
    row = Row("money", "e1", 1, produced=1, held=1, unsent=0, trimmed=0, dropped=0, through=1)
    present = {name: Present("e1", 0) for name in ("urgent", "money", "routine")}
    untaken, carried = [Untaken(1, "undecodable", 2)], [Carried("money", "e0", 1, 2)]
    stated = msgspec.to_builtins(Statement(datetime.now(UTC), "Asia/Shanghai", present, [row], untaken, carried))
    refused = [{"kind": "cards", "version": 1, "reason": "of another kind"}]
    desired = {"known": {}, "applied": {"policy": 1}, "refused": refused, "orders_done": [], "wait_s": 0}
    for path, said in (("gaps", gap), ("hello", hello), ("statements", stated), ("desired", desired)):
        answer = await gateway.client.post(f"/v1/{path}", json=said, headers=gateway.headers())
        assert answer.status_code == 200, answer.text
    gateway.skip("money", 3)
    assert (await gateway.post(b"rubbish")).status_code == 422


async def _act(east: Centre, gateway: Gateway) -> None:
    """What people did: took an alert, wished for something, ordered something."""
    house = east.house
    await add_account(house.db, "wang", "a password of wang", "patrol", CITY, house.now())
    (person,) = await east.rows(account)
    (first, *_) = sorted(row["id"] for row in await east.rows(alert))
    said = {"alert": first, "action": "acknowledge", "account": person["id"], "note": "去看", "request": "r1"}
    now = stamp(house.now())
    wanted = {"gateway": gateway.id, "stream": "money", "epoch": "e1", "first": 1, "last": 1, "since": now}
    found = {"gateway": gateway.id, "stream": "money", "day": 1, "differences": {"lost": 1}}
    old = {"gateway": gateway.id, "stream": "money", "epoch": "e0"}
    order = Order("order-0001", "uhppoted:1", "door.open", house.now(), house.now() + timedelta(seconds=30), "wang")
    async with house.db.write() as connection:
        await connection.execute(alert_action.insert().values(**said, at=now))
        await connection.execute(schema.wanted.insert().values(**wanted))
        await connection.execute(kept.expired_range.insert().values(**old, first=1, last=2))
        await connection.execute(kept.expired_day.insert().values(**old, day=1, count=2))
        hold = {"plate": "京A12345", "card": "", "person": "", "device": "", "reason": "x", "document": "17"}
        hold |= {"complex": "garden", "placed_by": "wang", "placed_at": now}
        await connection.execute(kept.legal_hold.insert().values(**hold))
        said_of = {"origin": "x", "field": "plate", "value": "京A12346", "reason": "misread"}
        said_of |= {"complex": "garden", "made_by": "wang", "made_at": now}
        await connection.execute(kept.correction.insert().values(**said_of))
        read = {"complex": "garden", "day": "2026-03-14", "sha256": "00", "name": "t.csv"}
        await connection.execute(schema.bill_file.insert().values(**read, read_at=now, read_by="wang"))
        report = {"complex": "garden", "day": "2026-03-14", "version": 1, "hash": "00", "body": b"{}"}
        await connection.execute(schema.bill_report.insert().values(**report, made_at=now, made_by="wang"))
        item = {"complex": "garden", "channel": "wechat", "key": "PK1", "since": "2026-03-14", "day": "2026-03-14"}
        item |= {"class": "missing_local", "bill_fen": 500, "action": "suspense", "note": ""}
        await connection.execute(schema.bill_item.insert().values(**item))
        await connection.execute(schema.gateway_tag.insert().values(gateway=gateway.id, tag="pilot"))
        await connection.execute(schema.conservation_finding.insert().values(**found, found_at=now, seen_at=now))
        for place in (schema.building, schema.gate):
            await connection.execute(place.insert().values(id=f"{place.name}-1", complex="garden", name="1号"))
        drawn = {"id": "plan-1", "complex": "garden", "name": "总平面图", "rank": 1, "building": "building-1"}
        drawn |= {"picture": "0" * 64, "width_px": 640, "height_px": 400, "made_at": now, "made_by": "wang"}
        await connection.execute(schema.site_plan.insert().values(drawn))
        spot = {"complex": "garden", "plan": "plan-1", "device": "uhppoted:1", "point": "door/1", "x": 350, "y": 200}
        await connection.execute(schema.pin.insert().values(**spot, placed_at=now, placed_by="wang"))
        await add_household(connection, house.now())
        await access_list.adopt(connection, "garden", house.now())
        await access_rows.put_schedule(connection, "garden", "白天", {"mon": "08:00-18:00"})
        await access_rows.put_group(connection, "garden", "楼门", "*", "白天")
        await access_rows.put_holidays(connection, "garden", "2027-01-01")
        await access_list.publish(connection, "garden", "wang", house.now())
        await desired_rows.put(connection, "garden", "policy", {"confirm_s": 5}, "wang", house.now())
        await order_rows.place(connection, "garden", order)


def a_stay(number: int) -> list[Event]:
    out = datetime.now(UTC) - timedelta(days=number, minutes=1)
    return [_plate(2 * number, out - timedelta(hours=2), "in"), _plate(2 * number + 1, out, "out")]


def _plate(number: int, at: datetime, direction: str) -> Event:
    event = Event(kind="plate", device="vzenith:9", time=at, recorded_at=at, direction=direction, lane="east")
    event.subject, event.source_event_id = Subject(type="plate", id="粤B8K6Q2"), f"plate/{number}"
    return event
