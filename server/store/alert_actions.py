"""What people do to alerts: kept once per key of the screen, and announced to all screens in the same transaction."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain import incidents
from server.audit import Actor, Subject, record
from server.store import alert_views
from server.store.engine import stamp
from server.store.live_rows import announce
from server.store.schema import alert_action
from server.store.scope import Scope

MAX_ALERTS = 200


class KeyUsed(Exception):
    """The key of the request belongs to another action already."""


class Asked(msgspec.Struct, frozen=True):
    """What a person does to alerts. ``request`` is the screen's own key: sent twice, it is done once."""

    action: str
    alerts: tuple[str, ...]
    request: str
    note: str | None = None


class Outcome(msgspec.Struct, frozen=True):
    """How an alert stands after an action. ``refused``: "closed", or "taken" by someone else; None where it holds."""

    alert: str
    status: str
    refused: str | None = None


async def act(
    connection: AsyncConnection, by: Actor, account: int, scope: Scope, asked: Asked, at: datetime
) -> list[Outcome]:
    """Do it to each alert in the person's scope; those that are not there are left out. Raises KeyUsed."""
    outcomes: list[Outcome] = []
    for identity in asked.alerts[:MAX_ALERTS]:
        view = await alert_views.one(connection, scope, identity)
        if view is not None:
            outcomes.append(await _act(connection, account, view, asked, at))
            _record(connection, by, view, asked, outcomes[-1], at)
    return outcomes


def _record(
    connection: AsyncConnection, by: Actor, view: alert_views.AlertView, asked: Asked, outcome: Outcome, at: datetime
) -> None:
    """What was asked for, and what became of it; the words of the note stay with the alert."""
    told = {"status": outcome.status, "refused": outcome.refused, "request": asked.request}
    on = Subject("alert", view.id)
    record(connection, by, f"alert.{asked.action}", at, on=on, complex_id=view.complex, details=told)


async def _act(
    connection: AsyncConnection, account: int, view: alert_views.AlertView, asked: Asked, at: datetime
) -> Outcome:
    key = asked.request if len(asked.alerts) == 1 else f"{asked.request}:{view.id}"
    if await _is_done(connection, key, account, view.id, asked.action):
        return Outcome(view.id, view.status)
    current = incidents.status([view.action] if view.action else [])
    if _is_held_by_other(view, account) and asked.action in ("acknowledge", "undo"):
        return Outcome(view.id, view.status, "taken")
    try:
        incidents.check(current, asked.action)
    except incidents.NotPossible:
        return Outcome(view.id, view.status, "closed")
    status = incidents.after(current, asked.action)
    if status != current:
        await _keep(connection, account, view, asked, key, at)
    return Outcome(view.id, status)


def _is_held_by_other(view: alert_views.AlertView, account: int) -> bool:
    """Only who took an alert can give it back; closing it is open to all."""
    return view.status == "acknowledged" and view.actor_id != account


async def _is_done(connection: AsyncConnection, key: str, account: int, alert: str, action: str) -> bool:
    query = select(alert_action.c.account, alert_action.c.alert, alert_action.c.action)
    found = (await connection.execute(query.where(alert_action.c.request == key))).first()
    if found is not None and tuple(found) != (account, alert, action):
        raise KeyUsed(f"the key {key} belongs to another action")
    return found is not None


async def _keep(
    connection: AsyncConnection, account: int, view: alert_views.AlertView, asked: Asked, key: str, at: datetime
) -> None:
    values = {"alert": view.id, "action": asked.action, "account": account, "at": stamp(at)}
    await connection.execute(alert_action.insert().values(**values, note=asked.note, request=key))
    await announce(connection, view.complex, "alert", view.id, stamp(at))
