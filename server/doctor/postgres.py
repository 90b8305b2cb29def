"""PostgreSQL: version, encoding and order of texts, durability, clock, and who stands by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.findings import Finding, Reporter

_VERSION = Reporter("database", "version")
_TEXT = Reporter("database", "encoding and collation")
_KEPT = Reporter("database", "durability")
_CLOCK = Reporter("database", "clock")
_ROOM = Reporter("database", "connections")
_STANDBY = Reporter("database", "replication")
_OLDEST, _TESTED = 140_000, 170_000
_OF_A_PROCESS = 30
_WARN_S, _ERROR_S = 2.0, 60.0
_DATABASE = """SELECT pg_encoding_to_char(encoding), datcollate, datcollversion,
pg_database_collation_actual_version(oid) FROM pg_database WHERE datname = current_database()"""
_SETTINGS = """SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'server_version_num', 'fsync',
'synchronous_commit', 'full_page_writes', 'max_connections', 'synchronous_standby_names', 'cluster_name')"""
_REPLICAS = """SELECT application_name, state, sync_state,
COALESCE(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0) FROM pg_stat_replication ORDER BY application_name"""


async def check(connection: AsyncConnection, now: datetime) -> list[Finding]:
    settings = {row[0]: row[1] for row in await connection.execute(text(_SETTINGS))}
    time = (await connection.execute(text("SELECT clock_timestamp()"))).scalar_one()
    used = (await connection.execute(text("SELECT count(*) FROM pg_stat_activity"))).scalar_one()
    found = [_version(settings), _collation((await connection.execute(text(_DATABASE))).one()), *_durability(settings)]
    return [*found, _clock(time, now), _connections(settings, used), *await _replication(connection, settings)]


def _version(settings: Mapping[str, str]) -> Finding:
    number, name = int(settings["server_version_num"]), f"PostgreSQL {settings['server_version']}"
    if number < _OLDEST:
        return _VERSION.error(f"{name} is too old", "14 is the oldest; 17 is the one that is tested")
    if number < _TESTED:
        return _VERSION.warn(f"{name}: not tested with it", "17 is the one that is tested")
    return _VERSION.ok(name)


def _collation(row: Any) -> Finding:
    encoding, collate, made_with, now_is = row
    said = f"{encoding}, {collate}"
    if encoding != "UTF8":
        return _TEXT.error(
            f"{said}: Chinese texts do not fit", "make the database anew with --encoding UTF8, and restore"
        )
    if made_with != now_is:
        cause = f"{said}: indexes were made with version {made_with} of the collation, the system has {now_is}"
        return _TEXT.error(cause, "REINDEX DATABASE, then ALTER DATABASE … REFRESH COLLATION VERSION")
    if collate not in ("C", "POSIX", "C.UTF-8", "C.utf8"):
        cause = f"{said}: texts sort by a language, which an upgrade of the system may change"
        return _TEXT.warn(cause, "make the database anew with --locale C, and restore a backup into it")
    return _TEXT.ok(said)


def _durability(settings: Mapping[str, str]) -> Iterator[Finding]:
    """What was acknowledged to gateways must outlive a cut of the mains."""
    off = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if settings.get(name) == "off"]
    if off:
        yield _KEPT.error(f"{', '.join(off)} off: what was acknowledged can be lost", f"set {', '.join(off)} on")
    else:
        yield _KEPT.ok(f"fsync on, synchronous_commit {settings.get('synchronous_commit')}")


def _clock(theirs: datetime, now: datetime) -> Finding:
    offset_s = (theirs - now).total_seconds()
    said = f"the database's clock less ours: {offset_s:+.1f} s"
    step = "set up NTP on both machines"
    if abs(offset_s) > _ERROR_S:
        return _CLOCK.error(said, step)
    return _CLOCK.warn(said, step) if abs(offset_s) > _WARN_S else _CLOCK.ok(said)


def _connections(settings: Mapping[str, str], used: int) -> Finding:
    most = int(settings["max_connections"])
    said = f"{used} of {most}; a process of ours takes up to {_OF_A_PROCESS}"
    return _ROOM.warn(said, "raise max_connections") if most - used < _OF_A_PROCESS else _ROOM.ok(said)


async def _replication(connection: AsyncConnection, settings: Mapping[str, str]) -> list[Finding]:
    """Who stands by, as the leader sees it; under Patroni the leader is the one that the URL leads to."""
    if (await connection.execute(text("SELECT pg_is_in_recovery()"))).scalar_one():
        return [_STANDBY.error("this machine only follows: nothing can be written", "target_session_attrs=primary")]
    rows = (await connection.execute(text(_REPLICAS))).all()
    wanted = settings.get("synchronous_standby_names", "")
    if not rows and not wanted:
        return [_STANDBY.ok("one machine, nobody stands by")]
    said = ", ".join(f"{row[0]} {row[1]} {row[2]}, {row[3]} bytes behind" for row in rows) or "nobody"
    if wanted and not any(row[2] in ("sync", "quorum") for row in rows):
        cause = f"{wanted} must confirm each commit and nobody does ({said}): nothing can be written"
        return [_STANDBY.error(cause, "patronictl list; start the standby")]
    if not wanted:
        step = "synchronous_mode in Patroni, else a lost leader takes the newest commits with it"
        return [_STANDBY.warn(f"{said}; commits wait for nobody", step)]
    return [_STANDBY.ok(said)]
