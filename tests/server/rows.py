"""Rows as the readers of the log write them, for tests of what people see: a city with something on every page."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from PIL import Image, ImageDraw
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.events import Event, Subject, encode_event
from domain.ids import content_name
from domain.passages import Passage
from server.house import House
from server.store import schema
from server.store.engine import stamp
from server.store.live_rows import announce

PASSWORD = "correct horse battery staple"  # pragma: allowlist secret
GARDEN, RIVER = "garden", "river"
QUICK = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),))  # as strong as tests need
PEOPLE = {
    "wang": ("operator", []),
    "li": ("patrol", [GARDEN]),
    "zhao": ("patrol", [RIVER]),
    "chen": ("committee", [GARDEN]),
    "sun": ("clerk", [GARDEN]),
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
    password_hash = QUICK.hash(PASSWORD)
    rows = [
        {"username": username, "password_hash": password_hash, "role": role, "complexes": complexes}
        for username, (role, complexes) in PEOPLE.items()
    ]
    async with house.db.write() as connection:
        await insert(connection, schema.account, *(row | {"created_at": stamp(now())} for row in rows))


async def add_complexes(connection: AsyncConnection) -> None:
    names = {GARDEN: "阳光花园", RIVER: "滨河小区"}
    rows = [{"id": identity, "name": name, "timezone": "Asia/Shanghai"} for identity, name in names.items()]
    await connection.execute(schema.complex_.insert().prefix_with("OR REPLACE"), rows)


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


async def fill_city(house: House) -> None:
    """Something on every page."""
    await add_people(house)
    async with house.db.write() as connection:
        await add_complexes(connection)
    await _fill_alerts(house)
    await _fill_parking(house)
    async with house.db.write() as connection:
        await _fill_doors(connection)
        await _fill_gateways(connection)


async def _fill_alerts(house: House) -> None:
    forced = await keep_picture(house, body=picture("#2b3b52", "3号楼东门 02:14"))
    person = await keep_picture(house, body=picture("#1c2430", "北围墙"))
    await add_alert(house, "a1", picture=forced)
    night = {"rule": "person_at_night", "severity": "high", "device": "frigate:north", "point": None}
    seen = Event(kind="detection", device="frigate:north", label="person", confidence=0.91, zones=["围墙"])
    await add_alert(house, "a2", **night, place="北围墙", event=seen, picture=person, occurred_at=ago(minutes=11))
    held = {"rule": "door_held_open", "severity": "medium", "place": "1号楼单元门"}
    for number in range(4):
        await add_alert(house, f"h{number}", **held, incident="h0", occurred_at=ago(minutes=30 - 3 * number))
    denied = {"rule": "access_denied", "severity": "low", "place": "地下车库门", "subject": "***538"}
    swipe = Event(kind="access", device="uhppoted:2", result="denied", method="card", reason="no_rights")
    await add_alert(house, "d1", **denied, event=swipe, occurred_at=ago(hours=1, minutes=12))
    late = {"rule": "alarm_smoke", "category": "fire", "place": "2号楼 6 层", "lateness": "late", "device": "zigbee:s6"}
    smoke = Event(kind="alarm", device="zigbee:s6", alarm="smoke", state="active", metrics={"battery_pct": 71.0})
    times = {"occurred_at": ago(hours=5), "received_at": ago(minutes=2)}
    await add_alert(house, "s1", **late, **times, point=None, event=smoke, picture="0" * 64)
    await add_alert(house, "r1", complex=RIVER, place="南门岗亭", rule="alarm_sos", category="safety")
    await add_alert(house, "t1", place="5号楼西门", occurred_at=ago(minutes=26))
    await add_alert(house, "c1", place="6号楼", rule="device_offline", severity="low", occurred_at=ago(hours=7))
    async with house.db.write() as connection:
        did = {"account": 2, "note": None}
        taken = {"alert": "t1", "action": "acknowledge", "at": stamp(ago(minutes=24)), "request": "seed-t1"}
        closed = {"alert": "c1", "action": "close", "at": stamp(ago(hours=6)), "request": "seed-c1"}
        await insert(connection, schema.alert_action, did | taken, did | closed | {"note": "重新插好网线，已恢复"})


async def _fill_parking(house: House) -> None:
    came = await keep_picture(house, body=picture("#3a4a3a", "东门入口"))
    left = await keep_picture(house, body=picture("#4a3a3a", "东门出口"))
    stay = session_row("5e1", "京A12345", "exited", entered_at=ago(hours=5), exited_at=ago(hours=1))
    lines = [line("free time", 0, 0, (5, 4.75)), line("60 min at 200 fen", 4, 800, (4.75, 1))]
    lines.append(line("cap of the stay: 600 fen", 0, -200, (4.75, 1)))
    unread = Passage(
        id=b"u" * 16, plate="", plate_status="unreadable", lane="东门入口", occurred_at=ago(hours=2), device="v"
    )
    async with house.db.write() as connection:
        await insert(
            connection,
            schema.session,
            stay | {"entry_picture": came, "exit_picture": left},
            session_row("5e2", "沪C88888", "inside", plate_color="yellow"),
            session_row("5e3", "粤BD12345", "inside", plate_color="green", entered_at=ago(hours=28)),
            session_row("5e4", "京A67890", "lost_exit", anomalies=[{"kind": "duplicate_entry", "passage": "00"}]),
            session_row("5e5", "津B55555", "no_entry", entered_at=None, exited_at=ago(hours=8)),
            session_row("5e6", "川A11111", "inside", complex=RIVER),
        )
        await insert(
            connection,
            schema.charge,
            charge_row("5e1", "京A12345", 800, booked_at=stamp(ago(hours=1)), lines=lines[:2]),
            charge_row("5e1", "京A12345", 600, revision=1, change_fen=-200, reason="corrected", lines=lines),
            charge_row("9e9", "京B00001", 1250, exited_at=ago(hours=2)),
        )
        row = {"complex": GARDEN, "id": unread.id, "plate": "", "occurred_at": stamp(unread.occurred_at)}
        await insert(connection, schema.parking_passage, row | {"passage": msgspec.json.encode(unread)})


async def _fill_doors(connection: AsyncConnection) -> None:
    blank: dict[str, Any] = dict.fromkeys(column.name for column in schema.door.columns)
    seen = {"last_result": "granted", "last_method": "card", "last_access_at": stamp(ago(minutes=6))}
    for number, state in enumerate(("closed", "forced_open", "open", "held_open", None)):
        row = {"complex": GARDEN, "device": "uhppoted:405419896", "point": f"door/{number + 1}", "state": state}
        place = {"place": f"{number + 1}号楼单元门", "granted": 140 - number, "denied": number}
        state_at = {"state_at": stamp(ago(minutes=6 * number + 1)) if state else None}
        await insert(connection, schema.door, blank | row | place | state_at | seen)


def hello(head: int, **changes: Any) -> dict[str, Any]:
    streams = {name: {"epoch": "e1", "head": head} for name in ("urgent", "money", "routine")}
    return {"version": "0.1.0", "streams": streams, "media_unsent": 0, "parked": 0, "broker": "connected", **changes}


async def _fill_gateways(connection: AsyncConnection) -> None:
    enrolled = {"public_key": {}, "enrolled_at": stamp(ago(days=30))}
    well = {"id": "gw-0a1b2c3d4e5f", "complex": GARDEN, "last_seen_at": stamp(ago(seconds=3)), "status": hello(12_480)}
    broken = hello(3_017, parked=3, media_unsent=42, broker="away")
    silent = {"id": "gw-ffeeddccbbaa", "complex": RIVER, "last_seen_at": stamp(ago(minutes=14)), "status": broken}
    await insert(connection, schema.gateway, enrolled | well, enrolled | silent)
    for name in ("urgent", "money", "routine"):
        of = {"stream": name, "epoch": "e1"}
        await insert(connection, schema.mark, of | {"gateway": well["id"], "last": 12_480})
        await insert(connection, schema.mark, of | {"gateway": silent["id"], "last": 2_950})
    refused = {"gateway": well["id"], "received_at": stamp(ago(hours=3)), "reason": "checksum"}
    detail = {"detail": "the checksum does not match: damaged on the way", "body": b"GHB1\x00\x40" + bytes(range(256))}
    await insert(connection, schema.refusal, refused | detail)
