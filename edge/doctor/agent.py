"""The agent itself: who it is to the centre, whether it runs, in which version, and who starts it again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from domain.findings import Finding, Reporter
from edge import identity
from edge.commands.ages import span
from edge.status.box_status import alive

_IDENTITY = Reporter("configuration", "identity")
_RUNS = Reporter("box", "agent")
_UNIT = Reporter("box", "systemd")
_OTHERS_MAY = 0o077
_SILENT = timedelta(seconds=15)
_LIMIT_S = 10.0
UNIT = "gatehouse-edge.service"


def known(folder: Path) -> tuple[identity.Identity | None, Finding]:
    """Who this box is."""
    try:
        me = identity.load(folder)
        mode = (folder / "identity.json").stat().st_mode & 0o777
    except identity.NotEnrolled:
        step = "ask the centre for a code, then: gatehouse-edge enrol"
        return None, _IDENTITY.warn("not enrolled: everything is kept, nothing is sent", step)
    except (OSError, msgspec.MsgspecError) as error:
        return None, _IDENTITY.error(f"identity.json cannot be read: {error}", "enrol again: gatehouse-edge enrol")
    if mode & _OTHERS_MAY:
        step = f"chmod 600 {folder / 'identity.json'}; if others use this box, enrol again"
        return me, _IDENTITY.error(f"identity.json has mode {mode:04o}: who reads it is this gateway", step)
    return me, _IDENTITY.ok(f"{me.gateway} of complex {me.complex}")


def runs(left: Mapping[str, Any], now: datetime) -> Finding:
    """``left`` is the status the agent wrote last."""
    if not alive(dict(left)):
        return _RUNS.error("it is not running", "gatehouse-edge run, or: systemctl start gatehouse-edge")
    said_at = datetime.fromisoformat(left["time"])
    if abs(now - said_at) > _SILENT:
        return _RUNS.error(f"it runs and said nothing for {span(now - said_at)}", "restart it, and send us: collect")
    ours = version("gatehouse")
    if left.get("version") != ours:
        return _RUNS.warn(f"it runs {left.get('version')}, installed is {ours}", "restart it")
    return _RUNS.ok(f"version {ours} runs, process {left['pid']}")


def unit(run_folder: Path = Path("/run/systemd/system")) -> Iterator[Finding]:
    """What systemd says, where it is the one that starts programs."""
    if not run_folder.is_dir():
        return
    asked = ["systemctl", "show", UNIT, "--property=LoadState,ActiveState,NRestarts,WatchdogUSec"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        yield _UNIT.warn(f"it cannot be asked: {error}", "systemctl status gatehouse-edge")
        return
    yield from unit_said(dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line))


def unit_said(said: Mapping[str, str]) -> Iterator[Finding]:
    """What the unit's properties mean."""
    if said.get("LoadState") != "loaded":
        yield _UNIT.warn(f"there is no {UNIT}: nobody starts the agent again", "install the package, or write the unit")
    elif said.get("ActiveState") != "active":
        yield _UNIT.error(f"the unit is {said.get('ActiveState')}", "journalctl -u gatehouse-edge says why")
    elif said.get("WatchdogUSec") in ("0", "", None):
        yield _UNIT.warn("the unit has no watchdog: an agent that hangs is not started again", "set WatchdogSec=")
    else:
        yield _UNIT.ok(f"active, started again {said.get('NRestarts', '0')} times")
