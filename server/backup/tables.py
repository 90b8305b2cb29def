"""What a backup must know of a table, on either engine, and what it asks of a database."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec

from server.backup.manifest import BadBackup, EngineName
from server.backup.rows import Row

Kind = Literal["int", "float", "text", "bytes", "bool", "json"]
NOT_OURS = frozenset({"alembic_version"})
LOG = "batch"
# The kind of a column by the name of its type, as SQLite or PostgreSQL spell it.
_KINDS: tuple[tuple[str, Kind], ...] = (
    (r"json", "json"),
    (r"bool", "bool"),
    (r"^(big|small)?int(eger)?$", "int"),
    (r"char|text|clob", "text"),
    (r"blob|bytea", "bytes"),
    (r"real|floa|doub", "float"),
)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Shape(msgspec.Struct, frozen=True):
    """A table's columns, and what is in them."""

    name: str
    columns: tuple[str, ...]
    kinds: tuple[Kind, ...]
    key: tuple[str, ...]  # rows are read in its order: a chain, such as the audit's, must be put back link by link


class Snapshot(Protocol):
    """A database as it is at one moment, whoever writes meanwhile."""

    engine: EngineName

    async def revision(self) -> str:
        """Of its schema; empty where it has none."""
        ...

    async def shapes(self) -> list[Shape]:
        """Its tables, each behind those it refers to."""
        ...

    def rows(self, shape: Shape) -> AsyncIterator[Sequence[Row]]:
        """All rows of a table, some at a time, in order of its key."""
        ...

    async def count(self, shape: Shape) -> int: ...

    async def counters(self) -> dict[str, int]:
        """table -> the highest number it ever gave."""
        ...


class Target(Snapshot, Protocol):
    """A database to be filled, in one transaction."""

    async def fill(self, shape: Shape, columns: Sequence[str], rows: Iterator[Sequence[Row]]) -> None: ...
    async def begin_days(self, days: Sequence[int]) -> None: ...
    async def set_counters(self, counters: Mapping[str, int]) -> None: ...
    async def empty(self, tables: Iterable[str]) -> None: ...
    async def forget_pictures(self, names: Sequence[str]) -> None: ...


def kind_of(table: str, column: str, type_name: str) -> Kind:
    """Raises BadBackup for a type that would not come back on the other engine."""
    for pattern, kind in _KINDS:
        if re.search(pattern, type_name.lower()):
            return kind
    raise BadBackup(f"{table}.{column} is of type {type_name}, which a backup does not carry")


def quoted(name: str) -> str:
    """Raises BadBackup for what is no name: names of a file must not become statements."""
    if not _NAME.fullmatch(name):
        raise BadBackup(f"{name!r} is no name of a table or column")
    return f'"{name}"'


def select_all(shape: Shape) -> str:
    """The statement that reads a table in order of its key."""
    columns = ", ".join(quoted(column) for column in shape.columns)
    order = f" ORDER BY {', '.join(quoted(column) for column in shape.key)}" if shape.key else ""
    return f"SELECT {columns} FROM {quoted(shape.name)}{order}"  # noqa: S608 - checked names


def behind_what_they_refer_to(names: Iterable[str], refers: Mapping[str, set[str]]) -> list[str]:
    """The names in an order in which a row's references are there before it; the log first of all."""
    done: dict[str, None] = {}

    def visit(name: str, above: frozenset[str]) -> None:
        if name in done or name in above:
            return
        for other in sorted(refers.get(name, set()) - {name}):
            visit(other, above | {name})
        done[name] = None

    for name in sorted(names, key=lambda name: (name != LOG, name)):
        visit(name, frozenset())
    return [name for name in done if name in set(names)]


_READ: Mapping[Kind, Callable[[Any], Any]] = {"json": lambda value: _json(value), "bool": bool}
_PUT: Mapping[Kind, Callable[[Any], Any]] = {
    "json": lambda value: _json(value),
    "bool": bool,
    "int": int,
    "float": float,
    "text": lambda value: value if isinstance(value, str) else str(value),
    "bytes": lambda value: value.encode() if isinstance(value, str) else bytes(value),
}


def _json(value: object) -> str:
    """SQLite keeps a text that is a number as a number."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def as_read(shape: Shape, rows: Sequence[Row]) -> Sequence[Row]:
    """The same values whichever engine they come from."""
    return _converted({at: _READ[kind] for at, kind in enumerate(shape.kinds) if kind in _READ}, rows)


def to_put(shape: Shape, columns: Sequence[str], rows: Sequence[Row]) -> Sequence[Row]:
    """The values as the columns of a strict engine take them."""
    kinds = dict(zip(shape.columns, shape.kinds, strict=True))
    return _converted({at: _PUT[kinds[name]] for at, name in enumerate(columns)}, rows)


def _converted(changes: Mapping[int, Callable[[Any], Any]], rows: Sequence[Row]) -> Sequence[Row]:
    if not changes:
        return rows
    made: list[list[Any]] = [list(row) for row in rows]
    for row in made:
        for at, change in changes.items():
            if row[at] is not None:
                row[at] = change(row[at])
    return made
