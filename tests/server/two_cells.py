"""Two cells in this process, and a complex filled with all that a complex can have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.cells import Whereabouts
from domain.events import Event, Subject
from domain.ids import content_name
from domain.ledger import Journal, Line
from domain.orders import Order
from domain.statements import Carried, Present, Row, Statement, Untaken
from domain.wire import split_events, unpack
from server.books.ledger import post
from server.cells.depart import Departure, Destination, Moved
from server.cells.far import Answer, Far
from server.config import Cell, Config
from server.configured import cell_settings
from server.readers import folding
from server.store import access_list, access_rows, desired_rows, order_rows, schema, tariff_rows
from server.store import retention_tables as kept
from server.store.engine import stamp
from server.store.people import add_account
from server.store.schema import account, alert, alert_action
from server.store.scope import CITY
from tests.server.centre import CONFIG, Centre, Gateway, centre
from tests.server.engines import Engine
from tests.server.mixed import NO_TIME, NOT_UNDERSTOOD, records
from tests.server.rows import add_care, add_household, add_rounds

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


def departure(of: Centre, kind: type[Departure] = Departure, wait_s: float = 90.0) -> Departure:
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
    let: dict[str, Any] = {"label": "by_hand", "lane": "east", "text": "没读出车牌", "ext": {"by": "wang"}}
    await gateway.send(Event(kind="barrier", device="vzenith:9", time=at, recorded_at=at, **let))
    drawn: dict[str, Any] = {"state": "started", "point": "connector/1", "source_event_id": "7", "value": 1_000}
    await gateway.send(Event(kind="charging", device="ocpp:cp1", time=at, recorded_at=at, **drawn))
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


async def _money(connection: AsyncConnection, now: datetime) -> None:
    """A journal on a locked day, a payment with its refund, a shift with its deposit."""
    lines = (Line("receivable:sessions", 500), Line("income:parking:temporary", -500))
    day = date(2026, 3, 14)
    priced = Journal(
        source="charge",
        kind="priced",
        source_id="s1/0",
        occurred_at=now,
        business_day=day,
        memo="",
        lines=lines,
    )
    await post(connection, "garden", [priced], now)
    here, at = {"complex": "garden"}, stamp(now)
    locked = {"day": day.isoformat(), "locked_at": at, "locked_by": "wang", "number": 1, "hash": "00"}
    await connection.execute(schema.ledger_day.insert().values(**here, **locked))
    paid = {"out_trade_no": "PK1", "channel": "wechat", "kind": "session", "amount_fen": 500, "status": "paid"}
    await connection.execute(schema.payment.insert().values(**here, **paid, asked_at=at))
    back = {"out_refund_no": "R1", "out_trade_no": "PK1", "channel": "wechat", "amount_fen": 500, "status": "proposed"}
    back |= {"reason": "重复支付", "proposed_at": at, "proposed_by": "wang"}
    await connection.execute(schema.refund.insert().values(**here, **back))
    act = {"id": "A1", "session": "s1", "kind": "debt", "debit": "debt:unpaid_exit", "credit": "receivable:sessions"}
    await connection.execute(schema.session_act.insert().values(**here, **act, amount_fen=500, at=at, by="gatehouse"))
    order = {"out_trade_no": "PK1", "merchant": "1900000001", "way": "code", "address": "127.0.0.1", "expires_at": at}
    await connection.execute(schema.payment_order.insert().values(**here, **order, checks=0, tells=0))
    code = {"code": "gardencode23", "lane": "", "made_at": at, "made_by": "wang"}
    await connection.execute(schema.pay_code.insert().values(**here, **code))
    told = {"channel": "wechat", "id": "N1", "out_trade_no": "PK1", "kind": "payment", "received_at": at}
    await connection.execute(schema.provider_notice.insert().values(**here, **told))
    asked = {"id": "W1", "session": "s1", "kind": "waive", "amount_fen": 500, "reason": "投诉"}
    await connection.execute(
        schema.session_proposal.insert().values(**here, **asked, proposed_at=at, proposed_by="wang")
    )
    told = {"id": "M1", "session": "s1", "way": "paper", "at": at, "by": "wang", "owed_fen": 500}
    await connection.execute(schema.reminder.insert().values(**here, **told))
    await connection.execute(schema.lane_exit.insert().values(**here, lane="east-out", at=at, reason="pass"))
    term = {"id": "T1", "out_trade_no": "PK1", "amount_fen": 500, "first_day": "2026-03-01", "last_day": "2026-03-31"}
    await connection.execute(schema.pass_term.insert().values(**here, **term))
    shift = {"id": "S1", "person": "wang", "opened_at": at, "opening_float_fen": 20000, "payouts_fen": 0}
    await connection.execute(schema.cash_shift.insert().values(**here, **shift))
    taken = {"id": "D1", "amount_fen": 3000, "at": at, "by": "wang", "document": "17"}
    await connection.execute(schema.cash_deposit.insert().values(**here, **taken))


async def _coupons(connection: AsyncConnection, now: datetime) -> None:
    """A shop with what it may give, a coupon that it gave, and what it was billed."""
    made = {"complex": "garden", "made_at": stamp(now), "made_by": "wang"}
    shop = {"id": "i1", "household": None, "name": "超市", "digest": "00"}
    await connection.execute(schema.coupon_issuer.insert().values(**made, **shop))
    may = {"id": "al1", "issuer": "i1", "name": "一小时", "kind": "minutes", "amount": 60, "per_month": 30}
    await connection.execute(schema.coupon_allotment.insert().values(**made, **may, from_day="2026-03-01"))
    gave = {"complex": "garden", "id": "cp1", "issuer": "i1", "allotment": "al1", "passage": b"0" * 16}
    gave |= {"session": "s1", "given_at": stamp(now), "given_by": "超市"}
    await connection.execute(schema.coupon.insert().values(**gave))
    bill = {"issuer": "i1", "month": "2026-03", "amount_fen": 500}
    await connection.execute(schema.merchant_bill.insert().values(**made, **bill))


async def _tariff(connection: AsyncConnection, now: datetime) -> None:
    """A version."""
    await tariff_rows.draft(connection, "garden", tariff_rows.Text("plans: {}", "每次 5 元"), "wang", now)


async def _shared_places(connection: AsyncConnection, now: datetime) -> None:
    """One place of a household."""
    place = {"complex": "garden", "id": "pp1", "household": "h1", "name": "", "places": 1, "beyond": "stop"}
    await connection.execute(schema.pass_place.insert().values(**place, made_at=stamp(now), made_by="wang"))


async def _public(connection: AsyncConnection, now: datetime) -> None:
    """Public revenue with its path and paper; a month that is published."""
    here, at, by = {"complex": "garden"}, stamp(now), "wang"
    entry = {"number": 1, "side": "income", "kind": "advert", "title": "电梯广告", "planned_fen": 5, "state": "draft"}
    await connection.execute(schema.revenue_entry.insert().values(**here, **entry, round=1, made_at=at, made_by=by))
    step = {"entry": 1, "number": 1, "action": "propose", "round": 1, "at": at, "by": by, "role": "clerk", "note": "会"}
    await connection.execute(schema.revenue_step.insert().values(**here, **step, votes_for=2, votes_against=0))
    paper = {"entry": 1, "sha256": "0" * 64, "type": "image/png", "size_bytes": 9, "purpose": "plan", "title": ""}
    paper |= {"is_public": 1, "added_at": at, "added_by": by}
    await connection.execute(schema.revenue_document.insert().values(**here, **paper))
    says = {"is_open": 1, "is_indexed": 0, "shows_unpaid": 0, "review_1": "committee", "review_2": "community"}
    says |= {"review_3": "street", "changed_at": at, "changed_by": by}
    await connection.execute(schema.public_account.insert().values(**here, **says))
    month = {"month": "2026-03", "version": 1, "body": b"{}", "hash": "00", "ledger_number": 1, "ledger_hash": "00"}
    told = {"proposed_at": at, "proposed_by": by, "published_at": at, "published_by": "li"}
    await connection.execute(schema.public_month.insert().values(**here, **month, **told))


async def _duty(connection: AsyncConnection, now: datetime) -> None:
    """A matter on the ladder with its step and its alert, a plan, a rota, a silence, a judgement."""
    here, at, made = {"complex": "garden"}, stamp(now), {"made_at": stamp(now), "made_by": "wang"}
    spot = {**here, "category": "fire", "place": "east"}
    state = {"incident": "i1", "state": b"{}", "revision": 1, "status": "open", "level": "complex", "person": "wang"}
    state |= {"severity": "critical", "at_top": 0, "opened_at": at, "updated_at": at}
    await connection.execute(schema.duty_state.insert().values(**spot, **state))
    step = {"incident": "i1", "number": 1, "revision": 1, "level": "complex", "person": "wang", "why": "opened"}
    await connection.execute(
        schema.duty_step.insert().values(**here, **step, unit="", severity="critical", at=at, sent_at=at)
    )
    seen = {"id": "i1", "rule": "alarm_fire", "occurred_at": at, "body": b"{}", "incident": "i1", "why": "rings"}
    await connection.execute(schema.duty_alert.insert().values(**spot, **seen))
    for table in (schema.duty_plan, schema.duty_rota):
        await connection.execute(table.insert().values(**here, version=1, body=b"{}", words="", **made))
    rules = {"version": 1, "since": at, "body": b'{"schema": "alert-rules/1"}', "reason": "演练"}
    await connection.execute(schema.rule_version.insert().values(**here, **rules, **made))
    quiet = {"id": "q1", "by": "wang", "reason": "检修", "since": at, "until": at, "rule": "", "category": ""}
    await connection.execute(schema.silence.insert().values(**here, **quiet, device="d", place="", up_to="high"))
    said = {"alert": "i1", "device": "d", "rule": "alarm_fire", "at": at, "is_false": 0, "by": "wang"}
    await connection.execute(schema.noise.insert().values(**here, **said))


async def _items(connection: AsyncConnection, now: datetime) -> None:
    """An item with its line and its picture, and the code of a place."""
    here, at = {"complex": "garden"}, stamp(now)
    told = {"list": "need", "origin": "report", "category": "water", "status": "asked", "place": "3号楼", "unit": ""}
    told |= {"doer": "", "asked_at": at, "due_at": at, "code": "00", "phone": "13800000000", "updated_at": at}
    await connection.execute(schema.item.insert().values(id="i1", **here, **told, state=b"{}"))
    line = {"item": "i1", "number": 1, "at": at, "by": "wang", "role": "patrol", "what": "report", "words": "漏水"}
    await connection.execute(schema.item_act.insert().values(**here, **line, unit=""))
    shown = {"item": "i1", "sha256": "0" * 64, "purpose": "asked"}
    await connection.execute(schema.item_picture.insert().values(**here, **shown))
    code = {"token": "snapcode2345", "place": "3号楼", "made_at": at, "made_by": "wang"}
    await connection.execute(schema.snap_place.insert().values(**here, **code))


async def _act(east: Centre, gateway: Gateway) -> None:
    """What people did: took an alert, wished for something, ordered something."""
    house = east.house
    await add_account(house.db, "wang", "a password of wang", "patrol", CITY, house.now())
    (person,) = await east.rows(account)
    (first, *_) = sorted(row["id"] for row in await east.rows(alert))
    said = {
        "alert": first,
        "action": "acknowledge",
        "account": person["id"],
        "note": "去看",
        "request": "r1",
        "photo": "0" * 64,
    }
    now = stamp(house.now())
    wanted = {"gateway": gateway.id, "stream": "money", "epoch": "e1", "first": 1, "last": 1, "since": now}
    found = {"gateway": gateway.id, "stream": "money", "day": 1, "differences": {"lost": 1}}
    old = {"gateway": gateway.id, "stream": "money", "epoch": "e0"}
    order = Order("order-0001", "uhppoted:1", "door.open", house.now(), house.now() + timedelta(seconds=30), "wang")
    heard = {"gateway": gateway.id, "place": 7, "day": "2026-03-01", "hours": {"3": [60, 60, 30]}}
    async with house.db.write() as connection:
        await connection.execute(schema.gateway_online.insert().values(**heard))
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
        given = {"complex": "garden", "day": "2026-03-14", "sha256": "01", "name": "t.csv", "told": {"kind": "trade"}}
        given |= {"size_bytes": 1, "body": b"x", "given_at": now, "given_by": "wang"}
        await connection.execute(schema.bill_upload.insert().values(**given))
        columns = {
            "complex": "garden",
            "name": "bank_columns",
            "value": {"day": "记账日"},
            "set_at": now,
            "set_by": "wang",
        }
        await connection.execute(schema.bill_setting.insert().values(**columns))
        said = {"complex": "garden", "id": "c1", "passage": b"0" * 16, "what": "seen", "reason": "seen", "by": "wang"}
        await connection.execute(schema.passage_correction.insert().values(**said, at=now))
        await _money(connection, house.now())
        await _tariff(connection, house.now())
        await _coupons(connection, house.now())
        await _public(connection, house.now())
        await _duty(connection, house.now())
        await _items(connection, house.now())
        await add_rounds(connection, house.now())
        await connection.execute(schema.gateway_tag.insert().values(gateway=gateway.id, tag="pilot"))
        await connection.execute(schema.conservation_finding.insert().values(**found, found_at=now, seen_at=now))
        for place in (schema.building, schema.gate):
            await connection.execute(place.insert().values(id=f"{place.name}-1", complex="garden", name="1号"))
        drawn = {"id": "plan-1", "complex": "garden", "name": "总平面图", "rank": 1, "building": "building-1"}
        drawn |= {"picture": "0" * 64, "width_px": 640, "height_px": 400, "made_at": now, "made_by": "wang"}
        await connection.execute(schema.site_plan.insert().values(drawn))
        spot = {"complex": "garden", "plan": "plan-1", "device": "uhppoted:1", "point": "door/1", "x": 350, "y": 200}
        await connection.execute(schema.pin.insert().values(**spot, placed_at=now, placed_by="wang"))
        change = {"complex": "garden", "device": "camera:1", "version": 1, "made_at": now, "made_by": "wang"}
        await connection.execute(schema.camera_change.insert().values(**change, reason="drawn", body=b"{}"))
        await add_household(connection, house.now())
        await add_care(connection, house.now())
        await _shared_places(connection, house.now())
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
