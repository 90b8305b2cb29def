"""A small city with something on every page."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.days import day_number
from domain.events import STREAMS, Event
from domain.passages import Passage
from server.house import House
from server.store import schema
from server.store.engine import stamp
from tests.server.rows import (
    GARDEN,
    RIVER,
    add_alert,
    add_complexes,
    add_people,
    ago,
    charge_row,
    hello,
    insert,
    keep_picture,
    line,
    picture,
    session_row,
)
from tests.server.told import give_channels


async def fill_city(house: House) -> None:
    """Something on every page."""
    give_channels(house)
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
        await _fill_doubts(connection, unread, came, left)


async def _fill_doubts(connection: AsyncConnection, unread: Passage, came: str, left: str) -> None:
    """An exit that was misread and the car inside that it may have been, one without a plate, openings by hand."""
    misread = Passage(
        id=b"m" * 16,
        plate="沪C8888B",
        plate_color="yellow",
        lane="东门出口",
        direction="out",
        occurred_at=ago(hours=1, minutes=30),
        device="v",
        picture=left,
    )
    row = {"complex": GARDEN, "id": misread.id, "plate": misread.plate, "occurred_at": stamp(misread.occurred_at)}
    await insert(connection, schema.parking_passage, row | {"passage": msgspec.json.encode(misread)})
    inside = schema.session.update().where(schema.session.c.id == "5e2").values(entry_picture=came)
    await connection.execute(inside)
    stay = session_row(
        "5e7", misread.plate, "no_entry", plate_color="yellow", entered_at=None, exited_at=misread.occurred_at
    )
    await insert(connection, schema.session, stay | {"exit_picture": left, "begun_by": misread.id})
    for kind, one, of in (("unread", unread, None), ("no_entry", misread, "5e7")):
        seen = {"plate": one.plate, "plate_color": one.plate_color, "lane": one.lane, "direction": one.direction}
        seen |= {"occurred_at": stamp(one.occurred_at), "picture": one.picture, "session": of, "settled": 0}
        await insert(connection, schema.doubt, {"complex": GARDEN, "passage": one.id, "kind": kind} | seen)
    for number, (by, why) in enumerate((("sun", "东门出口"), ("", ""))):
        opened = {"complex": GARDEN, "id": bytes([number]) * 16, "lane": "东门出口", "direction": "out", "done": 1}
        opened |= {"occurred_at": stamp(misread.occurred_at + number * timedelta(minutes=20)), "by": by, "reason": why}
        await insert(connection, schema.lane_opening, opened)
    told = {"complex": GARDEN, "passage": unread.id, "what": "seen", "reason": "seen", "by": "sun"}
    await insert(connection, schema.passage_correction, told | {"id": "c0", "at": stamp(ago(days=1))})
    await insert(connection, schema.passage_correction, told | _undone())


def _undone() -> dict[str, Any]:
    return {"id": "c1", "what": "undo", "undoes": "c0", "at": stamp(ago(hours=20))}


async def _fill_doors(connection: AsyncConnection) -> None:
    blank: dict[str, Any] = dict.fromkeys(column.name for column in schema.door.columns)
    seen = {"last_result": "granted", "last_method": "card", "last_access_at": stamp(ago(minutes=6))}
    for number, state in enumerate(("closed", "forced_open", "open", "held_open", None)):
        row = {"complex": GARDEN, "device": "uhppoted:405419896", "point": f"door/{number + 1}", "state": state}
        place = {"place": f"{number + 1}号楼单元门", "granted": 140 - number, "denied": number}
        state_at = {"state_at": stamp(ago(minutes=6 * number + 1)) if state else None}
        await insert(connection, schema.door, blank | row | place | state_at | seen)


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
    await _fill_conservation(connection, well["id"])
    refused = {"gateway": well["id"], "received_at": stamp(ago(hours=3)), "reason": "checksum"}
    detail = {"detail": "the checksum does not match: damaged on the way", "body": b"GHB1\x00\x40" + bytes(range(256))}
    await insert(connection, schema.refusal, refused | detail)
    await _fill_readers(connection, well["id"])


async def _fill_readers(connection: AsyncConnection, gateway: str) -> None:
    """One that stands still, and a record that was set aside for the book."""
    wait = {"reader": "doors", "shard": "0", "position": 1, "error": "ValueError('no such door')", "attempts": 12}
    await insert(connection, schema.reader_wait, wait | {"since": stamp(ago(hours=2)), "seen_at": stamp(ago())})
    where = {"shard": "0", "position": 2, "complex": GARDEN, "gateway": gateway, "stream": "money", "epoch": "e1"}
    why = {"error": "KeyError('lane')", "reason": "a camera on trial", "by": "wang", "at": stamp(ago(days=1))}
    await insert(connection, schema.set_aside, {"reader": "charges", "first": 7, "last": 9, **where, **why})


async def _fill_conservation(connection: AsyncConnection, gateway: str) -> None:
    """Two days of three streams: all here but two records of yesterday's money, and some of today's on the way."""
    today, at = day_number(ago(), ZoneInfo("Asia/Shanghai")), stamp(ago(minutes=9))
    streams = {name: {"epoch": "e1", "through": 12_480} for name in STREAMS}
    head = {"gateway": gateway, "zone": "Asia/Shanghai", "streams": streams, "made_at": at, "received_at": at}
    await insert(connection, schema.statement_head, head)
    for position, name in enumerate(STREAMS, 1):
        of = {"gateway": gateway, "stream": name, "epoch": "e1"}
        places = {"position": position, "shard": 0, "complex": GARDEN, "first": 1, "last": 12_480}
        await insert(connection, schema.batch, of | places | {"received_at": at, "body": b""})
        lost = 2 if name == "money" else 0
        for day, count, unsent in ((today - 1, 10_000, 0), (today, 2_480, 40 if name == "routine" else 0)):
            numbers = {"produced": count + unsent, "held": count + unsent, "unsent": unsent, "trimmed": 0, "dropped": 0}
            row = of | numbers | {"day": day, "through": 12_480, "made_at": at, "received_at": at}
            await insert(connection, schema.statement, row)
            counted = {"day": day, "position": position, "first": 1, "count": count - (lost if day < today else 0)}
            await insert(connection, schema.batch_day, of | counted)
    found = {"gateway": gateway, "stream": "money", "day": today - 1, "differences": {"missing_at_centre": 2}}
    await insert(connection, schema.conservation_finding, found | {"found_at": at, "seen_at": at})
    turned = {"gateway": gateway, "day": today}
    await insert(connection, schema.untaken, turned | {"reason": "unchanged", "count": 311})
    await insert(connection, schema.untaken, turned | {"reason": "undecodable", "count": 3})
