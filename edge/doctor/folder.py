"""The data folder: whose it is, on what it lies, and whether the log in it is whole."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from domain.findings import Finding, Reporter
from edge.status import beside
from eventlog.sqlite_schema import VERSION

_FOLDER = Reporter("data", "data folder")
_SYSTEM = Reporter("data", "file system")
_LOG = Reporter("data", "log")
_OTHERS_MAY = 0o077
_NETWORK = frozenset(("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "afs", "ceph", "fuse.glusterfs"))
_IN_MEMORY = frozenset(("tmpfs", "ramfs"))
# A whole check reads the whole file, and holds back the carrying over of the write-ahead log meanwhile.
_CHECK_LIMIT_S = 20.0
_STEPS_BETWEEN_LOOKS = 100_000


def check(folder: Path, mounts: str, uid: int) -> list[Finding]:
    """``mounts`` is the text of /proc/self/mountinfo; ``uid`` is who runs the agent."""
    if not folder.is_dir():
        return [_FOLDER.error(f"{folder} is not there", "start the agent once: gatehouse-edge run makes it")]
    return [_access(folder, uid), _file_system(folder, mounts), *_log(folder)]


def _access(folder: Path, uid: int) -> Finding:
    found = folder.stat()
    mode = found.st_mode & 0o777
    if found.st_uid != uid and uid != 0:
        return _FOLDER.error(f"{folder} belongs to user {found.st_uid}, we are {uid}", "run as its owner, or chown it")
    if mode & _OTHERS_MAY:
        return _FOLDER.warn(f"{folder} has mode {mode:04o}: others may look in", f"chmod 700 {folder}")
    return _FOLDER.ok(f"{folder}, mode {mode:04o}")


def _file_system(folder: Path, mounts: str) -> Finding:
    kind = mounted(folder.resolve(), mounts)
    if kind in _NETWORK:
        return _SYSTEM.error(f"{folder} lies on {kind}: the log cannot be kept there", "put data on a local disk")
    if kind in _IN_MEMORY:
        return _SYSTEM.warn(f"{folder} lies on {kind}: it is gone after a restart", "put data on a local disk")
    return _SYSTEM.ok(f"{kind}")


def mounted(path: Path, mounts: str) -> str:
    """The kind of file system a path lies on, from mountinfo (proc(5)); ``unknown`` where it is not told."""
    best, kind = "", "unknown"
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ")
        if path.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, after.split()[0]
    return kind


def _log(folder: Path) -> Iterator[Finding]:
    try:
        with beside.opened(folder) as db:
            yield _version(db)
            yield _journal(db)
            yield _whole(db, time.monotonic)
    except beside.NoLog as error:
        yield _LOG.warn(str(error), "start the agent: gatehouse-edge run")
    except sqlite3.Error as error:
        step = "start the agent: it sets a damaged log aside and begins anew; keep what it set aside"
        yield _LOG.error(f"the log cannot be read: {error}", step)


def _version(db: sqlite3.Connection) -> Finding:
    version = db.execute("PRAGMA user_version").fetchone()[0]
    if version > VERSION:
        cause = f"the log is of version {version}, this program knows {VERSION}"
        return _LOG.error(cause, "install the newer program again")
    return _LOG.ok(f"version {version}")


def _journal(db: sqlite3.Connection) -> Finding:
    mode = db.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        return _LOG.error(f"journal mode is {mode!r}, not WAL", "put data on a local disk, and start the agent")
    return _LOG.ok("kept with a write-ahead log")


def _whole(db: sqlite3.Connection, clock_s: Callable[[], float]) -> Finding:
    """A bounded look: beside a running agent nothing may hold the file for long."""
    began_s = clock_s()
    db.set_progress_handler(lambda: clock_s() - began_s > _CHECK_LIMIT_S, _STEPS_BETWEEN_LOOKS)
    try:
        said = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.OperationalError as error:
        if "interrupted" not in str(error):
            raise
        return _LOG.ok(f"nothing wrong in the first {_CHECK_LIMIT_S:.0f} s of a check that would take longer")
    finally:
        db.set_progress_handler(None, 0)
    if said != "ok":
        step = "stop the agent, copy the folder away, start it: it sets the log aside and begins anew"
        return _LOG.error(f"damaged: {said}", step)
    return _LOG.ok("whole")


def owner(folder: Path) -> int:
    """Who runs the agent: whoever made the status file last, else whoever asks."""
    try:
        return (folder / "status.json").stat().st_uid
    except OSError:
        return os.geteuid()
