"""What the platform subscribed to: a dialog for alarms, one for the catalogue. Each ends when its time is over."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec
import structlog

from domain.gb28181.interest import Interest
from server.feeds.gb28181.memory import Memory, NoMemory
from server.feeds.gb28181.sip import Request, tag_of, uri_of
from server.store.platform_state_rows import KeptDialog

log = structlog.get_logger()

Subject = Literal["Alarm", "Catalog"]
_MOST_S = 86_400
_NUMBERS_AT_ONCE = 1_000
_RETRY_S = 5.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Dialog(msgspec.Struct):
    """One subscription, as long as it lives."""

    subject: Subject
    call_id: str
    our_tag: str
    them: str  # the subscriber's From, with its tag
    us: str  # its To, to which our tag is added
    target: str  # where its notices go
    event: str
    ends: float
    sn: int
    code: str  # what it is about: us
    interest: Interest = Interest()
    cseq: int = 0
    reserved: int = 0  # up to here numbers of notices are kept: a restart goes on behind them
    away: frozenset[str] | None = None  # of the catalogue, as it was told last

    def headers(self, now: float, *, ended: bool = False) -> list[tuple[str, str]]:
        """Of the next notice in the dialog."""
        self.cseq += 1
        left = max(0, int(self.ends - now))
        state = "terminated;reason=timeout" if ended else f"active;expires={left}"
        return [
            ("From", f"{self.us};tag={self.our_tag}"),
            ("To", self.them),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} NOTIFY"),
            ("Event", self.event),
            ("Subscription-State", state),
        ]


class Subscriptions:
    """At most one a subject: a platform that forgot its own begins anew, and takes the place of the old."""

    def __init__(
        self, now: Callable[[], float], wall: Callable[[], datetime] = _utc_now, memory: Memory | None = None
    ) -> None:
        self._now, self._wall, self._memory = now, wall, memory or NoMemory()
        self._dialogs: dict[Subject, Dialog] = {}
        self._changed = asyncio.Event()

    async def load(self, ours: str) -> None:
        """Those that a process before us held, and that are still wanted."""
        kept = [(one, msgspec.json.decode(one.body, type=Dialog)) for one in await self._memory.dialogs()]
        for one, dialog in kept:
            dialog.ends = self._now() + (one.ends_at - self._wall()).total_seconds()
            dialog.cseq = dialog.reserved
            if dialog.code == ours and dialog.ends > self._now():
                self._dialogs[dialog.subject] = dialog

    async def run(self) -> None:
        """Keep what was begun, renewed or ended, until cancelled."""
        while True:
            await self._changed.wait()
            try:
                await self.keep()
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                log.error("gb28181_subscription_unkept", error=repr(error))
                await asyncio.sleep(_RETRY_S)

    async def keep(self) -> None:
        """All as they are now."""
        self._changed.clear()
        try:
            await self._memory.keep_dialogs([self._kept(one) for one in self._dialogs.values()])
        except BaseException:
            self._changed.set()
            raise

    async def numbered(self, dialog: Dialog) -> None:
        """The next notice's number is one that no process before or behind us gives."""
        if dialog.cseq >= dialog.reserved and self._dialogs.get(dialog.subject) is dialog:
            dialog.reserved = dialog.cseq + _NUMBERS_AT_ONCE
            await self.keep()

    def _kept(self, dialog: Dialog) -> KeptDialog:
        ends_at = self._wall() + timedelta(seconds=dialog.ends - self._now())
        return KeptDialog(dialog.subject, ends_at, msgspec.json.encode(dialog))

    def live(self, subject: Subject) -> Dialog | None:
        """The dialog, unless its time is over."""
        dialog = self._dialogs.get(subject)
        if dialog is not None and dialog.ends <= self._now():
            return self._dialogs.pop(subject, None) and None
        return dialog

    def take(self, request: Request, subject: Subject, sn: int, code: str, interest: Interest) -> tuple[str, int]:
        """Begin, renew or end (Expires 0) one; our tag, and for how many seconds it holds."""
        asked = request.expires
        lasts = min(3_600 if asked is None else asked, _MOST_S)
        known = self._dialogs.get(subject)
        if known is None or known.call_id != request.call_id:
            known = self._dialogs[subject] = self._begun(request, subject, sn, code)
        known.interest, known.sn, known.ends = interest, sn, self._now() + lasts
        known.target = uri_of(request.get("contact")) or known.target
        if not lasts:
            del self._dialogs[subject]
        self._changed.set()
        return known.our_tag, lasts

    def renew(self, request: Request) -> tuple[str, int] | None:
        """By a request in the dialog that says nothing new but how long; None: there is no such dialog."""
        known = next((one for one in self._dialogs.values() if one.call_id == request.call_id), None)
        if known is None:
            return None
        return self.take(request, known.subject, known.sn, known.code, known.interest)

    def end(self, dialog: Dialog) -> None:
        """The platform knows it no more."""
        if self._dialogs.get(dialog.subject) is dialog:
            del self._dialogs[dialog.subject]
            self._changed.set()

    def _begun(self, request: Request, subject: Subject, sn: int, code: str) -> Dialog:
        us = request.get("to")
        our_tag = tag_of(us) or secrets.token_hex(8)
        return Dialog(
            subject=subject,
            call_id=request.call_id,
            our_tag=our_tag,
            them=request.get("from"),
            us=us.partition(";tag=")[0],
            target=uri_of(request.get("contact")) or uri_of(request.get("from")),
            event=request.get("event", "presence"),
            ends=self._now(),
            sn=sn,
            code=code,
        )
