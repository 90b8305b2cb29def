"""What pages and live messages show of alerts. Everything but ``by_ids`` is within the asking person's scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Select, bindparam, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import true

from domain.alerts.ringing import UNHEARD
from server.store.device_names import names_of
from server.store.duty_tables import duty_alert, duty_state, silence
from server.store.engine import stamp
from server.store.place_views import complexes_below
from server.store.schema import account, alert, alert_action, complex_, media
from server.store.scope import Scope, within

_LAST_NUMBER = (
    select(func.max(alert_action.c.number)).where(alert_action.c.alert == alert.c.id).correlate(alert).scalar_subquery()
)
_PICTURE_HERE = exists().where(media.c.sha256 == alert.c.picture, media.c.complex == alert.c.complex)
_MOST_RINGING = 200
_RANK = {"low": 0, "medium": 1, "high": 2, "critical": 3}
# As domain/alerts/silences.Silence.covers has it; a page asks its clock whether it is over.
_SILENCED_UNTIL = (
    select(func.max(silence.c.until))
    .where(
        silence.c.complex == alert.c.complex,
        silence.c.ended_at.is_(None),
        *(
            or_(silence.c[name] == "", silence.c[name] == alert.c[name])
            for name in ("rule", "category", "device", "place")
        ),
        case(_RANK, value=alert.c.severity) <= case(_RANK, value=silence.c.up_to),
        or_(alert.c.severity != "critical", alert.c.category.not_in(("fire", "safety"))),
    )
    .correlate(alert)
    .scalar_subquery()
)
# Only actions that change something are kept, so the newest says how the alert stands (domain/alerts/handling.after).
_STATUS = {
    None: "open",
    "undo": "open",
    "hand_over": "open",
    "acknowledge": "acknowledged",
    "close": "closed",
    "clear": "closed",
    "retire": "closed",
    "false": "false",
}
_ACTIONS = {
    "open": (None, "undo", "hand_over"),
    "acknowledged": ("acknowledge",),
    "closed": ("close", "clear", "retire"),
    "false": ("false",),
}
STATUSES = tuple(_ACTIONS)


class AlertView(msgspec.Struct, frozen=True):
    """An alert as a card shows it. ``action`` is the newest done to it, ``actor`` who did it, ``acted_at`` when;
    ``device_name``: what the list of devices calls it, where it does. ``verdict``: what the ladder made of it
    (domain/alerts/ringing.Why), ``asked_as``: how serious its matter is taken there; none before it came to that."""

    id: str
    complex: str
    complex_name: str | None
    timezone: str | None
    incident: str
    rule: str
    severity: str
    category: str
    device: str
    place: str | None
    point: str | None
    subject: str | None
    occurred_at: datetime
    recorded_at: datetime
    received_at: datetime
    lateness: str
    picture: str | None
    picture_here: bool
    action: str | None
    actor_id: int | None
    actor: str | None
    acted_at: datetime | None
    note: str | None
    silenced_until: datetime | None = None
    device_name: str | None = None
    verdict: str | None = None
    asked_as: str | None = None

    @property
    def status(self) -> str:
        return _STATUS[self.action]

    @property
    def quiet(self) -> str:
        """Why no phone is to sound for it, by the ladder; "" where it is."""
        return self.verdict if self.verdict and self.verdict in UNHEARD else ""

    @property
    def heard_as(self) -> str:
        """As what it sounds: of a source that is often wrong it is milder than it says."""
        return min(self.severity, self.asked_as or self.severity, key=lambda one: _RANK.get(one, 0))


class ActionView(msgspec.Struct, frozen=True):
    """Something that was done to an alert. ``actor``: none of what cleared by itself. ``photo``: of a close;
    ``photo_here``: it was not let go of."""

    action: str
    actor: str | None
    at: datetime
    note: str | None
    photo: str | None = None
    photo_here: bool = False


class AlertFilter(msgspec.Struct, frozen=True):
    """Which alerts a list shows; empty fields do not restrict. ``before`` is the last row of the page before."""

    statuses: tuple[str, ...] = ()
    severity: str = ""
    complex: str = ""
    since: str = ""
    lateness: str = ""
    before: tuple[str, str] | None = None  # received_at, id
    area: str = ""
    category: str = ""
    rule: str = ""
    device: str = ""
    happened: tuple[str, str] | None = None  # from the first moment, before the second


def _selected() -> Select[Any]:
    last = alert_action.alias("last")
    named = account.alias("named")
    shown = (column for column in alert.columns if column.name != "event")
    return (
        select(
            *shown,
            complex_.c.name.label("complex_name"),
            complex_.c.timezone,
            _PICTURE_HERE.label("picture_here"),
            last.c.action,
            last.c.account.label("actor_id"),
            named.c.username.label("actor"),
            last.c.at.label("acted_at"),
            last.c.note,
            _SILENCED_UNTIL.label("silenced_until"),
            duty_alert.c.why.label("verdict"),
            duty_state.c.severity.label("asked_as"),
        )
        .outerjoin(complex_, complex_.c.id == alert.c.complex)
        .outerjoin(duty_alert, duty_alert.c.id == alert.c.id)
        .outerjoin(duty_state, duty_state.c.incident == duty_alert.c.incident)
        .outerjoin(last, last.c.number == _LAST_NUMBER)
        .outerjoin(named, named.c.id == last.c.account)
    )


async def newly_critical(connection: AsyncConnection, complex_id: str, since: datetime) -> list[str]:
    """What may ring on a phone just now, the newest."""
    here = (alert.c.complex == complex_id, alert.c.severity == "critical", alert.c.received_at > stamp(since))
    query = select(alert.c.id).where(*here).order_by(alert.c.received_at.desc()).limit(_MOST_RINGING)
    return list((await connection.execute(query)).scalars())


# Made once: of what an alarm waits for until screens show it, making it was the longest part.
_BY_IDS = _selected().where(alert.c.id.in_(bindparam("ids", expanding=True)))


async def _views(
    connection: AsyncConnection, query: Select[Any], values: Mapping[str, Any] = MappingProxyType({})
) -> list[AlertView]:
    rows = (await connection.execute(query, values)).mappings()
    views = [msgspec.convert(row, AlertView, strict=False) for row in rows]
    names = await names_of(connection, {(view.complex, view.device) for view in views})
    named = ((view, names.get((view.complex, view.device))) for view in views)
    return [msgspec.structs.replace(view, device_name=name) if name else view for view, name in named]


def _has_status(statuses: Sequence[str]) -> ColumnElement[bool]:
    if not statuses:
        return true()
    actions = [action for status in statuses for action in _ACTIONS[status]]
    newest = select(alert_action.c.action).where(alert_action.c.number == _LAST_NUMBER).correlate(alert)
    found = newest.scalar_subquery()
    chosen = found.in_([action for action in actions if action])
    return or_(chosen, found.is_(None)) if None in actions else chosen


_EQUAL = ("severity", "complex", "lateness", "category", "rule", "device")


def _chosen(chosen: AlertFilter) -> list[ColumnElement[bool]]:
    asked = [alert.c[name] == word for name in _EQUAL if (word := getattr(chosen, name))]
    if chosen.area:
        asked.append(alert.c.complex.in_(complexes_below(chosen.area)))
    if chosen.since:
        asked.append(alert.c.received_at >= chosen.since)
    if chosen.happened:
        first, end = chosen.happened
        asked += [alert.c.occurred_at >= first, alert.c.occurred_at < end]
    if chosen.before:
        at, identity = chosen.before
        older = (alert.c.received_at == at) & (alert.c.id < identity)
        asked.append((alert.c.received_at < at) | older)
    return asked


async def page(connection: AsyncConnection, scope: Scope, chosen: AlertFilter, limit: int) -> list[AlertView]:
    """Alerts in order of arrival, the newest first: one that comes late still comes on top."""
    query = _selected().where(within(alert.c.complex, scope), _has_status(chosen.statuses))
    query = query.where(*_chosen(chosen))
    query = query.order_by(alert.c.received_at.desc(), alert.c.id.desc()).limit(limit)
    return await _views(connection, query)


async def one(connection: AsyncConnection, scope: Scope, identity: str) -> AlertView | None:
    query = _selected().where(alert.c.id == identity, within(alert.c.complex, scope))
    return next(iter(await _views(connection, query)), None)


async def incident(connection: AsyncConnection, scope: Scope, identity: str, limit: int) -> list[AlertView]:
    """The alerts of an incident, the newest first."""
    query = _selected().where(alert.c.incident == identity, within(alert.c.complex, scope))
    return await _views(connection, query.order_by(alert.c.occurred_at.desc()).limit(limit))


async def by_ids(connection: AsyncConnection, identities: Collection[str]) -> dict[str, AlertView]:
    """Alerts by id, whosever they are: for messages that are sent by scope afterwards, and for what is done to one."""
    views = await _views(connection, _BY_IDS, {"ids": list(identities)})
    return {view.id: view for view in views}


async def in_scope(connection: AsyncConnection, scope: Scope, identities: Collection[str]) -> dict[str, AlertView]:
    """Those of the alerts that a person may see, by id."""
    query = _selected().where(alert.c.id.in_(identities), within(alert.c.complex, scope))
    return {view.id: view for view in await _views(connection, query)}


async def event_of(connection: AsyncConnection, identity: str) -> bytes:
    """The event an alert that is there came from, as JSON."""
    return (await connection.execute(select(alert.c.event).where(alert.c.id == identity))).scalar_one()


async def actions_of(connection: AsyncConnection, identity: str) -> list[ActionView]:
    """What was done to an alert, the oldest first."""
    done = alert_action.c
    here = exists().where(media.c.sha256 == done.photo, media.c.complex == alert.c.complex).label("photo_here")
    columns = (done.action, account.c.username.label("actor"), done.at, done.note, done.photo, here)
    query = select(*columns).outerjoin(account, account.c.id == done.account).join(alert, alert.c.id == done.alert)
    rows = await connection.execute(query.where(done.alert == identity).order_by(done.number))
    return [msgspec.convert(row, ActionView, strict=False) for row in rows.mappings()]


async def picture_arrived_at(connection: AsyncConnection, complex_id: str, sha256: str) -> datetime | None:
    query = select(media.c.received_at).where(media.c.sha256 == sha256, media.c.complex == complex_id)
    found: str | None = (await connection.execute(query)).scalar()
    return None if found is None else datetime.fromisoformat(found)
