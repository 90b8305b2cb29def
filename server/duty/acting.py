"""What people do to alerts and to the matters they are in: the alerts and the ladder change in one transaction.

A matter is handled as one: what is done to one of its alerts is done to all of them, and exactly one person has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import handling
from domain.alerts.noise import Judged, Source, noisy
from domain.duty.acts import Acknowledge, Act, Close, HandOver, NotPossible, Undo
from server.audit import Actor, Subject, record
from server.duty.duties import LEVEL_OF, Duties
from server.store import alert_actions, alert_views, duty_alerts, duty_rows, silence_rows
from server.store.alert_actions import MAX_ALERTS, Asked, Doer, Outcome, is_over
from server.store.alert_views import AlertView
from server.store.duty_rows import Matter
from server.store.engine import Database, stamp
from server.store.live_rows import announce
from server.store.scope import Scope

_ITSELF = Actor("gatehouse", "centre")
_MOST_ALERTS = 1_000  # of a matter, the newest are marked with it; the ladder itself knows but the matter


class Acting(NamedTuple):
    """Where acts are done: each complex in its turn, so that nothing moves a matter in between."""

    db: Database
    duties: Duties

    async def act(self, by: Doer, scope: Scope, asked: Asked, at: datetime) -> list[Outcome]:
        """Do it to each alert in the person's scope; those that are not there are left out. Raises KeyUsed."""
        wanted = asked.alerts[:MAX_ALERTS]
        async with self.db.read() as connection:
            views = await alert_views.in_scope(connection, scope, wanted)
        outcomes: dict[str, Outcome] = {}
        for complex_id in sorted({view.complex for view in views.values()}):
            its = [one for one in wanted if one in views and views[one].complex == complex_id]
            async with self.db.write(complex_id) as connection:
                outcomes |= await self._in_turn(connection, by, scope, its, asked, at)
        return [outcomes[one] for one in wanted if one in outcomes]

    async def _in_turn(
        self, connection: AsyncConnection, by: Doer, scope: Scope, alerts: Sequence[str], asked: Asked, at: datetime
    ) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        for identity in alerts:
            view = await alert_views.one(connection, scope, identity)
            if view is None:
                continue
            matter = await duty_rows.of_alert(connection, identity)
            outcomes[identity] = await self._on(connection, by, view, matter, asked, at)
            name = "" if matter is None else matter.state.incident
            alert_actions.note(connection, by, view, asked, outcomes[identity], at, name)
        return outcomes

    async def _on(
        self, connection: AsyncConnection, by: Doer, view: AlertView, matter: Matter | None, asked: Asked, at: datetime
    ) -> Outcome:
        if await alert_actions.is_done(connection, by, asked, view.id):
            return Outcome(view.id, view.status)
        if matter is not None and matter.state.status != "ended" and view.status not in ("closed", "false"):
            outcome = await self._on_the_ladder(connection, by, view, matter, asked, at)
        else:
            outcome = await alert_actions.act_on_one(connection, by, view, asked, at)
        if outcome.refused is None and asked.action in ("close", "false"):
            await _judge(connection, by, view, matter, asked, at)
        return outcome

    async def _on_the_ladder(
        self, connection: AsyncConnection, by: Doer, view: AlertView, matter: Matter, asked: Asked, at: datetime
    ) -> Outcome:
        """The matter first: it says whether it may be."""
        if is_over(handling.status([view.action] if view.action else []), asked.action):
            return Outcome(view.id, view.status, "closed")
        if (asked.action, view.status) == ("undo", "open"):
            return Outcome(view.id, view.status)
        try:
            await self.on_matter(connection, matter, _act_of(by, matter, asked), at)
        except NotPossible:
            return Outcome(view.id, view.status, "taken")
        ids = {one.alert.id for one in await duty_alerts.of_incident(connection, matter.state.incident, _MOST_ALERTS)}
        members = await alert_views.by_ids(connection, ids | {view.id})
        changes = [one for one in members.values() if _changes(one, asked.action, by.account)]
        await alert_actions.keep(connection, by.account, changes, asked, at)
        return Outcome(view.id, handling.after(handling.status([view.action or ""]), asked.action))

    async def on_matter(self, connection: AsyncConnection, matter: Matter, act: Act, at: datetime) -> Matter:
        """Done, with the steps it asks for; every step that it makes void is void with it. Raises NotPossible."""
        machine = await self.duties.of(connection, matter.state.complex)
        state, steps = machine.duty.apply(matter.state, act, at)
        moved = machine.moved(matter, state, at, steps=steps)
        await duty_rows.keep(connection, [moved], at)
        return moved.matter

    async def help(self, by: Doer, scope: Scope, alert: str, act: Act, at: datetime) -> bool:
        """Hand it over, call a unit, report one in; False where no matter is to be seen. Raises NotPossible."""
        async with self.db.read() as connection:
            view = await alert_views.one(connection, scope, alert)
        if view is None:
            return False
        async with self.db.write(view.complex) as connection:
            matter = await duty_rows.of_alert(connection, alert)
            if matter is None:
                return False
            await self.on_matter(connection, matter, act, at)
            if isinstance(act, HandOver):
                await self._open_again(connection, by, matter, act, at)
            _note(connection, by, matter, act, at)
            await announce(connection, view.complex, "alert", alert, stamp(at))
        return True

    async def _open_again(
        self, connection: AsyncConnection, by: Doer, matter: Matter, act: HandOver, at: datetime
    ) -> None:
        """Whoever it was handed to has not taken it yet: the alerts wait again."""
        ids = [one.alert.id for one in await duty_alerts.of_incident(connection, matter.state.incident, _MOST_ALERTS)]
        members = await alert_views.by_ids(connection, ids)
        taken = [one for one in members.values() if one.status == "acknowledged"]
        said = Asked("hand_over", tuple(ids), act.key, act.words or None)
        await alert_actions.keep(connection, by.account, taken, said, at)


def _act_of(by: Doer, matter: Matter, asked: Asked) -> Act:
    who, state = by.actor.who, matter.state
    match asked.action:
        case "acknowledge":
            return Acknowledge(key=asked.request, by=who, level=LEVEL_OF.get(by.actor.role, state.owner.level))
        case "undo":
            return Undo(key=asked.request, by=who)
        case _:
            return Close(key=asked.request, by=who, is_false=asked.action == "false")  # its words stay with the alerts


def _changes(view: AlertView, action: str, account: int) -> bool:
    """Whether it does something to an alert of the matter: what another took before is theirs who takes the matter."""
    status = handling.status([view.action] if view.action else [])
    is_anothers = action == "acknowledge" and status == "acknowledged" and view.actor_id != account
    return is_anothers or handling.after(status, action) != status


async def _judge(
    connection: AsyncConnection, by: Doer, view: AlertView, matter: Matter | None, asked: Asked, at: datetime
) -> None:
    """One word a source: a matter of fifty alerts was wrong once, not fifty times."""
    before = await silence_rows.judged_of(connection, view.complex, at)
    judged = {Source(view.complex, view.device, view.rule): view.id}
    for one in await _alerts_of(connection, matter):
        judged.setdefault(Source(view.complex, one.alert.device, one.alert.rule), one.alert.id)
    said = [Judged(source, alert, at, asked.action == "false") for source, alert in judged.items()]
    await silence_rows.judge(connection, said, by.actor.who)
    new = noisy([*before, *said], at).keys() - noisy(before, at).keys()
    for source in sorted(new):
        on, details = Subject("device", source.device), {"rule": source.rule}
        record(connection, _ITSELF, "noise.demoted", at, on=on, complex_id=source.complex, details=details)


async def _alerts_of(connection: AsyncConnection, matter: Matter | None) -> Sequence[duty_alerts.Remembered]:
    if matter is None:
        return ()
    return await duty_alerts.of_incident(connection, matter.state.incident, _MOST_ALERTS)


def _note(connection: AsyncConnection, by: Doer, matter: Matter, act: Act, at: datetime) -> None:
    what = type(act).__name__
    told: dict[str, str] = {"what": {"HandOver": "hand_over", "Call": "call", "ReportIn": "report_in"}.get(what, what)}
    if isinstance(act, HandOver):
        told |= {"level": act.to.level, "person": act.to.person}
    unit = getattr(act, "unit", "")
    on = Subject("matter", matter.state.incident)
    told |= {"unit": unit} if unit else {}
    record(connection, by.actor, "duty.changed", at, on=on, complex_id=matter.state.complex, details=told)
