"""Whether a new version has passed: it is ready and stays up for its window, or the one before comes back.

Counted in uptime, for a gateway's clock is set after its start. A boot, also one after a power cut, begins the window
anew and counts as a start.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from edge.releases.releases import Releases

TRIES = 3  # starts that a new version has
HEALTHY_S = 150.0  # it must be ready so long without a break
WITHIN_S = 600.0  # and be at least ready so long after its first start


@dataclass(frozen=True)
class Moment:
    """Which boot this is, and how long ago it was."""

    boot: str
    uptime_s: float

    @staticmethod
    def now() -> Moment:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return Moment(boot, time.clock_gettime(time.CLOCK_MONOTONIC))


@dataclass(frozen=True)
class Unit:
    """What systemd says of the agent: its ActiveState, and the uptime at which it said READY=1."""

    state: str
    active_since_s: float


def starting(releases: Releases, moment: Moment) -> str:
    """Before each start: count it, or return when the tries are used up. What was done, in words; empty for nothing."""
    if not releases.can_start(releases.current):
        return f"current led nowhere; now {releases.mend() or 'nothing is whole'}"
    pending = releases.pending()
    if pending is None:
        return ""
    if pending.tries >= TRIES:
        return f"returned to {releases.go_back(f'{TRIES} starts, and never ready for {HEALTHY_S:.0f} s')}"
    fresh = pending.boot != moment.boot
    counted = replace(pending, boot=moment.boot, tries=pending.tries + 1)
    releases.remember(replace(counted, since_s=moment.uptime_s) if fresh else counted)
    return f"start {counted.tries} of {TRIES} of {pending.version}, on probation"


def judge(releases: Releases, unit: Unit, moment: Moment) -> str:
    """Now and then: confirm, return, or wait. What was done, in words, empty for nothing.

    A unit that somebody stopped is not judged, nor one that did not start since; one that runs is left its time. So
    what is returned from is only what systemd starts again anyway.
    """
    pending = releases.pending()
    if pending is None or pending.boot != moment.boot or unit.state == "inactive":
        return ""
    if unit.state == "active":
        if unit.active_since_s < pending.since_s or moment.uptime_s - unit.active_since_s < HEALTHY_S:
            return ""
        releases.confirm()
        return f"confirmed {pending.version}: ready for {HEALTHY_S:.0f} s"
    if moment.uptime_s - pending.since_s < WITHIN_S:
        return ""
    return f"returned to {releases.go_back(f'not ready within {WITHIN_S:.0f} s, {unit.state}')}"
