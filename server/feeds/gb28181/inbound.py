"""What the platform sends: each request is answered at once; what it asks for goes into a bounded queue."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import structlog

from domain.gb28181.asked import Answer, Asked, Control, Query, read_asked
from domain.gb28181.interest import interest_of
from domain.gb28181.xml import BadXml
from server.feeds.gb28181 import sip
from server.feeds.gb28181.settings import Settings
from server.feeds.gb28181.sip import Request, Response
from server.feeds.gb28181.subscriptions import Subject, Subscriptions

log = structlog.get_logger()

ALLOW = ("Allow", "MESSAGE, SUBSCRIBE, NOTIFY, INVITE, ACK, CANCEL, BYE, OPTIONS")
_SUBJECTS: dict[str, Subject] = {"alarm": "Alarm", "catalog": "Catalog"}


class Inbound:
    """Decides the SIP answer. ``put`` takes what is to be done after it; False: there is too much of it already."""

    def __init__(self, settings: Settings, subscriptions: Subscriptions, put: Callable[[Asked], bool]) -> None:
        self._settings, self._subscriptions, self._put = settings, subscriptions, put
        self.servers = {settings.server}  # and a node that we were redirected to

    def answer(self, request: Request) -> Response:
        """The final response to whatever came."""
        if sip.user_of(request.get("from")) not in self.servers:
            return _response(request, 403, "Not the platform that we registered at")
        match request.method:
            case "MESSAGE" | "NOTIFY":
                return self._message(request)
            case "SUBSCRIBE":
                return self._subscribe(request)
            case "INVITE":
                return _response(request, 488, "Not Acceptable Here")  # no media
            case "OPTIONS":
                return _response(request, 200, "OK", [ALLOW])
            case "BYE" | "CANCEL":
                return _response(request, 481, "Call/Transaction Does Not Exist")
            case _:
                return _response(request, 405, "Method Not Allowed", [ALLOW])

    def _message(self, request: Request) -> Response:
        asked = self._read(request)
        if isinstance(asked, Response):
            return asked
        if isinstance(asked, Answer):
            if asked.result.upper() == "ERROR":
                log.warning("gb28181_answered_error", command=asked.command[:40], sn=asked.sn)
            return _response(request, 200, "OK")
        if isinstance(asked, Query | Control) and not self._put(asked):
            return _response(request, 503, "Busy", [("Retry-After", "5")])
        return _response(request, 200, "OK")

    def _subscribe(self, request: Request) -> Response:
        if not request.body:
            renewed = self._subscriptions.renew(request)
            return self._subscribed(request, renewed) if renewed else _response(request, 481, "No Such Subscription")
        asked = self._read(request)
        if isinstance(asked, Response):
            return asked
        subject = _SUBJECTS.get(asked.command.lower()) if isinstance(asked, Query) else None
        if subject is None or not isinstance(asked, Query):
            return _response(request, 489, "Bad Event", [("Allow-Events", "Catalog, presence")])
        interest = interest_of(asked)
        taken = self._subscriptions.take(request, subject, asked.sn, self._settings.ours, interest)
        return self._subscribed(request, taken)

    def _subscribed(self, request: Request, taken: tuple[str, int]) -> Response:
        tag, lasts = taken
        contact = f"<{request.uri}>"  # by which it reached us: true also where addresses are translated
        return sip.answer(request, 200, "OK", tag, [("Expires", str(lasts)), ("Contact", contact)])

    def _read(self, request: Request) -> Asked | Response:
        try:
            return read_asked(request.body)
        except BadXml as error:
            body = request.body[:200].hex()
            log.warning("gb28181_body_not_understood", error=str(error), bytes=len(request.body), begins=body)
            return _response(request, 400, "Not MANSCDP")


def _response(request: Request, status: int, reason: str, extra: Sequence[tuple[str, str]] = ()) -> Response:
    return sip.answer(request, status, reason, secrets.token_hex(8), extra)
