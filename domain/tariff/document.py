"""The content of a tariff file to plans, with errors that name the key that is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, cast

import msgspec

from domain.tariff.plan import Free, Plan

# Words for people, allowed anywhere in a plan and no part of its version.
_DESCRIPTIVE = frozenset(
    {"note", "notes", "title", "words", "why", "source", "name", "label", "description", "comment"}
)
_SHARED = ("timezone", "calendar")  # of the file, unless a plan has its own
_MAX_DEPTH, _MAX_NODES = 40, 100_000  # a file that refers to itself must not run for ever
_WHERE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains (?P<what>unknown) field `(?P<key>.*)`")
_MISSING = re.compile(r"Object (?P<what>missing required) field `(?P<key>.*)`")
_NAMED = re.compile(r"`(?P<key>\w+)`:? (?P<what>.*)")  # the checks of domain.tariff.plan


class BadTariff(Exception):
    """A tariff that cannot be used; the message begins with the path of the wrong key."""


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """The plans of one tariff by class of vehicles, and the classes that pay nothing."""

    plans: dict[str, Plan]
    exempt_classes: tuple[str, ...] = ()

    def plan(self, name: str) -> Plan:
        """The plan of a class. Raises BadTariff for a class the tariff does not know."""
        if name in self.plans:
            return self.plans[name]
        if name in self.exempt_classes:
            return Plan(charge=Free())
        raise BadTariff(f"plans: no class {name!r}; there are {', '.join([*self.plans, *self.exempt_classes])}")


def read_tariff(document: object) -> Tariff:
    """The tariff in a parsed YAML or JSON document of schema ``tariff-fixture/1``. Raises BadTariff.

    Spellings that YAML 1.1 changes are understood: an unquoted ``on`` (True), ``19:00`` (1140), dates as keys.
    """
    if not isinstance(document, Mapping):
        raise BadTariff("the file is no mapping: expected `plans` and, beside it, `timezone`")
    content = cast("Mapping[Any, Any]", document)
    plans = content.get("plans")
    if not isinstance(plans, Mapping) or not plans:
        raise BadTariff("plans: expected a mapping of at least one class to its plan")
    shared = {key: content[key] for key in _SHARED if key in content}
    named = cast("Mapping[Any, Any]", plans).items()
    return Tariff(
        plans={str(name): _read_plan(str(name), plan, shared) for name, plan in named},
        exempt_classes=_read_classes(content.get("exempt_classes", [])),
    )


def _read_plan(name: str, plan: Any, shared: Mapping[str, Any]) -> Plan:
    if not isinstance(plan, Mapping):
        raise BadTariff(f"plans.{name}: expected a mapping with a `charge`")
    nodes = iter(range(_MAX_NODES))
    try:
        return msgspec.convert(_tidy({**shared, **cast("Mapping[Any, Any]", plan)}, nodes, _MAX_DEPTH), Plan)
    except msgspec.ValidationError as error:
        raise BadTariff(_located(f"plans.{name}", str(error))) from error
    except _TooLarge as error:
        raise BadTariff(f"plans.{name}: nested too deep or too large; is there an anchor that holds itself?") from error


def _read_classes(classes: object) -> tuple[str, ...]:
    try:
        return msgspec.convert(classes, tuple[str, ...])
    except msgspec.ValidationError as error:
        raise BadTariff(_located("exempt_classes", str(error))) from error


def _located(prefix: str, message: str) -> str:
    """``plans.small.charge.bands[1].from: what is wrong``, from msgspec's message and its path."""
    where = _WHERE.fullmatch(message)
    what, path = (where["what"], where["path"] or "") if where else (message, "")
    named = _UNKNOWN.fullmatch(what) or _MISSING.fullmatch(what) or _NAMED.fullmatch(what)
    return f"{prefix}{path}.{named['key']}: {named['what']}" if named else f"{prefix}{path}: {what}"


class _TooLarge(Exception):
    pass


def _tidy(node: Any, nodes: Iterator[int], depth: int) -> Any:
    """The node as JSON would have it: text keys, no words for people, whole numbers as integers."""
    if next(nodes, None) is None or not depth:
        raise _TooLarge
    if isinstance(node, Mapping):
        entries = ((_key(key), value) for key, value in cast("Mapping[Any, Any]", node).items())
        return {key: _entry(key, value, nodes, depth - 1) for key, value in entries if key not in _DESCRIPTIVE}
    if isinstance(node, list | tuple):
        return [_tidy(entry, nodes, depth - 1) for entry in cast("list[Any]", node)]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def _entry(key: str, value: Any, nodes: Iterator[int], depth: int) -> Any:
    if key in ("from", "to") and isinstance(value, int) and 0 <= value <= 24 * 60:
        return f"{value // 60:02}:{value % 60:02}"
    return _tidy(value, nodes, depth)


def _key(key: Any) -> str:
    if key is True:
        return "on"
    return key.isoformat() if isinstance(key, date) else str(key)
