"""A JSON parameter as rows: one statement for many keys, however many, where a list of binds has a bound."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import String
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class Source(NamedTuple):
    """How an engine's text SQL reads JSON parameters; each ends so that a table and ``ON`` may follow ``pairs``."""

    pairs: str  # the object :pairs as rows ``wanted(key, value)``, to be joined from
    values: str  # the list :ids as rows of one text


_SOURCES: Mapping[str, Source] = {
    # CROSS JOIN makes SQLite begin with the parameter, and ON may follow it there.
    "sqlite": Source("json_each(:pairs) AS wanted CROSS JOIN", "SELECT value FROM json_each(:ids)"),
    "postgresql": Source(
        "json_each_text(CAST(:pairs AS json)) AS wanted JOIN",
        "SELECT value FROM json_array_elements_text(CAST(:ids AS json))",
    ),
}


def source(connection: AsyncConnection) -> Source:
    """The fragments for the engine that the connection speaks to."""
    return _SOURCES[connection.dialect.name]


class json_values(GenericFunction[str]):
    """A JSON list of texts as rows: ``json_values(text).table_valued("value")``."""

    type = String()
    inherit_cache = True


@compiles(json_values, "sqlite")
def _on_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(json_values, "postgresql")
def _on_postgres(element: Any, compiler: Any, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS json))"
