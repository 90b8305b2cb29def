"""An upper platform that takes signed CloudEvents: the simplest protocol of all, without a session."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import aiohttp

from server.feeds.cloudevents import BATCH_TYPE, cloud_event, joined, signature_headers
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict
from server.feeds.webhook import FarEndIll, FarEndRefused, judge
from server.store.platform_rows import Platform

_TIMEOUT = aiohttp.ClientTimeout(total=15)


class WebhookPlatform:
    """Sends groups; a group that is refused is halved until the one that is wrong stands alone."""

    def __init__(self, url: str, secret: bytes, now: Callable[[], datetime]) -> None:
        self._url, self._secret, self._now = url, secret, now

    async def keep(self) -> None:
        """It has no session."""

    async def send(self, offers: Sequence[Offer]) -> list[Verdict]:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            return await self._some(session, offers)

    async def _some(self, session: aiohttp.ClientSession, offers: Sequence[Offer]) -> list[Verdict]:
        try:
            await self._post(session, joined([cloud_event(offer.fact) for offer in offers]))
        except (FarEndIll, TimeoutError, aiohttp.ClientError, OSError) as error:
            return [Again(str(error) or repr(error))] * len(offers)
        except FarEndRefused as error:
            if len(offers) == 1:
                return [Refused(str(error))]
            return await self._halves(session, offers)
        return [Accepted()] * len(offers)

    async def _halves(self, session: aiohttp.ClientSession, offers: Sequence[Offer]) -> list[Verdict]:
        """Once the far end is ill, what is behind waits too: the order is kept."""
        middle = len(offers) // 2
        first = await self._some(session, offers[:middle])
        if isinstance(first[-1], Again):
            return [*first, *[first[-1]] * (len(offers) - middle)]
        return [*first, *await self._some(session, offers[middle:])]

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> None:
        headers = {"Content-Type": BATCH_TYPE}
        if self._secret:
            headers |= signature_headers(self._secret, body, self._now())
        async with session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
            judge(response.status, (await response.content.read(500)).decode(errors="replace"))


def webhook_platform(one: Platform, secret: bytes, now: Callable[[], datetime]) -> WebhookPlatform:
    return WebhookPlatform(one.address, secret, now)
