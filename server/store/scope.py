"""Whose rows a person may see, said in SQL: a page never filters what it should not have read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from sqlalchemy import Column, ColumnElement, Select, false, or_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from server.store.place_tables import area_within, complex_

KINDS = ("city", "area", "complex")


class BadScope(ValueError):
    """A scope that cannot be; the message says why and what to write."""


class Scope(msgspec.Struct, frozen=True):
    """What someone sees: everything, or what is in these areas and these complexes. Nothing said is nothing seen.

    ``is_wide`` changes no answer, only how it is looked for: a district is a large part of all rows.
    """

    is_city: bool = False
    areas: frozenset[str] = frozenset()
    complexes: frozenset[str] = frozenset()
    is_wide: bool = False

    @property
    def rows(self) -> list[tuple[str, str]]:
        """Kind and place, as the table has them."""
        named = [("area", place) for place in sorted(self.areas)]
        named += [("complex", place) for place in sorted(self.complexes)]
        return [("city", ""), *named] if self.is_city else named

    @property
    def words(self) -> list[str]:
        """As it is written: ``city``, ``area:ID``, ``complex:ID``."""
        return [f"{kind}:{place}" if place else kind for kind, place in self.rows]


CITY = Scope(is_city=True)
NOTHING = Scope()


def scope_of(rows: Iterable[tuple[str, str]], *, is_wide: bool = False) -> Scope:
    """From rows of kind and place; a kind that is not known gives nothing."""
    known = list(rows)
    areas = frozenset(place for kind, place in known if kind == "area")
    complexes = frozenset(place for kind, place in known if kind == "complex")
    return Scope(any(kind == "city" for kind, _ in known), areas, complexes, is_wide)


def of_complexes(*complexes: str) -> Scope:
    return Scope(complexes=frozenset(complexes))


def read_scope(words: Iterable[str]) -> Scope:
    """From ``city``, ``area:ID`` and ``complex:ID``. Raises BadScope."""
    return scope_of([_read(word) for word in words])


def _read(word: str) -> tuple[str, str]:
    kind, _, place = word.partition(":")
    if kind not in KINDS or bool(place) == (kind == "city"):
        raise BadScope(f"{word!r} is no scope; write city, area:ID or complex:ID")
    return kind, place


def within(column: Column[Any], scope: Scope) -> ColumnElement[bool]:
    """Rows whose complex is in the scope; of a complex that is named, also where no table knows it."""
    if scope.is_city:
        return true()
    reached: list[ColumnElement[bool]] = []
    if scope.complexes:
        reached.append(column.in_(sorted(scope.complexes)))
    if scope.areas:
        reached.append(column.in_(_in_areas(scope)))
    if not reached:
        return false()
    # IS TRUE keeps the planner from going complex by complex, and sorting: a page's newest rows come from the front.
    return or_(*reached).is_(true()) if scope.is_wide else or_(*reached)


def _in_areas(scope: Scope) -> Select[tuple[str]]:
    """Under names of its own, so that a query over complexes does not lend it its row."""
    place, below = complex_.alias("place_within"), area_within.alias("below")
    query = select(place.c.id).join(below, below.c.area == place.c.area)
    return query.where(below.c.upper.in_(sorted(scope.areas)))


async def complexes_in(connection: AsyncConnection, scope: Scope) -> frozenset[str] | None:
    """The complexes a scope reaches now; None for a city's, which needs no list."""
    if scope.is_city:
        return None
    if not scope.areas:
        return scope.complexes
    rows = await connection.execute(_in_areas(scope))
    return scope.complexes | {row.id for row in rows}
