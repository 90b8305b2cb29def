"""Registering at a platform: by digest, once by another address where it sends us there, with each failure named."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from urllib.parse import urljoin

import msgspec

from domain.viid import digest
from domain.viid.digest import BadChallenge, Challenge
from domain.viid.statuses import BUSY, REBOOT
from server.feeds.gat1400.exchange import Answer, Exchange, FarAway, origin_of, path_of
from server.feeds.gat1400.settings import Settings

PATH = "/VIID/System"
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HOPS = 3
_UNKNOWN = frozenset({400, 403, 404, 405})


class NotRegistered(Exception):
    """The far end is away or ill: it may take us later."""


class NotKnown(NotRegistered):
    """It does not know us, or not the password: somebody must act, here or there."""


class Registration:
    """How we register and unregister; ``password`` is asked for each time, so that it can be changed meanwhile."""

    def __init__(self, exchange: Exchange, settings: Settings, password: Callable[[], str], *, absolute: bool) -> None:
        self._exchange, self._settings, self._password = exchange, settings, password
        self._absolute = absolute

    @property
    def device_id(self) -> str:
        return self._settings.device_id

    async def register(self) -> str:
        """The base of all that follows: where it took us. Raises NotRegistered, NotKnown."""
        body = msgspec.json.encode({"RegisterObject": {"DeviceID": self._settings.device_id}})
        base = self._settings.base
        for _ in range(_MOST_HOPS):
            answer = await self._proved(f"{base}{PATH}/Register", body)
            if answer.status not in _REDIRECTS:
                _judge(answer)
                return base
            base = self._elsewhere(f"{base}{PATH}/Register", answer)
        raise NotRegistered(f"{self._settings.base} sends us from one address to the next")

    async def unregister(self, base: str) -> None:
        """Tell it that we go; that it does not hear us harms nobody."""
        body = msgspec.json.encode({"UnRegisterObject": {"DeviceID": self._settings.device_id}})
        await self._proved(f"{base}{PATH}/UnRegister", body)

    async def _proved(self, url: str, body: bytes) -> Answer:
        """The answer, after the challenge where there is one; a nonce that was too old is answered once more."""
        answer = await self._ask(url, body, "")
        for _ in range(2):
            if answer.status != 401:
                return answer
            challenge = _challenge_in(answer)
            answer = await self._ask(url, body, self._proof(challenge, url))
            if answer.status == 401 and not _is_stale(answer):
                raise NotKnown(f"{origin_of(url)} does not take our name or password: {answer}")
        return answer

    async def _ask(self, url: str, body: bytes, authorization: str) -> Answer:
        try:
            return await self._exchange.ask("POST", url, body, authorization)
        except FarAway as error:
            raise NotRegistered(str(error)) from error

    def _proof(self, challenge: Challenge, url: str) -> str:
        uri = url if self._absolute else path_of(url)
        cnonce = secrets.token_hex(8)
        return digest.authorization(challenge, self._settings.user, self._password(), "POST", uri, cnonce)

    def _elsewhere(self, url: str, answer: Answer) -> str:
        """The base it sends us to. Raises NotKnown: what was agreed as TLS stays TLS."""
        there = urljoin(url, answer.headers.get("location", ""))
        kept = origin_of(there)
        if not kept.startswith("https://" if url.startswith("https://") else ("http://", "https://")):
            raise NotKnown(f"{origin_of(url)} sends us to {kept}, which is not as safe as what was agreed")
        return kept + path_of(there).partition(PATH)[0].rstrip("/")


def _challenge_in(answer: Answer) -> Challenge:
    try:
        return digest.parse_challenge(answer.headers.get("www-authenticate", ""))
    except BadChallenge as error:
        raise NotKnown(f"its challenge cannot be answered: {error}") from error


def _is_stale(answer: Answer) -> bool:
    try:
        return _challenge_in(answer).is_stale
    except NotKnown:
        return False


def _judge(answer: Answer) -> None:
    """Raises NotRegistered, NotKnown. A platform that answers 200 with nothing has taken us."""
    if answer.status in _UNKNOWN:
        raise NotKnown(f"it does not know us: {answer}")
    if not answer.is_ok:
        raise NotRegistered(str(answer))
    wrong = next((one for one in answer.statuses if one.judgement != "accepted"), None)
    if wrong is not None and wrong.code in (BUSY, REBOOT):
        raise NotRegistered(str(answer))
    if wrong is not None:
        raise NotKnown(f"it does not take us: {answer}")
