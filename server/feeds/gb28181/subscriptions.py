"""What the platform subscribed to: a dialog for alarms, one for the catalogue. Each ends when its time is over."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Literal

import msgspec

from domain.gb28181.interest import Interest
from server.feeds.gb28181.sip import Request, tag_of, uri_of

Subject = Literal["Alarm", "Catalog"]
_MOST_S = 86_400


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

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._dialogs: dict[Subject, Dialog] = {}

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
