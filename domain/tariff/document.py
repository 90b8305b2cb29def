"""The content of a tariff file to plans, with errors that name the key that is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any, Literal, cast

import msgspec

from domain.located import located
from domain.tariff.plan import Free, Plan
from domain.tariff.version import spelled

# Words for people, allowed anywhere in a plan and no part of its version.
_DESCRIPTIVE = frozenset(
    {"note", "notes", "title", "words", "why", "source", "name", "label", "description", "comment"}
)
_SHARED = ("timezone", "calendar")  # of the file, unless a plan has its own
MOST_VERSIONS = 64
_MAX_DEPTH, _MAX_NODES = 40, 100_000  # a file that refers to itself must not run for ever


class BadTariff(Exception):
    """A tariff that cannot be used; the message begins with the path of the wrong key."""


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """The plans of one tariff by class of vehicles, and the classes that pay nothing.

    ``default``: the class that no other plan is for; "": whoever uses the tariff says. ``versions``: all that counts
    beside or instead of it, by date, the oldest first; what stands above is then for programs that read no dates.
    """

    plans: dict[str, Plan]
    exempt_classes: tuple[str, ...] = ()
    default: str = ""
    versions: tuple[Dated, ...] = ()

    def plan(self, name: str) -> Plan:
        """The plan of a class. Raises BadTariff for a class the tariff does not know."""
        if name in self.plans:
            return self.plans[name]
        if name in self.exempt_classes:
            return Plan(charge=Free())
        raise BadTariff(f"plans: no class {name!r}; there are {', '.join([*self.plans, *self.exempt_classes])}")


class Dated(msgspec.Struct, frozen=True, kw_only=True):
    """A tariff from a moment on, None: since ever. ``change``: how stays are billed that were going on then."""

    since: datetime | None
    tariff: Tariff
    change: Literal["entry", "split"] = "entry"


class _When(msgspec.Struct, frozen=True):
    """What an entry of ``versions`` says beside its tariff."""

    since: datetime | None = None
    change: Literal["entry", "split"] = "entry"

    def __post_init__(self) -> None:
        if self.since is not None and self.since.tzinfo is None:
            raise ValueError("`since`: wants a zone, as 2026-12-01T00:00:00+08:00")


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
        default=_read_default(content.get("default_class", ""), named),
        versions=_read_versions(content.get("versions", [])),
    )


def document_of(tariff: Tariff) -> dict[str, Any]:
    """The tariff as plain values, as ``read_tariff`` takes it: without words for people, and without defaults."""
    document: dict[str, Any] = {"plans": {name: spelled(plan) for name, plan in tariff.plans.items()}}
    if tariff.exempt_classes:
        document["exempt_classes"] = list(tariff.exempt_classes)
    if tariff.default:
        document["default_class"] = tariff.default
    if tariff.versions:
        document["versions"] = [_dated_document(one) for one in tariff.versions]
    return document


def _dated_document(one: Dated) -> dict[str, Any]:
    said: dict[str, Any] = {} if one.since is None else {"since": one.since.isoformat()}
    return said | ({} if one.change == "entry" else {"change": one.change}) | document_of(one.tariff)


def _read_default(name: object, plans: Any) -> str:
    known = [str(key) for key, _ in plans]
    if name == "" or str(name) in known:
        return str(name)
    raise BadTariff(f"default_class: no plan {name!r}; there are {', '.join(known)}")


def _read_versions(entries: object) -> tuple[Dated, ...]:
    """Versions by date. Raises BadTariff also where they are not in order."""
    if not isinstance(entries, list | tuple) or len(cast("list[Any]", entries)) > MOST_VERSIONS:
        raise BadTariff(f"versions: expected a list of at most {MOST_VERSIONS} tariffs, each with `since`")
    found = [_read_dated(f"versions[{index}]", entry) for index, entry in enumerate(cast("list[Any]", entries))]
    dates = [one.since for one in found if one.since is not None]
    if any(one.since is None for one in found[1:]) or dates != sorted(dates):
        raise BadTariff("versions: `since` must rise, and only the first may be without it")
    return tuple(found)


def _read_dated(path: str, entry: Any) -> Dated:
    if not isinstance(entry, Mapping):
        raise BadTariff(f"{path}: expected a mapping of `since` and `plans`")
    try:
        when = msgspec.convert({key: entry[key] for key in ("since", "change") if key in entry}, _When)
        tariff = read_tariff(cast("Mapping[Any, Any]", entry))
    except (msgspec.ValidationError, TypeError) as error:
        raise BadTariff(located(path, str(error))) from error
    except BadTariff as error:
        raise BadTariff(f"{path}.{error}") from error
    if tariff.versions:
        raise BadTariff(f"{path}.versions: a version has no versions of its own")
    return Dated(since=when.since, change=when.change, tariff=tariff)


def _read_plan(name: str, plan: Any, shared: Mapping[str, Any]) -> Plan:
    if not isinstance(plan, Mapping):
        raise BadTariff(f"plans.{name}: expected a mapping with a `charge`")
    nodes = iter(range(_MAX_NODES))
    try:
        return msgspec.convert(_tidy({**shared, **cast("Mapping[Any, Any]", plan)}, nodes, _MAX_DEPTH), Plan)
    except msgspec.ValidationError as error:
        raise BadTariff(located(f"plans.{name}", str(error))) from error
    except _TooLarge as error:
        raise BadTariff(f"plans.{name}: nested too deep or too large; is there an anchor that holds itself?") from error


def _read_classes(classes: object) -> tuple[str, ...]:
    try:
        return msgspec.convert(classes, tuple[str, ...])
    except msgspec.ValidationError as error:
        raise BadTariff(located("exempt_classes", str(error))) from error


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
    is_minutes = isinstance(value, int) and not isinstance(value, bool) and (value == 0 or 60 <= value <= 24 * 60)
    if key in ("from", "to") and is_minutes:  # as YAML reads 19:00; a bare 7 is no such time
        return f"{value // 60:02}:{value % 60:02}"
    return _tidy(value, nodes, depth)


def _key(key: Any) -> str:
    if key is True:
        return "on"
    return key.isoformat() if isinstance(key, date) else str(key)
