"""gatehouse-release: what the package and the units call as root, and a person who wants the version before.

Nothing here needs a bundled library, so that a version whose libraries are broken can still be left.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from edge.releases.incoming import FETCHED, SETTINGS, NotBelieved, apply
from edge.releases.probation import Moment, Unit, judge, starting
from edge.releases.releases import ROOT, Busy, CannotReturn, Releases
from edge.releases.trees import BadTree

PAYLOAD = Path("/usr/lib/gatehouse-edge/payload")
UNIT = "gatehouse-edge.service"
_ASKED = ("ActiveState", "ActiveEnterTimestampMonotonic")
_SHORT_S, _LONG_S = 5.0, 120.0


def main() -> int:
    """Exit 0: done; 1: not done, the reason is on standard error."""
    told = _arguments()
    try:
        return _VERBS[told.verb](Releases(told.root), told)
    except (Busy, CannotReturn, BadTree, NotBelieved, OSError, subprocess.SubprocessError) as error:
        print(f"gatehouse-release {told.verb}: {error}", file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="gatehouse-release", description="The versions of the agent on this box.")
    parser.add_argument("--root", type=Path, default=ROOT, help="where the versions lie")
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("list", help="which versions lie here, and which one starts")
    verbs.add_parser("return", help="start the version before, now")
    install = verbs.add_parser("install", help="take in what the package brought (the package calls it)")
    install.add_argument("--payload", type=Path, default=PAYLOAD)
    fetched = verbs.add_parser("apply", help="check what the agent fetched, and install it (a unit calls it)")
    fetched.add_argument("--fetched", type=Path, default=FETCHED)
    fetched.add_argument("--settings", type=Path, default=SETTINGS)
    verbs.add_parser("starting", help="count a start of a version on probation (the unit calls it)")
    verbs.add_parser("judge", help="confirm a version on probation, or return (the timer calls it)")
    return parser.parse_args()


def _list(releases: Releases, _: argparse.Namespace) -> int:
    pending, current = releases.pending(), releases.current
    for name in releases.kept:
        marks = {"starts": current, "on probation": pending.version if pending else "", "before": releases.previous}
        print(name, *(f"({mark})" for mark, marked in marks.items() if marked == name))
    print(releases.returned(), end="")
    return 0


def _return(releases: Releases, _: argparse.Namespace) -> int:
    with releases.locked(_LONG_S):
        print(f"returned to {releases.go_back('by hand')}")
    return _restart()


def _install(releases: Releases, told: argparse.Namespace) -> int:
    with releases.locked(_LONG_S):
        print(f"gatehouse-edge {releases.install(told.payload)} starts from now on")
    return 0


def _apply(_: Releases, told: argparse.Namespace) -> int:
    """Without our lock: the package's own scripts call ``install``, which takes it."""
    _say(f"installed {version}" if (version := apply(told.fetched, told.settings)) else "")
    return 0


def _starting(releases: Releases, _: argparse.Namespace) -> int:
    try:
        with releases.locked(_SHORT_S):
            _say(starting(releases, Moment.now()))
    except Busy:  # an installation: it restarts the agent when it is done
        return 0
    return 0


def _judge(releases: Releases, _: argparse.Namespace) -> int:
    with releases.locked(_SHORT_S):
        _say(judge(releases, _unit(), Moment.now()))
    return 0


def _say(words: str) -> None:
    if words:
        print(words, flush=True)


def _unit() -> Unit:
    asked = ["systemctl", "show", UNIT, f"--property={','.join(_ASKED)}"]
    said = subprocess.run(asked, check=True, capture_output=True, text=True, timeout=_LONG_S).stdout
    state, since = (_property(said, name) for name in _ASKED)
    return Unit(state, int(since or 0) / 1_000_000)


def _property(said: str, name: str) -> str:
    lines = [line for line in said.splitlines() if line.startswith(f"{name}=")]
    return lines[0].removeprefix(f"{name}=") if lines else ""


def _restart() -> int:
    """Not waited for: the unit's start calls us again. Without systemd the next start takes the version."""
    if not Path("/run/systemd/system").is_dir():
        return 0
    return subprocess.run(["systemctl", "restart", "--no-block", UNIT], check=False, timeout=_LONG_S).returncode


_VERBS = {
    "list": _list,
    "return": _return,
    "install": _install,
    "apply": _apply,
    "starting": _starting,
    "judge": _judge,
}
