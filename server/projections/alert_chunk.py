"""What a chunk of facts does to the alerts: what it may touch is read at once, walked in memory, written at once."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, update
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts import incidents
from domain.alerts.words import Fired, alert_id, lateness
from domain.events import encode_event, is_unsure
from domain.masking import masked_subject
from server.facts import Fact
from server.projections.moments import Moments, windows
from server.store.bulk import insert, insert_new, look_up
from server.store.engine import stamp, unstamp
from server.store.schema import alert, scene

# How far a picture of the same place may lie from what happened, either way.
PICTURE_WITHIN = timedelta(seconds=15)
_COLUMNS = tuple(alert.columns.keys())
_SCENE = ("complex", "place", "occurred_at", "sha256")
_SPAN = {"earliest": "varchar", "latest": "varchar"}
_OF_COMPLEX, _OF_PLACE = {"complex": "varchar", **_SPAN}, {"complex": "varchar", "place": "varchar", **_SPAN}
_KNOWN = "SELECT alert.id FROM wanted CROSS JOIN alert WHERE alert.id = wanted.id"
_FACTS = "SELECT alert.fact FROM wanted CROSS JOIN alert WHERE alert.fact = wanted.fact"
_RECENT = """SELECT alert.complex, alert.rule, alert.device, alert.point, alert.occurred_at, alert.incident
FROM wanted CROSS JOIN alert WHERE alert.complex = wanted.complex
AND alert.occurred_at >= wanted.earliest AND alert.occurred_at <= wanted.latest"""
_SCENES = """SELECT scene.complex, scene.place, scene.occurred_at, scene.sha256
FROM wanted CROSS JOIN scene WHERE scene.complex = wanted.complex AND scene.place = wanted.place
AND scene.occurred_at >= wanted.earliest AND scene.occurred_at <= wanted.latest"""
_BARE = """SELECT alert.complex, alert.place, alert.occurred_at, alert.id
FROM wanted CROSS JOIN alert WHERE alert.complex = wanted.complex AND alert.place = wanted.place
AND alert.occurred_at >= wanted.earliest AND alert.occurred_at <= wanted.latest AND alert.picture IS NULL"""
_SHOW = update(alert).where(alert.c.id == bindparam("shown")).values(picture=bindparam("sha256"))

Row = dict[str, Any]
Spot = tuple[str, str]  # a complex, and a place in it
Cause = tuple[str, str, str, str | None]  # complex, rule, device, point
Firing = tuple[Fact, Fired | None]


class Chunk:
    """Load, walk, save: in that order, in one transaction."""

    def __init__(self, firings: list[Firing]) -> None:
        self._firings = [(fact, fired) for fact, fired in firings if fired or _pictures(fact)]
        self._known: set[str] = set()  # alerts by id, and facts that are an alert, under whatever rules
        self._recent: defaultdict[Cause, Moments] = defaultdict(Moments)  # incidents, by their alerts
        self._scenes: defaultdict[Spot, Moments] = defaultdict(Moments)  # pictures
        self._bare: defaultdict[Spot, Moments] = defaultdict(Moments)  # alerts without a picture
        self._raised: dict[str, Row] = {}
        self._shown: dict[str, str] = {}  # alerts of earlier chunks that got a picture
        self._new_scenes: list[tuple[str, str, str, str]] = []

    @property
    def is_empty(self) -> bool:
        return not self._firings

    async def load(self, connection: AsyncConnection) -> None:
        """Everything of earlier chunks that the walk may come upon."""
        ids = {(alert_id(fired.rule, fact.id),) for fact, fired in self._firings if fired}
        self._known = {row[0] for row in await look_up(connection, {"id": "varchar"}, list(ids), _KNOWN)}
        facts = {(fact.id.hex(),) for fact, fired in self._firings if fired}
        self._known |= {row[0] for row in await look_up(connection, {"fact": "varchar"}, list(facts), _FACTS)}
        for *cause, at, incident in await look_up(connection, _OF_COMPLEX, self._causes_asked(), _RECENT):
            self._recent[cause[0], cause[1], cause[2], cause[3]].add(at, incident)
        for complex_id, place, at, picture in await look_up(connection, _OF_PLACE, self._scenes_asked(), _SCENES):
            self._scenes[complex_id, place].add(at, picture)
        for complex_id, place, at, identity in await look_up(connection, _OF_PLACE, self._bare_asked(), _BARE):
            self._bare[complex_id, place].add(at, identity)

    def _causes_asked(self) -> list[tuple[str, ...]]:
        at = [((fact.complex,), fact.event.occurred_at) for fact, fired in self._firings if fired]
        return list(windows(at, incidents.SAME_CAUSE_WITHIN, timedelta()))

    def _scenes_asked(self) -> list[tuple[str, ...]]:
        wanting = [fact for fact, fired in self._firings if fired and fact.event.place and not _own_picture(fact)]
        return _around(wanting)

    def _bare_asked(self) -> list[tuple[str, ...]]:
        return _around([fact for fact, _ in self._firings if _pictures(fact)])

    def walk(self) -> list[tuple[str, str]]:
        """Fact by fact; the complexes and alerts that changed, in order."""
        changed: list[tuple[str, str]] = []
        for fact, fired in self._firings:
            found = [identity] if fired and (identity := self._raise(fact, fired)) else []
            for picture in _pictures(fact):
                found += self._show(fact, picture)
            changed += [(fact.complex, identity) for identity in found]
        return changed

    @property
    def raised(self) -> list[Row]:
        """The new alerts, in order."""
        return list(self._raised.values())

    def _raise(self, fact: Fact, fired: Fired) -> str | None:
        """The alert's id, where it is new."""
        identity, at = alert_id(fired.rule, fact.id), stamp(fact.event.occurred_at)
        if not self._known.isdisjoint((identity, fact.id.hex())):
            return None
        self._known |= {identity, fact.id.hex()}
        cause = (fact.complex, fired.rule, fact.event.device, fact.event.point)
        incident = self._incident(cause, fact) or identity
        self._recent[cause].add(at, incident)
        picture = _own_picture(fact) or self._neighbour(fact)
        self._raised[identity] = _row(fact, fired) | {"id": identity, "incident": incident, "picture": picture}
        if picture is None and fact.event.place is not None:
            self._bare[_spot(fact)].add(at, identity)
        return identity

    def _incident(self, cause: Cause, fact: Fact) -> str | None:
        """The incident of the same cause that this alert belongs to."""
        earlier = self._recent[cause].last_until(stamp(fact.event.occurred_at))
        if earlier is None or not incidents.joins(unstamp(earlier[0]), fact.event.occurred_at):
            return None
        return earlier[1]

    def _neighbour(self, fact: Fact) -> str | None:
        """The nearest picture of the same place, from whichever camera."""
        if fact.event.place is None:
            return None
        at, seen = fact.event.occurred_at, self._scenes[_spot(fact)].between(*_near(fact))
        nearest = min(seen, key=lambda known: (abs(unstamp(known[0]) - at), known[1]), default=None)
        return None if nearest is None else nearest[1]

    def _show(self, fact: Fact, picture: str) -> list[str]:
        """Keep a picture of a place, and give it to the alerts there that have none: which."""
        spot, at = _spot(fact), stamp(fact.event.occurred_at)
        self._scenes[spot].add(at, picture)
        self._new_scenes.append((*spot, at, picture))
        found = [identity for _, identity in self._bare[spot].take(*_near(fact))]
        for identity in found:
            if identity in self._raised:
                self._raised[identity]["picture"] = picture
            else:
                self._shown[identity] = picture
        return found

    async def save(self, connection: AsyncConnection) -> None:
        rows = [tuple(row[name] for name in _COLUMNS) for row in self._raised.values()]
        await insert(connection, alert, _COLUMNS, rows)
        await insert_new(connection, scene, _SCENE, self._new_scenes)
        if self._shown:
            shown = [{"shown": identity, "sha256": picture} for identity, picture in self._shown.items()]
            await connection.execute(_SHOW, shown)


def _around(facts: list[Fact]) -> list[tuple[str, ...]]:
    asked = [(_spot(fact), fact.event.occurred_at) for fact in facts]
    return list(windows(asked, PICTURE_WITHIN, PICTURE_WITHIN))


def _spot(fact: Fact) -> Spot:
    return fact.complex, fact.event.place or ""


def _near(fact: Fact) -> tuple[str, str]:
    at = fact.event.occurred_at
    return stamp(at - PICTURE_WITHIN), stamp(at + PICTURE_WITHIN)


def _pictures(fact: Fact) -> list[str]:
    """Of a place, by their names."""
    if not fact.event.place:
        return []
    return [media.sha256 for media in fact.event.media if media.role == "scene" and media.sha256]


def _own_picture(fact: Fact) -> str | None:
    return next((media.sha256 for media in fact.event.media if media.sha256), None)


def _row(fact: Fact, fired: Fired) -> Row:
    event = fact.event
    recorded_at = event.recorded_at or event.occurred_at
    return {
        "complex": fact.complex,
        "rule": fired.rule,
        "severity": fired.severity,
        "category": fired.category,
        "device": event.device,
        "place": event.place,
        "point": event.point,
        "subject": _masked(fact),
        "occurred_at": stamp(event.occurred_at),
        "recorded_at": stamp(recorded_at),
        "received_at": stamp(fact.received_at),
        "lateness": lateness(event.occurred_at, fact.received_at, unsure=is_unsure(event)),
        "event": encode_event(event),
        "fact": fact.id.hex(),
    }


def _masked(fact: Fact) -> str | None:
    subject = fact.event.subject
    if subject is None or not subject.id:
        return None
    return masked_subject(subject.type, subject.id)
