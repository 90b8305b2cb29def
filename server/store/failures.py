"""What goes wrong between us and the database, by names that do not depend on the engine."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from asyncpg import InternalClientError
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

READ_ONLY = "25006"  # SQLSTATE of a write where the leader is another machine by now
_NOT_TEXT = "22021"
FENCED, FENCED_STATE = "gatehouse: the complex has moved", "GH001"  # what its triggers say (server/cells/fence.py)
# By the beginning of SQLSTATE: no connection, rolled back for another's sake, no room, stopped by the operator or by
# its time limit, a lock not had in time.
_BUSY = ("08", "40", "53", "57", "55P03", READ_ONLY)


# What SQLAlchemy lets through; the driver's is of a connection whose server has just died.
_AWAY: tuple[type[Exception], ...] = (OSError, TimeoutError, InternalClientError)


class DatabaseBusy(Exception):
    """The database is away, or others hold it for too long. What was being written may be kept or not: come again."""


class ComplexMoved(Exception):
    """Something of a complex that moves, or moved, to another cell would have been changed. Nothing was."""


class NotStorable(ValueError):
    """A text that the database does not take: PostgreSQL keeps no NUL sign."""


@contextmanager
def named() -> Generator[None]:
    """Errors of the drivers leave as ours: DatabaseBusy, NotStorable; all others as they are."""
    try:
        yield
    except (*_AWAY, NoConnectionFree) as error:
        raise DatabaseBusy(f"the database cannot be reached: {error or type(error).__name__}") from error
    except DBAPIError as error:
        raise _named(error) from error


def state_of(error: DBAPIError) -> str:
    """Its SQLSTATE; empty where the engine has none."""
    return getattr(error.orig, "sqlstate", None) or ""


def _named(error: DBAPIError) -> Exception:
    state = state_of(error)
    if state == FENCED_STATE or FENCED in str(error.orig):
        return ComplexMoved("the complex moves, or moved, to another cell: nothing of it is changed here")
    if state == _NOT_TEXT:
        return NotStorable(f"a text that cannot be kept: {error.orig}")
    if isinstance(error, OperationalError) or error.connection_invalidated or state.startswith(_BUSY):
        return DatabaseBusy(f"the database is busy or away: {error.orig}")
    return error
