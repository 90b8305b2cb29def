"""What alerts at a spot do to the ladder: grouped, judged, and brought onto it, made worse or taken off, as one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.incidents import Change, Incident, Spot, incidents, spot_of
from domain.alerts.inhibition import inhibited
from domain.alerts.noise import noisy
from domain.alerts.ringing import UNHEARD, Known, Sent, Verdict, verdict
from domain.alerts.rules import MOST_COOLDOWN_S, RuleSet
from domain.alerts.words import Alert, rank
from domain.duty.acts import Acknowledge
from domain.duty.following import follow
from domain.duty.state import State, Step
from server.duty.duties import LEVEL_OF, Duties, Machine
from server.store import duty_alerts, duty_rows, silence_rows
from server.store.duty_alerts import Handled, Remembered
from server.store.duty_rows import Matter, Moved
from server.store.duty_tables import duty_state, duty_step
from server.store.engine import stamp, unstamp

REACHES = timedelta(days=1)  # so far back alerts may be the same matter, or one may follow from another
_BY_PEOPLE = frozenset({"closed", "false"})
_MOST_SHOWN = 50  # alerts of a matter that a list shows: of a flood the newest


class Spots:
    """Looks at the spots of one complex, in its turn."""

    def __init__(self, connection: AsyncConnection, duties: Duties, rules: RuleSet, now: datetime) -> None:
        self._connection, self._duties, self._rules, self._now = connection, duties, rules, now
        self.judged: list[tuple[str, str]] = []  # alerts that are to sound otherwise than their cards say, by complex

    async def look(self, complex_id: str, added: Sequence[Alert], again: Collection[Spot] = ()) -> list[Moved]:
        """``added``: alerts that are new; ``again``: spots where something else may hold now. What moved is kept."""
        machine = await self._duties.of(self._connection, complex_id)
        follows, elsewhere = await self._inhibited(complex_id, added)
        known = await self._known(complex_id, follows)
        new: dict[Spot, list[Alert]] = {spot: [] for spot in sorted({*map(spot_of, added), *again, *elsewhere})}
        for alert in added:
            new[spot_of(alert)].append(alert)
        there = await self._there(new)
        moved: list[Moved] = []
        for spot, here in new.items():
            moved += await self._look_at(spot, here, machine, known, there, is_whole=spot in again or spot in elsewhere)
        await duty_alerts.keep(self._connection, there.changed)
        return moved

    async def _there(self, new: Mapping[Spot, Sequence[Alert]]) -> _There:
        """What is known of all these spots, read at once."""
        since = {spot: min([alert.occurred_at for alert in new[spot]], default=self._now) - REACHES for spot in new}
        at = await duty_alerts.at_spots(self._connection, since)
        of = {
            spot: {one.alert.id: one for one in at[spot]} | {alert.id: Remembered(alert) for alert in new[spot]}
            for spot in new
        }
        names = {one.incident for ones in at.values() for one in ones if one.incident}
        matters = await duty_rows.by_names(self._connection, names)
        free = [one.alert.id for ones in of.values() for one in ones.values() if one.incident is None]
        return _There(of, matters, await duty_alerts.handled(self._connection, free))

    async def _inhibited(self, complex_id: str, added: Sequence[Alert]) -> tuple[Mapping[str, str], set[Spot]]:
        """What follows from what, and at which other spots what is new makes a difference."""
        inhibitions = self._rules.inhibitions
        by, of = ({rule for one in inhibitions for rule in getattr(one, side)} for side in ("by", "of"))
        if not any(alert.rule in by | of for alert in added):
            return {}, set()
        since = min(alert.occurred_at for alert in added) - REACHES
        there = [one.alert for one in await duty_alerts.of_rules(self._connection, complex_id, by | of, since)]
        follows = inhibited([*there, *added], inhibitions)
        is_cause = {alert.id for alert in added if alert.rule in by}
        return follows, {spot_of(alert) for alert in there if follows.get(alert.id) in is_cause}

    async def _known(self, complex_id: str, follows: Mapping[str, str]) -> Known:
        silences = await silence_rows.in_force(self._connection, complex_id, self._now)
        judged = await silence_rows.judged_of(self._connection, complex_id, self._now)
        return Known(follows, silences, noisy(judged, self._now), await self._sent(complex_id))

    async def _sent(self, complex_id: str) -> list[Sent]:
        """Only what went out mutes what comes after it."""
        columns = (duty_state.c.category, duty_state.c.place, duty_step.c.severity, duty_step.c.sent_at)
        query = select(*columns).join(duty_state, duty_state.c.incident == duty_step.c.incident)
        since = stamp(self._now - timedelta(seconds=MOST_COOLDOWN_S))
        query = query.where(duty_step.c.complex == complex_id, duty_step.c.sent_at > since)
        rows = (await self._connection.execute(query)).all()
        return [Sent(Spot(complex_id, row.category, row.place), row.severity, unstamp(row.sent_at)) for row in rows]

    async def _look_at(
        self, spot: Spot, added: Sequence[Alert], machine: Machine, known: Known, there: _There, *, is_whole: bool
    ) -> list[Moved]:
        of, new = there.of[spot], {alert.id for alert in added}
        its = {one.incident for one in of.values()}
        matters = {name: matter for name, matter in there.matters.items() if name in its}
        moved: list[Moved] = []
        for incident in incidents((one.alert for one in of.values()), {spot: _cuts(of, matters)}):
            fresh = tuple(alert for alert in incident.alerts if alert.id in new)
            if fresh or is_whole:
                what = _Look(incident, fresh, of, matters, there.handled)
                moved += await self._follow(what, spot, machine, known, there)
        return moved

    async def _follow(self, what: _Look, spot: Spot, machine: Machine, known: Known, there: _There) -> list[Moved]:
        said = _mild(self._undone(what, verdict(what.incident, known, self._now)), spot, machine)
        states = what.states
        followed = follow(machine.duty, states, Change(what.incident, (), what.fresh), said, self._now)
        moved = [self._moved(one, followed.steps, what, spot, machine) for one in _each_once(followed.states)]
        await duty_rows.keep(self._connection, moved, self._now)
        after = {one.incident: one for one in states.values()} | {
            one.matter.state.incident: one.matter.state for one in moved
        }
        rows = what.changed(_name_of(after), said)
        there.changed.extend(rows)
        self.judged += [(spot.complex, one) for one in what.sounding_otherwise(rows, said)]
        return moved

    def _undone(self, what: _Look, said: Verdict) -> Verdict:
        """Nobody is asked about what was closed before the ladder came to it."""
        if said.rings and said.alerts and all(alert in what.handled.done for alert in said.alerts):
            return Verdict("handled")
        return said

    def _moved(self, state: State, steps: Sequence[Step], what: _Look, spot: Spot, machine: Machine) -> Moved:
        its = tuple(step for step in steps if step.incident == state.incident)
        before = what.matters.get(state.incident)
        if before is not None:
            return machine.moved(before, state, self._now, steps=its)
        state, its = self._taken_already(what, machine, state, its)
        return machine.moved(Matter(state, spot.place, self._now), state, self._now, steps=its, is_new=True)

    def _taken_already(
        self, what: _Look, machine: Machine, state: State, steps: tuple[Step, ...]
    ) -> tuple[State, tuple[Step, ...]]:
        """A tap may be quicker than the ladder: who has taken one of the alerts has the matter, and nobody is told."""
        taken = next((who for alert, who in what.handled.taken_by.items() if alert in what.ids), None)
        if taken is None:
            return state, steps
        level = LEVEL_OF.get(taken[1], state.owner.level)
        act = Acknowledge(key=f"before:{state.incident}", by=taken[0], level=level)
        return machine.duty.apply(state, act, self._now)[0], ()


class _There(msgspec.Struct, frozen=True):
    """What is known of the spots that are looked at: alerts by spot and id, matters by name, what people did; and, as
    the look goes on, which alerts are another's than they were."""

    of: dict[Spot, dict[str, Remembered]]
    matters: dict[str, Matter]
    handled: Handled
    changed: list[Remembered] = []


class _Look(msgspec.Struct, frozen=True):
    """A matter as it is grouped now: its alerts, those that are new, and what is known of each."""

    incident: Incident
    fresh: tuple[Alert, ...]
    of: dict[str, Remembered]
    matters: dict[str, Matter]
    handled: Handled

    @property
    def ids(self) -> set[str]:
        return {alert.id for alert in self.incident.alerts}

    def changed(self, incident: str | None, said: Verdict) -> list[Remembered]:
        """Only what is new or another than it was."""
        alerts = (alert.id for alert in self.incident.alerts)
        rows = [msgspec.structs.replace(self.of[alert], incident=incident, why=said.why) for alert in alerts]
        return [row for row in rows if row != self.of[row.alert.id]]

    def sounding_otherwise(self, rows: Sequence[Remembered], said: Verdict) -> list[str]:
        """What phones have a card of, or will have, that does not tell how it is to sound now."""
        found: list[str] = []
        for row in rows:
            was, alert = self.of[row.alert.id], row.alert
            is_milder = not was.why and said.severity is not None and rank(said.severity) < rank(alert.severity)
            if alert.severity != "low" and ((was.why in UNHEARD) != (row.why in UNHEARD) or is_milder):
                found.append(alert.id)
        return found[-_MOST_SHOWN:]

    @property
    def states(self) -> dict[str, State]:
        """By alert, the matter on the ladder that it is in."""
        names = {alert.id: self.of[alert.id].incident for alert in self.incident.alerts}
        return {alert: self.matters[name].state for alert, name in names.items() if name and name in self.matters}


def _mild(said: Verdict, spot: Spot, machine: Machine) -> Verdict:
    """What is milder than the plan asks for is listed, and nobody is asked about it."""
    least = machine.plan.ladder(spot.category).at_least
    is_mild = said.rings and said.severity is not None and rank(said.severity) < rank(least)
    return Verdict("mild") if is_mild else said


def _cuts(of: Mapping[str, Remembered], matters: Mapping[str, Matter]) -> list[datetime]:
    """When people closed a matter there: never before the last that was known of it."""
    cuts: list[datetime] = []
    for name, matter in matters.items():
        ended = matter.state.ended
        if ended is not None and ended.why in _BY_PEOPLE:
            its = [one.alert.occurred_at for one in of.values() if one.incident == name]
            cuts.append(max([ended.at, *its]))
    return cuts


def _each_once(states: Sequence[State]) -> list[State]:
    return list({state.incident: state for state in states}.values())


def _name_of(states: Mapping[str, State]) -> str | None:
    """Under which name a matter is found: that which goes on, else what did not end as a part of another."""
    best = max(states.values(), key=_weight, default=None)
    return None if best is None else best.incident


def _weight(state: State) -> tuple[bool, bool, int, datetime]:
    is_part = state.ended is not None and state.ended.why == "joined"
    return state.status != "ended", not is_part, rank(state.severity), state.tenures[0].since
