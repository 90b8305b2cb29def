"""Programs beside ours with faults that are known: the broker's."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator

from domain.findings import Finding, Reporter

_SAYS = Reporter("box", "Mosquitto")
# Upstream mended CVE-2024-8376, CVE-2024-3935 and CVE-2024-10525 by 2.0.20; Debian 12 in this revision of 2.0.11.
FIRST_SOUND = (2, 0, 20)
FIRST_SOUND_DEBIAN = "2.0.11-1.2+deb12u2"
_UPGRADE = "apt-get update && apt-get install --only-upgrade mosquitto"
_LIMIT_S = 10.0

NotOlder = Callable[[str, str], bool]


def installed() -> str | None:
    """Debian's version of Mosquitto on this box; None where there is none, or no dpkg."""
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Version}", "mosquitto"]
    try:
        done = subprocess.run(asked, capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout[3:].strip() if done.stdout.startswith("ii") else None


def not_older(one: str, other: str) -> bool:
    """Whether a Debian version is not older than another, by dpkg's own rule."""
    asked = ["dpkg", "--compare-versions", one, "ge", other]
    return subprocess.run(asked, check=False, timeout=_LIMIT_S).returncode == 0


def check(debian: str | None, told: str, compare: NotOlder = not_older) -> Iterator[Finding]:
    """``debian`` is what is installed here, ``told`` what the broker says of itself (its upstream number only)."""
    if debian is not None:
        if _numbers(debian) >= FIRST_SOUND or compare(debian, FIRST_SOUND_DEBIAN):
            yield _SAYS.ok(f"{debian}: no fault known to this program")
        else:
            yield _SAYS.warn(f"{debian} has known faults; {FIRST_SOUND_DEBIAN} mends them", _UPGRADE)
    elif "mosquitto" in told.lower() and _numbers(told) < FIRST_SOUND:
        yield _SAYS.warn(f"{told}, elsewhere: known faults unless its distribution mended them", _UPGRADE)
    elif told:
        yield _SAYS.ok(told)


def _numbers(text: str) -> tuple[int, ...]:
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", text)
    return tuple(int(part) for part in found.groups()) if found else ()
