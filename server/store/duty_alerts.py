"""Statements on alerts as the ladder saw them: what grouping reads again, and in which matter each of them is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.incidents import Spot, spot_of
from domain.alerts.words import Alert
from server.store.bulk import look_up, upsert
from server.store.duty_tables import duty_alert
from server.store.engine import stamp
from server.store.people_tables import account

MOST_AT_A_SPOT = 5_000  # the newest: a flood at one place stays readable
_COLUMNS = tuple(duty_alert.columns.keys())
_READ = (duty_alert.c.body, duty_alert.c.incident, duty_alert.c.why)
_KNOWN = "SELECT duty_alert.id FROM wanted CROSS JOIN duty_alert WHERE duty_alert.id = wanted.id"
_FACTS = "SELECT duty_alert.fact FROM wanted CROSS JOIN duty_alert WHERE duty_alert.fact = wanted.fact"
_ACTIONS = """SELECT alert_action.alert, alert_action.number, alert_action.action, alert_action.account
FROM wanted CROSS JOIN alert_action WHERE alert_action.alert = wanted.id"""
_SPOT = {"complex": "varchar", "category": "varchar", "place": "varchar", "since": "varchar"}
_AT_SPOTS = f"""SELECT complex, category, place, body, incident, why FROM (
SELECT duty_alert.complex, duty_alert.category, duty_alert.place, body, incident, why, row_number() OVER (
    PARTITION BY duty_alert.complex, duty_alert.category, duty_alert.place
    ORDER BY duty_alert.occurred_at DESC, duty_alert.id) AS nth
FROM wanted CROSS JOIN duty_alert WHERE duty_alert.complex = wanted.complex AND duty_alert.category = wanted.category
AND duty_alert.place = wanted.place AND duty_alert.occurred_at >= wanted.since) AS found
WHERE nth <= {MOST_AT_A_SPOT} ORDER BY complex, category, place, nth"""  # noqa: S608 - a number of ours
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Alert).decode
DONE = frozenset({"close", "false", "clear", "retire"})  # acts by which an alert is over


class Remembered(msgspec.Struct, frozen=True):
    """An alert, the matter it is in, and what came of it."""

    alert: Alert
    incident: str | None = None
    why: str = ""


class Handled(msgspec.Struct, frozen=True):
    """How alerts stand by what people did: those that are done with, and the last who has taken one, by name."""

    done: frozenset[str]
    taken_by: dict[str, tuple[str, str]]  # name and role


async def new_ones(connection: AsyncConnection, alerts: Iterable[Alert]) -> list[Alert]:
    """Those of facts that the ladder has not seen, each once: told again under other rules it is the same cause."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        found.setdefault(alert.fact or alert.id, alert)
    ids, facts = [(one.id,) for one in found.values()], [(one,) for one in found]
    known = {row[0] for row in await look_up(connection, {"id": "varchar"}, ids, _KNOWN)}
    seen = {row[0] for row in await look_up(connection, {"fact": "varchar"}, facts, _FACTS)}
    return [alert for fact, alert in found.items() if alert.id not in known and fact not in seen]


async def keep(connection: AsyncConnection, rows: Iterable[Remembered]) -> None:
    await upsert(connection, duty_alert, _COLUMNS, [_row(one) for one in rows])


def _row(one: Remembered) -> tuple[object, ...]:
    alert, spot = one.alert, spot_of(one.alert)
    where = (spot.complex, spot.category, spot.place)
    said = (stamp(alert.occurred_at), _encode(alert), one.incident, one.why, alert.fact or None)
    return (alert.id, *where, alert.rule, *said)


async def at_spots(connection: AsyncConnection, since: Mapping[Spot, datetime]) -> dict[Spot, list[Remembered]]:
    """What happened at each of the spots since then, the newest of a flood."""
    found: dict[Spot, list[Remembered]] = {spot: [] for spot in since}
    asked = [(*spot, stamp(at)) for spot, at in since.items()]
    for *spot, body, incident, why in await look_up(connection, _SPOT, asked, _AT_SPOTS):
        found[Spot(*spot)].append(Remembered(_decode(body), incident, why))
    return found


async def of_rules(
    connection: AsyncConnection, complex_id: str, rules: Collection[str], since: datetime
) -> list[Remembered]:
    """Alerts of some rules anywhere in a complex: what follows from what is told from these."""
    table = duty_alert.c
    query = select(*_READ).where(table.complex == complex_id, table.rule.in_(sorted(rules)))
    query = query.where(table.occurred_at >= stamp(since)).order_by(table.occurred_at.desc(), table.id)
    return await _read(connection, query.limit(MOST_AT_A_SPOT))


async def of_incident(connection: AsyncConnection, incident: str, limit: int = MOST_AT_A_SPOT) -> list[Remembered]:
    """A matter's alerts, the newest first."""
    query = select(*_READ).where(duty_alert.c.incident == incident)
    return await _read(connection, query.order_by(duty_alert.c.occurred_at.desc(), duty_alert.c.id).limit(limit))


async def matters_of(connection: AsyncConnection, alerts: Sequence[str]) -> list[str]:
    """The names of the matters that alerts are in."""
    query = select(duty_alert.c.incident).where(duty_alert.c.id.in_(alerts), duty_alert.c.incident.is_not(None))
    return [name for name in (await connection.execute(query.distinct())).scalars() if name]


async def muted_spots(connection: AsyncConnection, whys: Collection[str], since: datetime) -> set[Spot]:
    """Where something did not ring that may still come to."""
    table = duty_alert.c
    query = select(table.complex, table.category, table.place).distinct()
    query = query.where(table.why.in_(sorted(whys)), table.occurred_at >= stamp(since), table.incident.is_(None))
    return {Spot(*row) for row in (await connection.execute(query.limit(MOST_AT_A_SPOT))).all()}


async def _read(connection: AsyncConnection, query: Select[bytes, str | None, str]) -> list[Remembered]:
    rows = (await connection.execute(query)).all()
    return [Remembered(_decode(body), incident, why) for body, incident, why in rows]


async def why_quiet(connection: AsyncConnection, alert: str) -> str:
    """Why nobody was asked about an alert; "" where the ladder did not see it, or somebody was."""
    query = select(duty_alert.c.why).where(duty_alert.c.id == alert, duty_alert.c.incident.is_(None))
    return (await connection.execute(query)).scalar() or ""


async def handled(connection: AsyncConnection, alerts: Sequence[str]) -> Handled:
    """What people have done to alerts until now."""
    newest: dict[str, tuple[int, str, int | None]] = {}
    for alert, number, action, who in await look_up(
        connection, {"id": "varchar"}, [(one,) for one in alerts], _ACTIONS
    ):
        newest[alert] = max(newest.get(alert, (0, "", None)), (number, action, who), key=lambda one: one[0])
    done = frozenset(alert for alert, (_, action, _) in newest.items() if action in DONE)
    takers = {alert: who for alert, (_, action, who) in newest.items() if action == "acknowledge" and who is not None}
    return Handled(done, await _named(connection, takers))


async def _named(connection: AsyncConnection, takers: dict[str, int]) -> dict[str, tuple[str, str]]:
    if not takers:
        return {}
    query = select(account.c.id, account.c.username, account.c.role).where(account.c.id.in_(set(takers.values())))
    people = {row.id: (row.username, row.role) for row in (await connection.execute(query)).all()}
    return {alert: people[who] for alert, who in takers.items() if who in people}
