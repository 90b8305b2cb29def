"""Rows as the readers of the log write them, for tests of what people see."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from PIL import Image, ImageDraw
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.silences import Silence
from domain.alerts.words import Alert
from domain.duty.machine import Duty, Matter
from domain.duty.plan import BUILT_IN
from domain.duty.rota import Rota, Turn
from domain.events import Event, Subject, encode_event
from domain.feeds.basis import Basis
from domain.feeds.retrieval import Wanted
from domain.ids import content_name
from domain.items.acts import Send, Take
from domain.items.item import RESIDENT, Asked, Item, apply
from domain.places import Place
from domain.rounds.codes import code_of
from domain.rounds.plan import Route
from domain.rounds.walk import Act
from domain.watch.entries import Entry
from server import audit
from server.house import House
from server.store import (
    care_rows,
    desired_rows,
    duty_alerts,
    duty_documents,
    duty_rows,
    item_rows,
    patrol_rows,
    platform_rows,
    resident_rows,
    retrieval_rows,
    schema,
    silence_rows,
    snap_rows,
    tariff_rows,
)
from server.store.engine import stamp
from server.store.live_rows import announce
from server.store.platform_rows import Platform
from server.store.resident_rows import By, Rights
from server.store.scope import CITY, Scope, of_complexes
from server.watch import book

PASSWORD = "correct horse battery staple"  # pragma: allowlist secret
GARDEN, RIVER = "garden", "river"
SNAP, REPORT = "snapcode2345", "report23456789ab"  # the code of a place, and of who reported by it
POINT_CODES = tuple(code_of(bytes([number] * 16)) for number in (1, 2))  # of checkpoints of the garden
SHANGHAI = ZoneInfo("Asia/Shanghai")
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))  # as strong as tests need
PEOPLE = {
    "wang": ("operator", CITY),
    "li": ("patrol", of_complexes(GARDEN)),
    "zhao": ("patrol", of_complexes(RIVER)),
    "chen": ("committee", of_complexes(GARDEN)),
    "sun": ("clerk", of_complexes(GARDEN)),
    "huang": ("auditor", CITY),
}


def now() -> datetime:
    return datetime.now(UTC)


def ago(**span: float) -> datetime:
    return now() - timedelta(**span)


def picture(colour: str = "#2b3b52", text: str = "") -> bytes:
    """A small JPEG."""
    image = Image.new("RGB", (640, 360), colour)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 250, 640, 360), fill="#1d2733")
    draw.rectangle((270, 110, 370, 300), fill="#5a4632", outline="#c9a96e", width=4)
    draw.ellipse((470, 150, 510, 190), fill="#c7b299")
    draw.rectangle((458, 190, 522, 300), fill="#39424e")
    draw.text((14, 12), text, fill="#e8edf2")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


async def insert(connection: AsyncConnection, table: Table, *rows: Mapping[str, Any]) -> None:
    for row in rows:
        await connection.execute(table.insert().values(**row))


async def add_people(house: House) -> None:
    async with house.db.write() as connection:
        for username, (role, scope) in PEOPLE.items():
            await add_person(connection, username, role, scope)


async def add_person(connection: AsyncConnection, username: str, role: str, scope: Scope) -> int:
    """An account whose password is ``PASSWORD``; its number. Its places need not be there yet."""
    values = {"username": username, "password_hash": QUICK.hash(PASSWORD), "role": role, "created_at": stamp(now())}
    added = schema.account.insert().values(**values).returning(schema.account.c.id)
    number: int = (await connection.execute(added)).scalar_one()
    places = ({"account": number, "kind": kind, "place": place} for kind, place in scope.rows)
    await insert(connection, schema.account_scope, *places)
    return number


async def add_complexes(connection: AsyncConnection) -> None:
    names = {GARDEN: "阳光花园", RIVER: "滨河小区"}
    rows = [{"id": identity, "name": name, "timezone": "Asia/Shanghai"} for identity, name in names.items()]
    await connection.execute(schema.complex_.insert(), rows)


def alert_row(identity: str, **changes: Any) -> dict[str, Any]:
    """An alert row; ``occurred_at`` and ``received_at`` may be given as times."""
    occurred_at = changes.pop("occurred_at", ago(minutes=4))
    received_at = changes.pop("received_at", occurred_at + timedelta(seconds=1))
    card = Subject(type="card", id="0008165538")
    event = changes.pop("event", Event(kind="door", device="uhppoted:1", state="forced_open", subject=card))
    row = {
        "id": identity,
        "complex": GARDEN,
        "incident": identity,
        "rule": "door_forced",
        "severity": "critical",
        "category": "security",
        "device": "uhppoted:405419896",
        "place": "3号楼东门",
        "point": "door/1",
        "subject": None,
        "occurred_at": stamp(occurred_at),
        "recorded_at": stamp(occurred_at + timedelta(milliseconds=40)),
        "received_at": stamp(received_at),
        "lateness": "live",
        "picture": None,
        "event": encode_event(msgspec.structs.replace(event, time=occurred_at, recorded_at=occurred_at)),
    }
    return row | changes


async def add_alert(house: House, identity: str, **changes: Any) -> None:
    """An alert as the projection raises it: its row, and the word to the screens."""
    row = alert_row(identity, **changes)
    async with house.db.write() as connection:
        await insert(connection, schema.alert, row)
        await announce(connection, row["complex"], "alert", identity, stamp(now()))
    house.live.ring()


async def touch_alert(house: House, identity: str, complex_id: str = GARDEN) -> None:
    """The word that an alert is to be shown anew."""
    async with house.db.write() as connection:
        await announce(connection, complex_id, "alert", identity, stamp(now()))
    house.live.ring()


async def keep_picture(house: House, complex_id: str = GARDEN, body: bytes | None = None) -> str:
    """A picture at the centre; its name."""
    body = body or picture()
    await house.media.keep(content_name(body), complex_id, body, "image/jpeg")
    return content_name(body)


def session_row(identity: str, plate: str, state: str, **changes: Any) -> dict[str, Any]:
    entered_at = changes.pop("entered_at", ago(hours=3))
    exited_at = changes.pop("exited_at", None)
    begun_at = entered_at or exited_at
    row = {
        "complex": GARDEN,
        "id": identity,
        "plate": plate,
        "plate_color": "blue",
        "state": state,
        "entered_at": entered_at and stamp(entered_at),
        "exited_at": exited_at and stamp(exited_at),
        "entry_lane": "东门入口",
        "exit_lane": "东门出口" if exited_at else None,
        "entry_picture": None,
        "exit_picture": None,
        "anomalies": [],
        "begun_at": stamp(begun_at),
        "begun_by": b"0",
    }
    return row | changes


def charge_row(session: str, plate: str, amount_fen: int, **changes: Any) -> dict[str, Any]:
    entered_at, exited_at = changes.pop("entered_at", ago(hours=5)), changes.pop("exited_at", ago(hours=1))
    row = {
        "complex": GARDEN,
        "session": session,
        "revision": 0,
        "plate": plate,
        "entered_at": stamp(entered_at),
        "exited_at": stamp(exited_at),
        "class": "small",
        "amount_fen": amount_fen,
        "change_fen": amount_fen,
        "lines": [],
        "tariff": "3f2a" * 16,
        "reason": "priced",
        "note": None,
        "booked_at": stamp(exited_at + timedelta(seconds=2)),
    }
    return row | changes


def line(rule: str, units: int, fen: int, hours_before: tuple[float, float]) -> dict[str, Any]:
    begin, end = (ago(hours=hours).isoformat() for hours in hours_before)
    return {"from": begin, "to": end, "rule": rule, "units": units, "fen": fen}


def hello(head: int, **changes: Any) -> dict[str, Any]:
    streams = {name: {"epoch": "e1", "head": head} for name in ("urgent", "money", "routine")}
    return {"version": "0.1.0", "streams": streams, "media_unsent": 0, "parked": 0, "broker": "connected", **changes}


async def add_devices(house: House) -> None:
    """A list of the garden, of which its gateway has an earlier version, and has heard some."""
    door = {"id": "uhppote:405419896", "name": "1号楼门禁", "place": "1号楼", "address": "192.0.2.100"}
    door |= {"doors": [{"point": "1"}, {"point": "2", "decides": "gateway"}], "keeps_cards": True}
    camera = {"id": "vzenith:a1b2c3d4", "name": "东门入口相机", "place": "东门", "lane": "东门入口", "direction": "in"}
    sensors = [{"id": f"z2m:0x0015{n}", "name": f"烟感 {n}", "place": f"{n}号楼"} for n in range(1, 5)]
    heard = {
        door["id"]: {"at": stamp(now()), "state": "online"},
        camera["id"]: {"at": stamp(ago(minutes=4)), "fault": "clock"},
        "z2m:0x00151": {"at": stamp(ago(hours=7)), "state": "offline"},
        "z2m:0x00152": {"at": stamp(ago(hours=7))},
    }
    async with house.db.write() as connection:
        for listed in ([door, camera], [door, camera, *sensors]):
            await desired_rows.put(connection, GARDEN, "devices", {"devices": listed}, "wang", now())
        applied = {"gateway": "gw-0a1b2c3d4e5f", "kind": "devices", "version": 1, "applied_at": stamp(now())}
        await desired_rows.save(connection, [applied | {"refused_version": None, "refused_reason": None}])
    ids = [{"id": one["id"]} for one in (door, camera, *sensors)]
    kinds = {"uhppote": "uhppote", "vzenith": "vzenith", "z2m": "zigbee2mqtt"}
    said = hello(12_480, devices=ids, time=stamp(now()), heard={"devices": heard, "kinds": kinds})
    await house.hellos.take("gw-0a1b2c3d4e5f", said)


PAID, RECEIPT = "PKGARDEN1", "receiptcode12345"


async def add_payments(connection: AsyncConnection, at: datetime, complex_id: str = GARDEN) -> None:
    """A payment, the proposal to give it back, and a code to pay by."""
    here, when = {"complex": complex_id}, stamp(at)
    said = {"out_trade_no": PAID, "channel": "wechat", "kind": "session", "session": "5e1", "amount_fen": 600}
    said |= {"status": "paid", "asked_at": when, "quoted_at": when, "paid_at": when, "receipt": 1, "code": RECEIPT}
    await insert(connection, schema.payment, {**here, **said, "provider_no": "4200000001"})
    order = {"out_trade_no": PAID, "merchant": "1900000001", "way": "page", "address": "127.0.0.1", "checks": 0}
    await insert(connection, schema.payment_order, {**here, **order, "expires_at": when, "tells": 1})
    back = {"out_refund_no": f"R1{PAID}", "out_trade_no": PAID, "channel": "wechat", "amount_fen": 100}
    back |= {"status": "proposed", "reason": "重复支付", "proposed_at": when, "proposed_by": "gatehouse"}
    await insert(connection, schema.refund, {**here, **back})
    code = {"code": "gardencode23", "lane": "", "made_at": when, "made_by": "wang"}
    await insert(connection, schema.pay_code, {**here, **code})


async def add_tariff(house: House) -> None:
    """A draft, and a version that waits for a second person."""
    body = "plans: {small: {charge: {kind: flat, fen: 500}}}"
    async with house.db.write() as connection:
        await add_tariff_rows(connection, body, house.now())


async def add_tariff_rows(connection: AsyncConnection, body: str, at: datetime) -> None:
    for number in (1, 2):
        await tariff_rows.draft(connection, GARDEN, tariff_rows.Text(body, "每次 5 元"), "li", at)
        if number == 1:
            await tariff_rows.propose(connection, GARDEN, 1, "li", at)


async def add_household(connection: AsyncConnection, at: datetime, complex_id: str = GARDEN) -> None:
    """A household with one of each: a person, a card, a plate and a visitors' link."""
    by, until = By("wang", at, complex_id), date(2099, 12, 31)
    made = by.columns | {"household": "h1"}
    await resident_rows.add_household(
        connection, by, "h1", {"building": "3", "unit": "1", "room": "501", "name": "王芳"}
    )
    await insert(connection, schema.resident, made | {"id": "p1", "name": "李小明", "phone": "13900005678"})
    card = resident_rows.card_columns("0005550101") | Rights(until).columns | {"id": "k1", "holder": "p1"}
    await insert(connection, schema.credential, made | card | {"resident": "p1"})
    plate = {"id": "v1", "plate": "京A55501", "canonical": "京A55501", "name": "", "until_day": until.isoformat()}
    await insert(connection, schema.vehicle_pass, made | plate)
    link: dict[str, Any] = {"id": "l1", "digest": "x" * 64, "groups": [], "expires_at": "2099-12-31T00:00:00.000Z"}
    await insert(connection, schema.visitor_link, made | link)


async def add_coupons(
    connection: AsyncConnection, at: datetime, name: str, digest: str, *, to_home: bool = False
) -> None:
    """A shop, or the household h1, that may give coupons of an hour."""
    made = {"complex": GARDEN, "made_at": stamp(at), "made_by": "zhang"}
    issuer = {"id": name, "household": "h1" if to_home else None, "name": name, "digest": None if to_home else digest}
    if to_home:  # one at a time has the household's page
        await connection.execute(schema.coupon_issuer.update().values(ended_at=stamp(at)))
    await insert(connection, schema.coupon_issuer, made | issuer)
    allotted = {"id": f"a{name}", "issuer": name, "name": "一小时", "kind": "minutes", "amount": 60, "per_month": 30}
    await insert(connection, schema.coupon_allotment, made | allotted | {"from_day": "2026-01-01"})


async def add_matter(connection: AsyncConnection, alert: str, at: datetime) -> None:
    """A matter of the garden on its first rung, by this alert, with its step and a silence beside it."""
    place, spot = Place(), {"complex": GARDEN, "category": "security"}
    duty = Duty(BUILT_IN, Rota(), place)
    state, steps = duty.opened(Matter(alert, GARDEN, "security", "critical"), at)
    moved = duty_rows.Moved(duty_rows.Matter(state, "3号楼东门", at), steps, at + timedelta(minutes=3), is_new=True)
    await duty_rows.keep(connection, [moved], at)
    said = Alert(
        id=alert, rule="door_forced", severity="critical", device="uhppoted:1", occurred_at=at, reach_s=300, **spot
    )
    await duty_alerts.keep(connection, [duty_alerts.Remembered(said, alert, "rings")])
    quiet = {"since": at, "until": at + timedelta(hours=2), "device": "frigate:north"}
    await silence_rows.add(connection, Silence(id="q1", complex=GARDEN, by="li", reason="修剪树枝", **quiet))


async def add_items(connection: AsyncConnection, at: datetime) -> None:
    """The code of a place in the garden; i1 that was reported by it, i2 of an alert that li has taken."""
    here = {"complex": GARDEN, "token": SNAP, "place": "3号楼门厅", "made_at": stamp(at), "made_by": "wang"}
    await insert(connection, schema.snap_place, here)
    due = at + timedelta(hours=8)
    asked = Asked(at - timedelta(hours=2), RESIDENT, "3 号楼门厅漏水，车 京A12345 旁边", "3号楼门厅")
    report = Item(id="i1", complex=GARDEN, origin="report", category="water", due_at=due, asked=asked)
    kept = item_rows.Kept(SNAP, snap_rows.digest_of(REPORT), "13800001234")
    await item_rows.add(connection, report, item_rows.Line(at, RESIDENT, "nobody", "report"), kept)
    of_alert = Asked(at, "wang", "北围墙有缺口", "北围墙", alert="a2")
    task = Item(id="i2", complex=GARDEN, origin="alert", category="danger", due_at=at, asked=of_alert)
    await item_rows.add(connection, task, item_rows.Line(at, "wang", "operator", "alert"))
    acts = (("sent", Send(key="s", by="wang", unit="complex")), ("taken", Take(key="t", by="li")))
    for what, act in acts:
        task = apply(task, act, at)
        await item_rows.save(connection, task, item_rows.Line(at, act.by, "patrol", what))


async def add_rota(connection: AsyncConnection, at: datetime) -> None:
    """Nights of li: the days are holes."""
    body = msgspec.json.encode(Rota((Turn("li", "complex", "20:00-08:00"),)))
    await duty_documents.add(connection, "rota", GARDEN, 0, body, "+ li 20:00-08:00", "wang", at)


async def add_rounds(connection: AsyncConnection, at: datetime) -> None:
    """Two checkpoints of the garden, a route by both that was due an hour ago, and a round of it that ended early."""
    for identity, name, code in (("p1", "东门岗亭", POINT_CODES[0]), ("p2", "地下车库", POINT_CODES[1])):
        point = patrol_rows.Point(identity, name, code)
        await patrol_rows.add_point(connection, GARDEN, point, "wang", at - timedelta(days=2))
    due = at.astimezone(Place().zone).replace(second=0, microsecond=0) - timedelta(hours=1)
    route = Route("夜巡一线", ("p1", "p2"), (f"{due:%H:%M}",), is_ordered=True)
    await patrol_rows.put_route(connection, GARDEN, "r1", 0, route, "wang", at - timedelta(days=2))
    said: dict[str, Any] = {"round": "walk-0001", "route": "r1", "by": "li", "due_at": due.astimezone(UTC)}
    kinds: tuple[tuple[Any, str, str], ...] = (("begin", "", ""), ("read", "p1", ""), ("end", "", "下大雨"))
    for minute, (kind, point, reason) in enumerate(kinds):
        when = due.astimezone(UTC) + timedelta(minutes=minute)
        act = Act(key=f"act-000{minute}", kind=kind, point=point, reason=reason, at=when, **said)
        await patrol_rows.add_act(connection, GARDEN, act, when, when)


async def add_care(connection: AsyncConnection, at: datetime, token: str = "family") -> None:
    """The household h1, by its door, looked after for two days, and a visit that waits."""
    yesterday, here = stamp(at - timedelta(days=1)), {"complex": GARDEN}
    terms = {"hours": 12, "quiet_from": "22:00", "quiet_to": "06:00", "device": "z2m:h1", "point": "door"}
    said = {"id": "w1", "household": "h1", "consent_by": "王芳的女儿", "until": stamp(at + timedelta(days=90))}
    times = dict.fromkeys(("consented_at", "counts_from", "made_at"), yesterday)
    digest = {"digest": care_rows.digest_of(token), "made_by": "lin"}
    await care_rows.add(connection, here | terms | said | times | digest)
    task = {"id": "t1", "watch": "w1", "since": yesterday, "due_at": yesterday, "opened_at": stamp(at), "alert": "a1"}
    await care_rows.open_task(connection, here | task)


def acts_sent(*acts: dict[str, Any], sent_at: str = "2026-11-27T14:30:00Z") -> dict[str, Any]:
    """What a phone sends of a round of the garden's route; one checkpoint, unless ``acts`` say more."""
    usual = {"round": "walk-0009", "route": "r1", "kind": "read", "at": "2026-11-27T14:00:00Z", "code": POINT_CODES[0]}
    said = [usual | act for act in acts or ({"key": "key-0001"},)]
    return {"sent_at": sent_at, "acts": said}


async def add_revenue(connection: AsyncConnection, at: datetime) -> None:
    """A draft of the garden's public revenue, with the picture of a1 as its paper."""
    entry = {"complex": GARDEN, "number": 1, "side": "income", "kind": "advert", "title": "电梯广告", "state": "draft"}
    made = {"planned_fen": 500_000, "round": 1, "made_at": stamp(at), "made_by": "zhang"}
    await insert(connection, schema.revenue_entry, entry | made)
    paper = {"complex": GARDEN, "entry": 1, "sha256": content_name(picture("#2b3b52", "3号楼东门 02:14"))}
    paper |= {"type": "image/jpeg", "size_bytes": 9, "purpose": "plan", "title": "合同", "is_public": 1}
    await insert(connection, schema.revenue_document, paper | {"added_at": stamp(at), "added_by": "zhang"})


async def add_many_entries(connection: AsyncConnection, at: datetime, count: int) -> None:
    """Entries whose decision is published, as many as a busy complex has."""
    for number in range(1, count + 1):
        entry = {"complex": GARDEN, "number": number, "side": "spending", "kind": "repair", "state": "decided"}
        made = {"title": f"第 {number} 栋楼道灯更换", "planned_fen": 90_000 + number, "round": 1, "made_by": "zhang"}
        await insert(connection, schema.revenue_entry, entry | made | {"made_at": stamp(at)})
        step = {"complex": GARDEN, "entry": number, "round": 1, "at": stamp(at), "by": "zhang", "role": "committee"}
        said = "业主代表会议讨论后同意更换，费用从公共收益里支出，完工后公布发票和照片。"
        for place, action in enumerate(("propose", "review_1", "review_2", "review_3", "publish_decision"), 1):
            await insert(connection, schema.revenue_step, step | {"number": place, "action": action, "note": said})


WATCH_WORDS = {"unit": "刑侦支队甲", "document": "秘字17号", "purpose": "案件丙"}
WATCH_ENTRY, WATCH_HIT = "0badcafe" * 4, "feedbead" * 4
WATCH_MARKS = tuple(word.encode() for word in (*WATCH_WORDS.values(), WATCH_ENTRY, WATCH_HIT, WATCH_HIT[:12]))
WATCH_MARKS += ("在控".encode(), b"watch_lists", b"watch_hit", b"watch_told", b"watch.placed", b"watch.hit", b"/watch")


async def add_watch(house: House, complex_id: str, account: str, plate: str = "京A99999", mark: str = "") -> None:
    """A plate that is looked for in a complex, with one hit for an account, its list at a gateway, and its audit."""
    at, one, hit = house.now(), f"{WATCH_ENTRY}{mark}", f"{WATCH_HIT}{mark}"
    entry = Entry(plate=plate, **WATCH_WORDS, begins=at - timedelta(days=1), ends=at + timedelta(days=30))
    who = {"sender_kind": "account", "sender": account, "made_by": account, "disposition": f"order-{mark}"}
    times = {"begins_at": stamp(entry.begins), "ends_at": stamp(entry.ends), "made_at": stamp(at)}
    where = {"device": "vzenith:1", "lane": "east", "place": f"东门{mark}", "direction": "in", "time_quality": "ok"}
    seen = {"id": hit, "entry": one, "how": "exact", "at": stamp(at), "received_at": stamp(at), **where}
    async with house.db.write() as connection:
        kept = {"complex": complex_id, "id": one, "sealed": house.seal.sealed(entry), **who, **times}
        await connection.execute(schema.watch_entry.insert().values(**kept))
        await connection.execute(schema.watch_hit.insert().values(complex=complex_id, **seen))
        told = {"complex": complex_id, "hit": hit, "account": account, "at": stamp(at), "attempts": 0}
        await connection.execute(schema.watch_told.insert().values(**told))
        await book.publish(connection, house.seal, complex_id, at)
        words = house.seal.sealed_words(msgspec.json.encode(WATCH_WORDS))
        refused = {"platform": "p1", "disposition": f"{WATCH_ENTRY}{mark}r", "state": "refused", "at": stamp(at)}
        refused |= {"sealed": words, "why": f"{WATCH_WORDS['document']}：缺少布控目的", "times": 1}
        await connection.execute(schema.watch_order.insert().values(**refused))
        owed = {"platform": "p1", "complex": complex_id, "hit": hit, "entry": one, "disposition": f"order-{mark}"}
        owed |= {"state": "waiting", "at": stamp(at), "due_at": stamp(at), "attempts": 0}
        await connection.execute(schema.watch_owed.insert().values(**owed))
        for action in ("watch.placed", "watch.hit"):
            on = audit.Subject("watch", one)
            audit.record(connection, book.ITSELF, action, at, on=on, complex_id=complex_id)


async def add_platform(connection: AsyncConnection, at: datetime) -> None:
    """An upper platform that is off, with a basis; a retrieval that waits, and one that is allowed."""
    one = Platform(id="p1", name="市局", kind="webhook", address="https://platform.example.invalid/", settings={})
    await platform_rows.add(connection, one)
    span: dict[str, Any] = {"since": at - timedelta(days=1), "until": at + timedelta(days=30)}
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset({"alarm", "door"}), **span)
    await platform_rows.record_basis(connection, "p1", basis, "wang", at)
    wanted = Wanted(applicant="张", unit="派出所", document="1", purpose="查案", classes=frozenset({"door"}), **span)
    for id_ in ("v1", "v2"):
        await retrieval_rows.ask(connection, id_, GARDEN, wanted, "nobody", at)
    await retrieval_rows.decide(connection, "v2", "approved", "somebody", at)
