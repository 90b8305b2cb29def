"""The database: reached, of the right schema, and whether it keeps what it says it keeps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.findings import Finding, Reporter
from server.doctor import postgres, sqlite
from server.store import address, figures, migrate
from server.store.engine import Database
from server.store.failures import DatabaseBusy

_REACHED = Reporter("database", "line")
_SCHEMA = Reporter("database", "schema")
_READERS = Reporter("work", "readers")
_FEEDS = Reporter("work", "feeds")
_GATEWAYS = Reporter("work", "gateways")
_LATE = timedelta(minutes=10)


async def check(folder: Path, database: str, readers: list[str], feeds: list[str], now: datetime) -> list[Finding]:
    """Everything there is to say of it; what needs it is left out where it cannot be reached."""
    url = address.of(folder, database)
    path = folder / address.FILE
    if not address.is_postgres(url) and not path.is_file():
        return [_REACHED.error(f"{path} is not there", "init, or restore; is --data the right folder?")]
    db, found = Database(url), list[Finding]()
    try:
        if not address.is_postgres(url):
            found += await asyncio.to_thread(sqlite.check, path)
        async with db.read() as connection:
            found += [await _reached(connection, url), *await _schema(connection)]
            if address.is_postgres(url):
                found += await postgres.check(connection, now)
        if any(finding.level == "ok" and finding.name == "schema" for finding in found):
            async with db.read() as connection:
                found += await _work(connection, readers, feeds, now)
    except DatabaseBusy as error:
        found.append(_REACHED.error(str(error), "its log; the URL, the passfile, pg_hba.conf; is it started?"))
    except DBAPIError as error:
        found.append(_REACHED.error(str(error.orig), "is it whole? See contents; else restore the last backup"))
    except UnicodeDecodeError:  # a damaged schema may hold no text at all
        found.append(_REACHED.error("its schema cannot be read", "see contents; restore the last backup"))
    finally:
        await db.close()
    return found


async def _reached(connection: AsyncConnection, url: str) -> Finding:
    await connection.execute(text("SELECT 1"))
    return _REACHED.ok(url.partition("?")[0])


async def _schema(connection: AsyncConnection) -> list[Finding]:
    newest, revision = migrate.newest(), await _revision(connection)
    if not revision:
        return [_SCHEMA.error("there is nothing in it yet", "gatehouse-server init, or restore")]
    if revision == newest:
        return [_SCHEMA.ok(revision)]
    if not migrate.knows(revision):
        cause = f"it is of schema {revision}, which this program does not know; it knows {newest}"
        return [_SCHEMA.error(cause, "install the version that made it, or a newer one")]
    cause = f"it is of schema {revision}; this program brings it to {newest} when it starts"
    return [_SCHEMA.warn(cause, "take a backup, then start the new version")]


async def _revision(connection: AsyncConnection) -> str:
    there = "SELECT 1 FROM sqlite_schema WHERE name = 'alembic_version'"
    if connection.dialect.name == "postgresql":
        there = "SELECT 1 WHERE to_regclass('alembic_version') IS NOT NULL"
    if (await connection.execute(text(there))).first() is None:
        return ""
    return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar() or ""


async def _work(connection: AsyncConnection, readers: list[str], feeds: list[str], now: datetime) -> list[Finding]:
    """Whether what must go on goes on."""
    lags = await figures.lags(connection, readers)
    late = sorted({lag.reader for lag in lags if lag.oldest_at and now - lag.oldest_at > _LATE})
    found = [_late(late, lags, now)] if late else [_READERS.ok(f"{len(readers)} readers, none is behind for long")]
    return [
        *found,
        *_feeds(await figures.deliveries(connection, feeds)),
        _gateways(await figures.gateways(connection, now)),
    ]


def _late(late: list[str], lags: list[figures.Lag], now: datetime) -> Finding:
    oldest = min(lag.oldest_at for lag in lags if lag.oldest_at)
    cause = f"{', '.join(late)}: behind since {oldest:%Y-%m-%d %H:%M} UTC, {now - oldest} ago"
    return _READERS.error(cause, "is a server or `work` running? reader_waits in its log says why a reader stands")


def _feeds(waiting: dict[tuple[str, str], int]) -> Iterator[Finding]:
    for (feed, state), count in waiting.items():
        if state == "parked" and count:
            yield _FEEDS.warn(f"{feed}: the far end refused {count} deliveries for good", "delivery_parked in the log")
        if state == "waiting" and count > 1_000:
            yield _FEEDS.warn(f"{feed}: {count} deliveries wait", "is the far end well? webhook_waits in the log")


def _gateways(states: dict[str, int]) -> Finding:
    said = (
        ", ".join(f"{count} {state.replace('_', ' ')}" for state, count in states.items() if count) or "none enrolled"
    )
    if states["silent"]:
        return _GATEWAYS.warn(said, "the gateways page says since when each is silent")
    return _GATEWAYS.ok(said)
