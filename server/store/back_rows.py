"""Statements on silences that are over: gateways heard again or replaced, devices that say so, their alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import msgspec
from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.coming_back import BACK_AFTER, is_back
from domain.alerts.words import Alert
from server.store import duty_alerts
from server.store.duty_tables import duty_alert
from server.store.engine import stamp, unstamp
from server.store.live_rows import announce_all
from server.store.plan_tables import device_state
from server.store.schema import alert, alert_action, gateway
from server.store.upsert import insert

SILENT, OFFLINE = "alarm_gateway_silent", "device_offline"
_LATELY = timedelta(days=7)  # what went away before that is for review
_MOST = 500  # alerts in one look
_decode = msgspec.json.Decoder(Alert).decode


class Back(NamedTuple):
    """An alert of a silence that is over, since when and why: it is back, or it was taken out of use."""

    alert: str
    complex: str
    since: datetime
    why: Literal["clear", "retire"] = "clear"


class Replaced(NamedTuple):
    """A gateway whose key ended after its silence was told; ``silent_since``: its last word."""

    id: str
    complex: str
    at: datetime
    silent_since: datetime


class Told(NamedTuple):
    """An alert of a gateway's silence."""

    id: str
    at: datetime


async def gateways_back(connection: AsyncConnection, now: datetime) -> dict[str, tuple[str, datetime]]:
    """Of those whose silence was told, which are back: their complex, and since when."""
    columns = (gateway.c.id, gateway.c.complex, gateway.c.heard_since, gateway.c.last_seen_at)
    query = select(*columns).where(gateway.c.silence_told.is_not(None), gateway.c.replaced_at.is_(None))
    rows = await connection.execute(query.where(gateway.c.heard_since <= stamp(now - BACK_AFTER)))
    times = {row.id: (row.complex, unstamp(row.heard_since), unstamp(row.last_seen_at)) for row in rows}
    return {id_: (where, since) for id_, (where, since, last) in times.items() if is_back(since, last, now)}


async def gateways_replaced(connection: AsyncConnection) -> list[Replaced]:
    """Whom nobody will hear again: another box stands there, or none. They stay until ``forget_silence``."""
    columns = (gateway.c.id, gateway.c.complex, gateway.c.replaced_at, gateway.c.silence_told)
    query = select(*columns).where(gateway.c.silence_told.is_not(None), gateway.c.replaced_at.is_not(None))
    rows = await connection.execute(query.order_by(gateway.c.id))
    return [Replaced(row.id, row.complex, unstamp(row.replaced_at), unstamp(row.silence_told)) for row in rows]


async def silent_alerts(connection: AsyncConnection, complex_id: str, gateway_id: str) -> list[Told]:
    """Every alert of its silences, done with or not, the newest first."""
    here = (alert.c.complex == complex_id, alert.c.rule == SILENT, alert.c.device == f"gateway:{gateway_id}")
    query = select(alert.c.id, alert.c.occurred_at).where(*here).order_by(alert.c.occurred_at.desc()).limit(_MOST)
    return [Told(row.id, unstamp(row.occurred_at)) for row in await connection.execute(query)]


async def forget_silence(connection: AsyncConnection, gateway_id: str) -> None:
    await connection.execute(update(gateway).where(gateway.c.id == gateway_id).values(silence_told=None))


async def devices_back(connection: AsyncConnection, now: datetime, complex_id: str = "") -> list[Back]:
    """Alerts of devices that were away and have said for long enough that they are there, to a gateway that is heard.

    Behind a silent gateway nobody knows; what the ladder never saw (it came more than a day late) is for review.
    """
    rows = (await connection.execute(_said_to_be_there(now, complex_id))).all()
    boxes = await _boxes(connection, now) if rows else _Boxes({}, {})
    believed = [row for row in rows if boxes.vouch(_decode(row.body).gateway, row.complex, row.state_at)]
    return [Back(row.id, row.complex, unstamp(row.state_at)) for row in believed]


def _said_to_be_there(now: datetime, complex_id: str) -> Select[Any, Any, Any, Any]:
    said = device_state.c
    point = func.coalesce(alert.c.point, "")
    same = (alert.c.complex == said.complex) & (alert.c.device == said.device) & (point == said.point)
    is_there = (said.kind == "availability", said.state == "online", said.state_at <= stamp(now - BACK_AFTER))
    done = select(alert_action.c.number).where(alert_action.c.alert == alert.c.id)
    done = done.where(alert_action.c.action.in_(sorted(duty_alerts.DONE)))
    query = select(alert.c.id, alert.c.complex, said.state_at, duty_alert.c.body)
    query = query.select_from(duty_alert).join(alert, alert.c.id == duty_alert.c.id).join(device_state, same)
    query = query.where(*is_there, duty_alert.c.rule == OFFLINE, duty_alert.c.occurred_at >= stamp(now - _LATELY))
    query = query.where(alert.c.occurred_at < said.state_at, ~done.exists())
    return (query.where(said.complex == complex_id) if complex_id else query).limit(_MOST)


class _Boxes(NamedTuple):
    """Gateways that are heard, by their complex; and those that were replaced, when."""

    heard: dict[str, str]
    replaced: dict[str, str]

    def vouch(self, teller: str, complex_id: str, said_at: str) -> bool:
        """Whether it is believed that a device is there. What it said after its box ended came by another one."""
        ended = self.replaced.get(teller)
        if ended is None:
            return teller in self.heard
        return said_at > ended and complex_id in self.heard.values()


async def _boxes(connection: AsyncConnection, now: datetime) -> _Boxes:
    columns = (gateway.c.id, gateway.c.complex, gateway.c.heard_since, gateway.c.last_seen_at, gateway.c.replaced_at)
    rows = (await connection.execute(select(*columns))).all()
    in_use = [row for row in rows if row.replaced_at is None and row.heard_since is not None]
    heard = {row.id: row.complex for row in in_use if is_back(unstamp(row.heard_since), unstamp(row.last_seen_at), now)}
    return _Boxes(heard, {row.id: row.replaced_at for row in rows if row.replaced_at is not None})


async def clear(connection: AsyncConnection, over: Sequence[Back], now: datetime) -> None:
    """They end by themselves, once, and every screen hears of it."""
    done = {"account": None, "note": None, "photo": None}
    keys = [{"alert": one.alert, "action": one.why, "request": f"{one.why}:{one.alert}"} for one in over]
    rows = [{**key, "at": stamp(one.since), **done} for key, one in zip(keys, over, strict=True)]
    await connection.execute(insert(alert_action).on_conflict_do_nothing(), rows)
    await announce_all(connection, "alert", [(one.complex, one.alert) for one in over], stamp(now))
