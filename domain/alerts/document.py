"""A complex's own rules, as a document beside the built-in ones, with errors that say what, where and what to do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, cast

import msgspec
from msgspec import Meta

from domain.alerts.built_in import KNOWN, NEEDED
from domain.alerts.rules import Inhibition, Rule, RuleId, RuleSet
from domain.alerts.words import rank
from domain.located import located
from domain.tariff.calendar import Calendar, DayKind

SCHEMA = "alert-rules/1"
MOST_RULES = 200
MOST_DAYS = 1_000  # of a calendar
_NO_NAME = re.compile("Expected `str` matching regex '.*?'(?= - at |$)")
_NAME = "no name of a rule: write a letter, of any script, and then letters, digits and _ (at most 64 signs)"
_MAX_DEPTH, _MAX_NODES = 12, 50_000
_WORDS = frozenset(
    {"kind", "state", "alarm", "label", "result", "reason", "phase", "place", "lane", "zone", "device", "subject"}
    | {"color", "hours", "by", "of", "without"}
)
_DESCRIPTIVE = frozenset({"note", "notes", "title", "why"})  # words for people, anywhere


class BadRules(Exception):
    """Rules that cannot be used; the message begins with the path of the wrong key."""


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What differs from the built-in set. ``rules``: new ones, and others in the place of those of the same id."""

    schema: Literal["alert-rules/1"]
    without: Annotated[tuple[RuleId, ...], Meta(max_length=MOST_RULES)] = ()
    rules: Annotated[tuple[Rule, ...], Meta(max_length=MOST_RULES)] = ()
    inhibitions: Annotated[tuple[Inhibition, ...], Meta(max_length=MOST_RULES)] | None = None
    calendar: Annotated[Mapping[str, DayKind], Meta(max_length=MOST_DAYS)] = {}


def read_rules(document: object, based_on: RuleSet = KNOWN) -> RuleSet:
    """The rules of a parsed YAML or JSON document. Raises BadRules."""
    said = _converted(document)
    _check(said, based_on)
    return _together(said, based_on)


def published_rules(document: object, based_on: RuleSet = KNOWN) -> RuleSet:
    """A document that was accepted once, beside the built-in rules of today: what no longer fits them gives way, for a
    reader of the log that stood still would alert nobody. Raises BadRules where it cannot be read at all."""
    said, known = _converted(document), {rule.id: rule for rule in based_on.rules}
    rules = tuple(rule for rule in said.rules if rule.id not in NEEDED or _wrong_of(rule, known.get(rule.id)) is None)
    without = tuple(name for name in said.without if name not in NEEDED)
    return _together(msgspec.structs.replace(said, rules=rules, without=without), based_on)


def _converted(document: object) -> _Document:
    """Raises BadRules."""
    if not isinstance(document, Mapping):
        raise BadRules(f"the file is no mapping: expected `schema: {SCHEMA}` and, beside it, `rules` or `without`")
    try:
        return msgspec.convert(_tidy(document, iter(range(_MAX_NODES)), _MAX_DEPTH), _Document)
    except msgspec.ValidationError as error:
        raise BadRules(located("", _NO_NAME.sub(_NAME, str(error))).removeprefix(".")) from error


def _together(said: _Document, based_on: RuleSet) -> RuleSet:
    own = {rule.id: rule for rule in said.rules}
    kept = tuple(own.pop(rule.id, rule) for rule in based_on.rules if rule.id not in said.without)
    inhibitions = based_on.inhibitions if said.inhibitions is None else said.inhibitions
    return RuleSet(rules=(*kept, *own.values()), inhibitions=inhibitions, calendar=said.calendar)


def document_of(rules: RuleSet, based_on: RuleSet = KNOWN) -> dict[str, Any]:
    """A set as plain values, as ``read_rules`` takes it: what differs from the built-in one."""
    ids = {rule.id for rule in rules.rules}
    return msgspec.to_builtins(
        _Document(
            schema=SCHEMA,
            without=tuple(rule.id for rule in based_on.rules if rule.id not in ids),
            rules=tuple(rule for rule in rules.rules if rule not in based_on.rules),
            inhibitions=None if rules.inhibitions == based_on.inhibitions else rules.inhibitions,
            calendar=rules.calendar,
        )
    )


def _check(said: _Document, based_on: RuleSet) -> None:
    """What no single rule can see of itself. Raises BadRules."""
    known = {rule.id: rule for rule in based_on.rules}
    _refuse_twice("rules", [rule.id for rule in said.rules])
    _refuse_twice("without", said.without)
    for index, name in enumerate(said.without):
        if name not in known:
            raise BadRules(f"without[{index}]: there is no built-in rule {name!r}; leave it out")
        if name in NEEDED:
            raise BadRules(f"without[{index}]: {name} is about lives and stays; silence one device, with an end")
    for index, rule in enumerate(said.rules):
        if rule.id in NEEDED and rule.id in known:
            _check_needed(f"rules[{index}]", rule, known[rule.id])
    for day in said.calendar:
        _check_day(day)
    for index, inhibition in enumerate(said.inhibitions or ()):
        if about_lives := NEEDED & set(inhibition.of):
            raise BadRules(
                f"inhibitions[{index}].of: {min(about_lives)} is about lives; nothing mutes it, leave it out"
            )


def _check_needed(path: str, rule: Rule, old: Rule) -> None:
    """A rule about lives may be made wider, never milder or narrower."""
    wrong = _wrong_of(rule, old)
    if wrong == "severity":
        raise BadRules(f"{path}.severity: {rule.id} is about lives and stays {old.severity}")
    if wrong is not None:
        raise BadRules(f"{path}.{wrong}: {rule.id} is about lives; keep what the built-in rule says, add to `when`")


def _wrong_of(rule: Rule, old: Rule | None) -> str | None:
    """In what a rule is milder or narrower than that in whose place it stands; None: in nothing."""
    if old is None:
        return None
    if rank(rule.severity) < rank(old.severity):
        return "severity"
    narrower = ("category", "unless", "during", "looks")
    wrong = [name for name in narrower if getattr(rule, name) != getattr(old, name)]
    wrong += [] if set(old.when) <= set(rule.when) else ["when"]
    return wrong[0] if wrong else None


def _check_day(day: str) -> None:
    try:
        Calendar({day: "restday"})
    except ValueError as error:
        raise BadRules(f"calendar.{day}: no date; write it like 2026-10-01") from error


def _refuse_twice(path: str, ids: Iterable[str]) -> None:
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise BadRules(f"{path}: {twice[0]!r} stands twice; keep one of them")


def _tidy(node: Any, nodes: Iterator[int], depth: int) -> Any:
    """Without words for people; a list where one entry stands alone. Raises BadRules where it is too deep or large."""
    if next(nodes, None) is None or not depth:
        raise BadRules("the file is nested too deep or too large; is there an anchor that holds itself?")
    if isinstance(node, Mapping):
        entries = ((str(key), value) for key, value in cast("Mapping[Any, Any]", node).items())
        return {key: _tidy(_listed(key, value), nodes, depth - 1) for key, value in entries if key not in _DESCRIPTIVE}
    if isinstance(node, list | tuple):
        return [_tidy(entry, nodes, depth - 1) for entry in cast("list[Any]", node)]
    return node


def _listed(key: str, value: object) -> object:
    """``kind: door`` means ``kind: [door]``, and one condition stands for a list of one."""
    is_word = key in _WORDS and isinstance(value, str)
    is_condition = key in ("when", "unless") and isinstance(value, Mapping)
    return cast("object", [value]) if is_word or is_condition else cast("object", value)
