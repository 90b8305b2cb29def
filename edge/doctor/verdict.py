"""What the test of one device found: facts that are well in one line, and each thing that is not with its next step."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from domain.findings import Finding, Reporter
from edge.commands.ages import span

GROUP = "devices"
_RIGHT = timedelta(seconds=5)
_QUARTER, _ZONE_TOLERANCE = timedelta(minutes=15), timedelta(minutes=2)
_FIRST_ZONE, _LAST_ZONE = timedelta(minutes=30), timedelta(hours=14)


class Verdict:
    """Of one device. ``page`` is its family's, where a person reads on."""

    def __init__(self, device: str, page: str) -> None:
        self._says, self._page = Reporter(GROUP, device), page
        self._facts: list[str] = []
        self._bad: list[Finding] = []

    def well(self, fact: str) -> None:
        self._facts.append(fact)

    def look(self, cause: str, next_step: str) -> None:
        self._bad.append(self._says.warn(cause, self._with_page(next_step)))

    def wrong(self, cause: str, next_step: str) -> None:
        self._bad.append(self._says.error(cause, self._with_page(next_step)))

    def _with_page(self, next_step: str) -> str:
        return f"{next_step} ({self._page})" if self._page else next_step

    @property
    def findings(self) -> list[Finding]:
        return [*self._bad, *([self._says.ok("; ".join(self._facts))] if self._facts else [])]

    def judge_clock(self, shown: datetime, now: datetime, zone: ZoneInfo, to_set: str = "") -> None:
        """``to_set`` says what sets it, where it is not its own NTP."""
        off = shown - now
        if abs(off) <= _RIGHT:
            self.well(f"its clock is right ({off.total_seconds():+.1f} s)")
            return
        which = "ahead" if off > timedelta() else "behind"
        hours = round(off / _QUARTER) * _QUARTER
        wrong_zone = _FIRST_ZONE <= abs(hours) <= _LAST_ZONE and abs(off - hours) <= _ZONE_TOLERANCE
        here = f"{zone.key} (UTC{now.astimezone(zone).isoformat()[-6:]})"
        if wrong_zone:
            cause = f"its clock is {span(abs(off))} {which}: its time zone, or its wall clock, is of another zone"
            self.look(cause, to_set or f"set its zone to {here}, and NTP on")
        else:
            self.look(f"its clock is {span(abs(off))} {which}", to_set or f"switch its NTP on, zone {here}")

    def judge_identity(self, listed: str, told: tuple[str, ...], where: str) -> None:
        """Whether it is the listed one; nothing where it does not say who it is."""
        if not told:
            return
        if any(_same(listed, name) for name in told):
            self.well(f"it is {listed}")
            return
        step = "two devices swapped, or a new one? mend the id or the address in the device list"
        self.wrong(f"at {where} answers {told[0]}, which is not the listed one", step)


def _same(listed: str, told: str) -> bool:
    return _plain(listed) == _plain(told)


def _plain(name: str) -> str:
    return "".join(sign for sign in name.casefold() if sign.isalnum())
