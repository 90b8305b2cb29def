"""What a platform does wrong, each so many times: to requests of one method, or to messages of one CmdType."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal, get_args

What = Literal["drop", "lose", "late", "forget", "status", "redirect"]
_KINDS: tuple[What, ...] = get_args(What)
_FAULT = re.compile(r"([a-z]+|[1-6][0-9]{2}):([A-Za-z]+)(?:x([0-9]{1,4}))?")


@dataclass
class Fault:
    """``drop``: as if it never came. ``lose``: done, and the answer lost. ``late``: answered after a while. ``forget``:
    the registration is gone. ``status``: answered so, and not done. ``redirect``: sent to the other node."""

    what: What
    of: str  # REGISTER, MESSAGE, NOTIFY; Keepalive, Alarm, Catalog
    times: int = 1
    status: int = 0


@dataclass
class Faults:
    """Those that are still to come."""

    coming: list[Fault] = field(default_factory=list[Fault])

    def take(self, method: str, command: str) -> Fault | None:
        """The next for such a request, if any."""
        fault = next((one for one in self.coming if one.of in (method, command)), None)
        if fault is None:
            return None
        fault.times -= 1
        if fault.times <= 0:
            self.coming.remove(fault)
        return fault


def fault_named(text: str) -> Fault:
    """``drop:Alarm``, ``503:Alarmx3``, ``forget:Keepalive``. Raises ValueError."""
    found = _FAULT.fullmatch(text)
    if found is None or not (found[1].isdigit() or found[1] in _KINDS):
        raise ValueError(f"{text!r}: write WHAT:OF, as drop:Alarm or 503:Keepalivex3; {', '.join(_KINDS)} are known")
    times = int(found[3] or 1)
    if found[1].isdigit():
        return Fault("status", found[2], times, int(found[1]))
    return Fault(next(kind for kind in _KINDS if kind == found[1]), found[2], times)
