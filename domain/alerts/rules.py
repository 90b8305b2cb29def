"""Rules as data: what each fires on, how bad that is, and what else it mutes; and a set of them, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.alerts.conditions import During, Glance, When, Words
from domain.alerts.words import COOLDOWN_S, Alert, Category, Fired, Lateness, Severity, alert_id, rank
from domain.events import Event
from domain.places import Place
from domain.sketch import Sketch
from domain.tariff.calendar import Calendar, DayKind

# Also what people read, where it is a complex's own: letters of any script.
RuleId = Annotated[str, Meta(pattern=r"^[^\W\d_]\w{0,63}(\{alarm\})?\Z")]
Whens = Annotated[tuple[When, ...], Meta(max_length=16)]
REACH_S: dict[Category, int] = {"security": 300, "fire": 900, "safety": 600, "device": 1_800, "care": 3_600}
MOST_COOLDOWN_S = 14_400
_ALARM = "{alarm}"
GATEWAY = "gateway:"  # what the centre's own facts call a gateway as a device
_UNNAMED = "other"
_MOST_GLANCES = 4_096


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Fires where one of ``when`` holds and none of ``unless``, at the hours of ``during``.

    ``id`` may end in ``{alarm}``: what the device calls its alarm. ``reach_s``: for how long what happens at the same
    spot is the same matter; 0: as its category. ``looks``: so many alerts of the matter before it rings, unless the
    device is as sure as ``sure_from``. ``cooldown_s``: so long it does not ring after people were told of the spot.
    ``photo``: who closes it shows the place.
    """

    id: RuleId
    severity: Severity
    category: Category
    when: Annotated[Whens, Meta(min_length=1)]
    unless: Whens = ()
    during: During = During()
    reach_s: Annotated[int, Meta(ge=0, le=86_400)] = 0
    looks: Annotated[int, Meta(ge=1, le=10)] = 1
    sure_from: Annotated[float, Meta(ge=0, le=1)] | None = None
    cooldown_s: Annotated[int, Meta(ge=0, le=MOST_COOLDOWN_S)] = COOLDOWN_S
    photo: bool = False

    def matches(self, event: Event) -> bool:
        """Whether it would fire, were it always the hour."""
        return any(one.holds(event) for one in self.when) and not any(one.holds(event) for one in self.unless)

    def may_match(self, glance: Glance) -> bool:
        sure = (one for one in self.unless if one.is_seen_at_a_glance)
        return any(one.may_hold(glance) for one in self.when) and not any(one.may_hold(glance) for one in sure)

    def name_for(self, event: Event) -> str:
        return self.id.replace(_ALARM, event.alarm or _UNNAMED)

    def looks_for(self, event: Event) -> int:
        is_sure = self.sure_from is not None and (event.confidence or 0.0) >= self.sure_from
        return 1 if is_sure else self.looks


class Inhibition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """While an alert of ``by`` stands, those of ``of`` in its ``scope`` do not ring: they follow from it.

    From ``before_s`` before it happened, since the consequence is often told first, to ``after_s`` after it.
    """

    by: Annotated[Words, Meta(min_length=1)]
    of: Annotated[Words, Meta(min_length=1)]
    scope: Literal["complex", "gateway", "place"] = "complex"
    before_s: Annotated[int, Meta(ge=0, le=3_600)] = 10
    after_s: Annotated[int, Meta(ge=1, le=86_400)] = 600


class RuleSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The rules of a complex at one time. ``calendar``: days unlike their weekday; empty: the place's own."""

    rules: tuple[Rule, ...]
    inhibitions: tuple[Inhibition, ...] = ()
    calendar: Mapping[str, DayKind] = {}


class Rules:
    """A set of rules, ready to be asked of thousands of events a second."""

    def __init__(self, known: RuleSet) -> None:
        self.known = known
        self._calendar = Calendar(known.calendar) if known.calendar else None
        self._dated: tuple[Place, Place] | None = None  # a place, and the same with these rules' calendar
        self._by_kind: dict[str, list[Rule]] = {}
        self._of_any_kind = [rule for rule in known.rules if any(not one.kind for one in rule.when)]
        for kind in {kind for rule in known.rules for one in rule.when for kind in one.kind}:
            self._by_kind[kind] = [rule for rule in known.rules if rule in self._of_any_kind or _names(rule, kind)]
        self._glances: dict[tuple[str, str | None, str | None, str | None, str], tuple[Rule, ...]] = {}

    def fired(self, event: Event, place: Place) -> Fired | None:
        """The alert that an event is. One cause, one alert: of several rules the worst, of equals the first.

        A retained message states what was, so it never is one.
        """
        rule = self._rule_for(event, place)
        return None if rule is None else Fired(rule.name_for(event), rule.severity, rule.category)

    def names_for(self, event: Event) -> Iterator[str]:
        """What the event's alert may be called at any hour, by whichever rule: where alerts of it are looked for."""
        if not event.retained:
            yield from dict.fromkeys(rule.name_for(event) for rule in self._seen_in(event) if rule.matches(event))

    def may_fire(self, sketch: Sketch) -> bool:
        """Whether a rule might fire on the event of this sketch: true for every event on which one does."""
        if sketch.kind not in self._by_kind and not self._of_any_kind:
            return False
        return bool(self._seen_in(sketch))

    def wants_photo(self, name: str) -> bool:
        """Whether an alert of this name is closed with a photo alone, by these rules."""
        exact = (rule for rule in self.known.rules if rule.id == name)
        wide = (rule for rule in self.known.rules if rule.id.endswith(_ALARM))
        alike = (rule for rule in wide if name.startswith(rule.id.removesuffix(_ALARM)))
        rule = next(exact, None) or next(alike, None)
        return rule is not None and rule.photo

    def alert(self, event: Event, place: Place, fact: Fact) -> Alert | None:
        """The alert as grouping and ringing see it."""
        rule = self._rule_for(event, place)
        if rule is None:
            return None
        name = rule.name_for(event)
        return Alert(
            id=alert_id(name, fact.id),
            fact=fact.id.hex(),
            complex=fact.complex,
            rule=name,
            severity=rule.severity,
            category=rule.category,
            device=event.device,
            occurred_at=event.occurred_at,
            lateness=fact.lateness,
            gateway=_gateway(event, fact),
            place=event.place,
            point=event.point,
            object=event.source_event_id if event.phase != "instant" else None,
            reach_s=rule.reach_s or REACH_S[rule.category],
            looks=rule.looks_for(event),
            cooldown_s=rule.cooldown_s,
        )

    def _rule_for(self, event: Event, place: Place) -> Rule | None:
        if event.retained:
            return None
        found = (rule for rule in self._seen_in(event) if rule.matches(event))
        where = self._by_calendar(place)
        now = (rule for rule in found if rule.during.holds(event.occurred_at, where))
        return max(now, key=lambda rule: rank(rule.severity), default=None)

    def _by_calendar(self, place: Place) -> Place:
        """The place, by these rules' own calendar where they have one."""
        if self._calendar is None:
            return place
        if self._dated is None or self._dated[0] is not place:
            self._dated = place, msgspec.structs.replace(place, calendar=self._calendar)
        return self._dated[1]

    def _of(self, kind: str) -> Sequence[Rule]:
        return self._by_kind.get(kind, self._of_any_kind)

    def _seen_in(self, seen: Event | Sketch) -> tuple[Rule, ...]:
        """Of the rules, those that a glance does not rule out: few are left of many, and most often none."""
        key = (seen.kind, seen.state, seen.label, seen.result, seen.phase)
        known = self._glances.get(key)
        return self._look(Glance(*key)) if known is None else known

    def _look(self, glance: Glance) -> tuple[Rule, ...]:
        """The words are few, but devices choose them: what was looked at is kept within bounds."""
        if len(self._glances) >= _MOST_GLANCES:
            self._glances.clear()
        found = self._glances[glance] = tuple(rule for rule in self._of(glance.kind) if rule.may_match(glance))
        return found


class Fact(msgspec.Struct, frozen=True):
    """What is known of an event beside what it says."""

    id: bytes
    complex: str
    lateness: Lateness
    gateway: str = ""


class Dated(msgspec.Struct, frozen=True):
    """A set of rules from a moment on."""

    since: datetime
    version: int
    rules: Rules


class Versions:
    """The rules of a complex over time: an event is judged by those that were in force when the centre received it.

    Of the versions that have begun the highest counts: what is published later replaces what was still to come. Since
    a version begins after all that was received before it was published, no later one changes what was judged.
    """

    def __init__(self, first: Rules, later: Iterable[Dated] = ()) -> None:
        self._first, self._later = first, sorted(later, key=lambda one: one.version)

    def at(self, received_at: datetime) -> Rules:
        dated = self.dated(received_at)
        return self._first if dated is None else dated.rules

    def dated(self, received_at: datetime) -> Dated | None:
        """The version in force; None where it is still the first, which has no number."""
        return next((one for one in reversed(self._later) if one.since <= received_at), None)


def _gateway(event: Event, fact: Fact) -> str:
    """Of what the centre says of a gateway, that gateway."""
    return event.device.removeprefix(GATEWAY) if event.device.startswith(GATEWAY) else fact.gateway


def _names(rule: Rule, kind: str) -> bool:
    return any(kind in one.kind for one in rule.when)
