"""What we send of our own accord: messages to the platform, and notices in the dialogs that it began."""

from __future__ import annotations

import secrets

from domain.gb28181.xml import Element
from server.feeds.gb28181.endpoint import Endpoint
from server.feeds.gb28181.registration import Registration
from server.feeds.gb28181.settings import Settings
from server.feeds.gb28181.sip import Response
from server.feeds.gb28181.subscriptions import Dialog, Subscriptions


class Speaker:
    """Over one open line."""

    def __init__(
        self, settings: Settings, endpoint: Endpoint, registration: Registration, subscriptions: Subscriptions
    ) -> None:
        self._settings, self._endpoint = settings, endpoint
        self._registration, self._subscriptions = registration, subscriptions
        self._cseq = 0

    async def say(self, body: Element) -> Response:
        """In a MESSAGE. Raises NoAnswer; OSError where the line is gone."""
        self._cseq += 1
        us, them = (
            f"sip:{code}@{self._settings.sip_domain}" for code in (self._settings.ours, self._registration.server)
        )
        headers = [
            ("From", f"<{us}>;tag={secrets.token_hex(8)}"),
            ("To", f"<{them}>"),
            ("Call-ID", secrets.token_hex(16)),
            ("CSeq", f"{self._cseq} MESSAGE"),
        ]
        return await self._endpoint.ask("MESSAGE", them, headers, body)

    async def notify(self, dialog: Dialog, body: Element, now: float) -> Response:
        """In a NOTIFY of a dialog; where the platform knows that no more, it has ended. Raises as ``say``."""
        await self._subscriptions.numbered(dialog)
        headers = [*dialog.headers(now), ("Contact", self._endpoint.contact)]
        response = await self._endpoint.ask("NOTIFY", dialog.target, headers, body)
        if response.status in (404, 481):
            self._subscriptions.end(dialog)
        return response
