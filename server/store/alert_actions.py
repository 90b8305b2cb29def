"""What people do to alerts: kept once per key of the screen, and announced to all screens in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import handling
from server.audit import Actor, Subject, record
from server.store.alert_views import AlertView
from server.store.engine import stamp
from server.store.live_rows import announce_all
from server.store.schema import alert_action
from server.store.upsert import insert

MAX_ALERTS = 200


class KeyUsed(Exception):
    """The key of the request belongs to another action already."""


class Asked(msgspec.Struct, frozen=True):
    """What a person does to alerts. ``request`` is the screen's own key: sent twice, it is done once."""

    action: str
    alerts: tuple[str, ...]
    request: str
    note: str | None = None
    photo: str | None = None  # the hash of a picture that the complex has


class Doer(msgspec.Struct, frozen=True):
    """Who does it: as the audit names them, and the number of their account."""

    actor: Actor
    account: int


class Outcome(msgspec.Struct, frozen=True):
    """How an alert stands after an action. ``refused``: "closed", "taken" by someone else, a "photo" that is none, or
    "photo_wanted" by its rule; None where it holds."""

    alert: str
    status: str
    refused: str | None = None


def note(
    connection: AsyncConnection,
    by: Doer,
    view: AlertView,
    asked: Asked,
    outcome: Outcome,
    at: datetime,
    matter: str = "",
) -> None:
    """What was asked for, and what became of it; the words of the note stay with the alert."""
    told = {"status": outcome.status, "refused": outcome.refused, "request": asked.request}
    told |= {"matter": matter} if matter else {}
    told |= {"photo": asked.photo} if asked.photo else {}
    on = Subject("alert", view.id)
    record(connection, by.actor, f"alert.{asked.action}", at, on=on, complex_id=view.complex, details=told)


def key_of(asked: Asked, alert: str) -> str:
    """The key of the action on one of the alerts."""
    return asked.request if asked.alerts == (alert,) else f"{asked.request}:{alert}"


async def act_on_one(connection: AsyncConnection, by: Doer, view: AlertView, asked: Asked, at: datetime) -> Outcome:
    """An alert that is in no matter of the ladder."""
    if _is_held_by_other(view, by.account) and asked.action in ("acknowledge", "undo"):
        return Outcome(view.id, view.status, "taken")
    current = handling.status([view.action] if view.action else [])
    if is_over(current, asked.action):
        return Outcome(view.id, view.status, "closed")
    status = handling.after(current, asked.action)
    if status != current:
        await keep(connection, by.account, [view], asked, at)
    return Outcome(view.id, status)


def is_over(current: handling.Status, action: str) -> bool:
    """Whether the alert is closed, and the action asks for something else."""
    try:
        handling.check(current, action)
    except handling.NotPossible:
        return True
    return False


def _is_held_by_other(view: AlertView, account: int) -> bool:
    """Only who took an alert can give it back; closing it is open to all."""
    return view.status == "acknowledged" and view.actor_id != account


async def is_done(connection: AsyncConnection, by: Doer, asked: Asked, alert: str) -> bool:
    """Whether it was done already, by the key. Raises KeyUsed."""
    key = key_of(asked, alert)
    query = select(alert_action.c.account, alert_action.c.alert, alert_action.c.action)
    found = (await connection.execute(query.where(alert_action.c.request == key))).first()
    if found is not None and tuple(found) != (by.account, alert, asked.action):
        raise KeyUsed(f"the key {key} belongs to another action")
    return found is not None


async def keep(
    connection: AsyncConnection, account: int, views: Sequence[AlertView], asked: Asked, at: datetime
) -> None:
    """The action on each of the alerts, for the screens too."""
    done = {"action": asked.action, "account": account, "at": stamp(at), "note": asked.note}
    done |= {"photo": asked.photo}
    rows = [{"alert": view.id, **done, "request": key_of(asked, view.id)} for view in views]
    if rows:
        await connection.execute(insert(alert_action).on_conflict_do_nothing(), rows)
        await announce_all(connection, "alert", [(view.complex, view.id) for view in views], stamp(at))
