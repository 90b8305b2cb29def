"""Databases of PostgreSQL for tests: one server a test process, a migrated database of its own for each who asks."""

from __future__ import annotations

import atexit
import functools
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

from server.store import migrate
from simulators.postgres import Postgres, PostgresUnavailable

_TEMPLATE = "migrated"
_numbers = itertools.count(1)
_left: list[str] = []  # dropped with the next that is made: a program less to start for each test


def server() -> Postgres:
    """The server of this test process, started on first use. The test is skipped where there can be none."""
    try:
        return _server()
    except PostgresUnavailable as error:
        pytest.skip(f"no PostgreSQL: {error}")


@functools.cache
def _server() -> Postgres:
    started = Postgres(durable=False).start()
    atexit.register(started.close)
    return started


@contextmanager
def database() -> Iterator[str]:
    """The URL of a migrated, empty database, which is dropped when the next is made."""
    with _database(_template()) as url:
        yield url


@contextmanager
def copy_of(url: str) -> Iterator[str]:
    """The URL of a copy of a database that nobody has open; it is dropped when the next is made."""
    with _database(_name(url)) as copied:
        yield copied


@contextmanager
def bare_database() -> Iterator[str]:
    """The URL of a database without a table, which is dropped when the next is made."""
    with _database("template0") as url:
        yield url


def say(url: str, sql: str) -> str:
    """One statement to a database of the server, by its URL; what it printed."""
    return server().say(sql, _name(url))


def _name(url: str) -> str:
    return urlsplit(url).path.lstrip("/")


@contextmanager
def _database(template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    try:
        yield server().create(name, template, instead_of=_left)
    finally:
        _left.append(name)


@functools.cache
def _template() -> str:
    url = server().create(_TEMPLATE)
    with ThreadPoolExecutor(1) as thread:  # migrating needs a thread without an event loop, and a test may have one
        thread.submit(migrate.upgrade, url).result()
    return _TEMPLATE
