"""The box's clock: whether somebody keeps it right, and how far it is from the centre's."""

from __future__ import annotations

from datetime import datetime, timedelta

from domain.findings import Finding, Reporter
from edge.commands.ages import span

_SAYS = Reporter("box", "clock")
_WARN, _ERROR = timedelta(seconds=2), timedelta(minutes=1)
_SET = "set up NTP (systemd-timesyncd or chrony) and let the box reach its server"


def check(now: datetime, *, synced: bool, offset: timedelta | None, newest_record: datetime | None) -> list[Finding]:
    """``offset`` is the centre's time less ours, None where it could not be asked; ``newest_record`` is of the log."""
    found = [_synced(synced, offset)]
    if offset is not None:
        found.append(_off(offset))
    if newest_record is not None and newest_record - now > _ERROR:
        cause = f"the newest record of the log is {span(newest_record - now)} in the future: the clock was set back"
        found.append(_SAYS.warn(cause, _SET))
    return found


def _synced(synced: bool, offset: timedelta | None) -> Finding:
    if synced:
        return _SAYS.ok("the kernel holds it for synchronised")
    if offset is not None and abs(offset) <= _WARN:
        return _SAYS.ok("the kernel knows nobody who keeps it right; the centre's says the same")
    return _SAYS.warn("nobody keeps it right: the kernel holds it for not synchronised", _SET)


def _off(offset: timedelta) -> Finding:
    cause = f"the centre's clock less ours: {offset.total_seconds():+.1f} s"
    if abs(offset) > _ERROR:
        return _SAYS.error(cause, _SET)
    return _SAYS.warn(cause, _SET) if abs(offset) > _WARN else _SAYS.ok(cause)
