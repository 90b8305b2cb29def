"""Rows as the readers of the log write them, for tests of what people see."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from PIL import Image, ImageDraw
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event, Subject, encode_event
from domain.ids import content_name
from server.house import House
from server.store import desired_rows, resident_rows, schema
from server.store.engine import stamp
from server.store.live_rows import announce
from server.store.resident_rows import By, Rights
from server.store.scope import CITY, Scope, of_complexes

PASSWORD = "correct horse battery staple"  # pragma: allowlist secret
GARDEN, RIVER = "garden", "river"
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
