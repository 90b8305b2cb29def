"""A complex's rules as a form: what of each rule can be set without writing a document, and days of a calendar."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import msgspec

from domain.alerts.built_in import KNOWN, NEEDED
from domain.alerts.conditions import During, When
from domain.alerts.document import MOST_DAYS
from domain.alerts.rules import Rule, RuleSet
from domain.tariff.calendar import DayKind

MOST_IN_FORM = 82  # rules, of eleven fields each; own ones are changed by the document where there are more
_MINUTE_S = 60
_KINDS: Mapping[str, DayKind] = {"休": "restday", "班": "workday", "restday": "restday", "workday": "workday"}
_SIGNS: Mapping[DayKind, str] = {"restday": "休", "workday": "班"}
_FIELDS = ("severity", "quiet", "days", "hours", "reach", "cooldown", "looks", "sure", "photo", "confidence")
Said = Callable[[str], str | None]  # None: the form has no such field


class BadField(Exception):
    """A field that cannot be read: of which rule ("": of none), which, and what stands there."""

    def __init__(self, rule: str, name: str, text: str) -> None:
        super().__init__(f"{rule or 'rules'}.{name}: {text!r} cannot be used")
        self.rule, self.name, self.text = rule, name, text


class Row(NamedTuple):
    """A rule as the form shows it. One that is off is shown as it is built in."""

    rule: Rule
    is_on: bool
    is_own: bool  # not among the built-in ones: off, it is left out
    is_fixed: bool  # about lives: a form makes it neither milder nor wider, and may only ask for a photo
    is_changed: bool

    @property
    def confidence(self) -> float | None:
        """The least confidence that all its conditions ask for."""
        return self.rule.when[0].confidence

    @property
    def has_confidence(self) -> bool:
        """Whether one number can say it: what cameras and readers see, with the same bound everywhere."""
        seen = {"detection", "plate"}
        alike = len({one.confidence for one in self.rule.when}) == 1
        return alike and any(seen & set(one.kind) for one in self.rule.when)


def rows(known: RuleSet) -> list[Row]:
    """The built-in rules in their order, those that are off among them, then the complex's own."""
    here = {rule.id: rule for rule in known.rules}
    built_in = {rule.id: rule for rule in KNOWN.rules}
    listed = [here.get(rule.id, rule) for rule in KNOWN.rules]
    listed += [rule for rule in known.rules if rule.id not in built_in]
    return [
        Row(one, one.id in here, one.id not in built_in, one.id in NEEDED, built_in.get(one.id) != one)
        for one in listed
    ]


def read(base: RuleSet, said: Said) -> RuleSet:
    """The base as the form changes it; what the form does not name stays. Raises BadField."""
    kept = [rule for row in rows(base) if (rule := _rule(row, said)) is not None]
    calendar = said("calendar")
    days = base.calendar if calendar is None else read_days(calendar)
    return RuleSet(rules=tuple(kept), inhibitions=base.inhibitions, calendar=days)


def _rule(row: Row, said: Said) -> Rule | None:
    """As the form has it; None where it is off."""
    if row.is_fixed:
        photo = said(f"photo:{row.rule.id}")
        return row.rule if photo is None else _with(row.rule, "photo", photo)
    is_on = said(f"on:{row.rule.id}")
    if is_on is not None and is_on not in ("0", "1"):
        raise BadField(row.rule.id, "on", is_on)
    if not (row.is_on if is_on is None else is_on == "1"):
        return None
    rule = row.rule
    for name in _FIELDS:
        text = said(f"{name}:{rule.id}")
        if text is not None and (name != "confidence" or row.has_confidence):
            rule = _with(rule, name, text)
    return rule


def _with(rule: Rule, name: str, text: str) -> Rule:
    """Raises BadField."""
    try:
        return msgspec.convert(msgspec.to_builtins(rule) | _changed(rule, name, text), Rule)
    except (msgspec.ValidationError, ValueError) as error:
        raise BadField(rule.id, name, text) from error


def _changed(rule: Rule, name: str, text: str) -> dict[str, Any]:
    """Raises ValueError."""
    match name:
        case "severity":
            return {"severity": text}
        case "quiet" | "days" | "hours":
            return {"during": _during(rule.during, name, text)}
        case "reach":
            return {"reach_s": _minutes(text)}
        case "cooldown":
            return {"cooldown_s": _minutes(text)}
        case "looks":
            return {"looks": _number(text)}
        case "photo":
            return {"photo": {"0": False, "1": True}.get(text, text)}
        case "sure":
            return {"sure_from": _percent(text)}
        case _:
            return {"when": [_as_sure(one, _percent(text)) for one in rule.when]}


def _during(during: During, name: str, text: str) -> dict[str, Any]:
    said = msgspec.to_builtins(during)
    if name == "hours":
        return said | {"hours": text.replace("，", " ").replace(",", " ").split()}
    if name == "quiet":
        return said | {"quiet": {"0": False, "1": True}[text] if text in ("0", "1") else text}
    return said | {"days": text}


def _as_sure(when: When, confidence: float | None) -> Any:
    return msgspec.to_builtins(msgspec.structs.replace(when, confidence=confidence))


def _minutes(text: str) -> int:
    return _number(text) * _MINUTE_S


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 8):
        raise ValueError("no whole number")
    return int(text)


def _percent(text: str) -> float | None:
    return _number(text) / 100 if text else None


def read_days(text: str) -> dict[str, DayKind]:
    """Lines as ``2026-10-01..2026-10-07 休`` and ``2026-10-10 班``; of one twice the last. Raises BadField."""
    found: dict[str, DayKind] = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        span, _, word = line.partition(" ")
        first, _, last = span.partition("..")
        found |= dict.fromkeys(_days(first, last or first, line), _kind(word.strip(), line))
        if len(found) > MOST_DAYS:
            raise BadField("", "calendar", line)
    return dict(sorted(found.items()))


def _kind(word: str, line: str) -> DayKind:
    if word not in _KINDS:
        raise BadField("", "calendar", line)
    return _KINDS[word]


def _days(first: str, last: str, line: str) -> list[str]:
    try:
        since, until = date.fromisoformat(first), date.fromisoformat(last)
    except ValueError as error:
        raise BadField("", "calendar", line) from error
    if not 0 <= (until - since).days < MOST_DAYS:
        raise BadField("", "calendar", line)
    return [(since + timedelta(days=ahead)).isoformat() for ahead in range((until - since).days + 1)]


def days_text(calendar: Mapping[str, DayKind]) -> str:
    """The lines that ``read_days`` reads back: days of one kind in a row are one line."""
    runs: list[tuple[date, date, DayKind]] = []
    for day, kind in sorted(calendar.items()):
        at = date.fromisoformat(day)
        if runs and runs[-1][2] == kind and at - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], at, kind)
        else:
            runs.append((at, at, kind))
    return "\n".join(_line(*run) for run in runs)


def _line(first: date, last: date, kind: DayKind) -> str:
    span = first.isoformat() if first == last else f"{first.isoformat()}..{last.isoformat()}"
    return f"{span} {_SIGNS[kind]}"
