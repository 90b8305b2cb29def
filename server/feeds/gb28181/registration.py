"""REGISTER: the exchange by which a platform knows us, and what each of its answers means."""

from __future__ import annotations

import secrets

import msgspec

from server.feeds.gb28181.digest import CannotAnswer, Challenge, Credentials, authorization, read_challenge
from server.feeds.gb28181.endpoint import Endpoint
from server.feeds.gb28181.sip import Response, host_of, seconds, uri_of, user_of

_MOST_TRIES = 4


class WrongSettings(Exception):
    """The platform does not know us as we are configured: a person must look. Asked again seldom."""


class Unwell(Exception):
    """The platform cannot take us now."""


class Redirected(Exception):
    """Another node of the platform shall be asked."""

    def __init__(self, far: tuple[str, int], server: str) -> None:
        super().__init__(f"redirected to {far[0]}:{far[1]}")
        self.far, self.server = far, server


class Granted(msgspec.Struct, frozen=True):
    """We are known for so many seconds."""

    expires_s: int
    date: str = ""  # the platform's clock, as it says it


class Registration:
    """All registrations of one start bear one Call-ID, and their numbers rise (RFC 3261, 10.2)."""

    def __init__(self, server: str, domain: str, ours: str, who: Credentials) -> None:
        self.server, self._domain, self._ours, self._who = server, domain, ours, who
        self._call_id, self._tag = secrets.token_hex(16), secrets.token_hex(8)
        self._cseq = 0

    async def register(self, endpoint: Endpoint, expires_s: int) -> Granted:
        """Raises WrongSettings, Unwell, Redirected, NoAnswer, OSError."""
        answered: Challenge | None = None
        challenge: Challenge | None = None
        for _ in range(_MOST_TRIES):
            response = await self._ask(endpoint, expires_s, challenge)
            if response.is_ok:
                return _granted(response, expires_s, self._ours)
            if response.status == 423 and (least := seconds(response.get("min-expires"))):
                expires_s = max(expires_s, least)
                continue
            challenge = self._challenged(response, answered)
            answered = challenge
        raise Unwell(f"registering came to no end in {_MOST_TRIES} tries")

    def _challenged(self, response: Response, answered: Challenge | None) -> Challenge:
        """What is to be answered now. Raises what else the response means."""
        if response.status == 401:
            try:
                challenge = read_challenge(response.all("www-authenticate"))
            except CannotAnswer as error:
                raise WrongSettings(str(error)) from error
            if answered is not None and not challenge.is_stale:
                raise WrongSettings("401 to our answer: the password or the user name is wrong")
            return challenge
        raise _meaning(response)

    async def _ask(self, endpoint: Endpoint, expires_s: int, challenge: Challenge | None) -> Response:
        self._cseq += 1
        uri, us = f"sip:{self.server}@{self._domain}", f"<sip:{self._ours}@{self._domain}>"
        headers = [
            ("From", f"{us};tag={self._tag}"),
            ("To", us),
            ("Call-ID", self._call_id),
            ("CSeq", f"{self._cseq} REGISTER"),
            ("Contact", endpoint.contact),
            ("Expires", str(expires_s)),
        ]
        if challenge is not None:
            said = authorization(challenge, self._who, "REGISTER", uri, secrets.token_hex(8))
            headers.append(("Authorization", said))
        return await endpoint.ask("REGISTER", uri, headers)


def _granted(response: Response, asked_s: int, ours: str) -> Granted:
    """Our own Contact's time, else the header's, else what we asked for."""
    own = next((one for one in response.all("contact") if user_of(one) == ours), "")
    said = own.rpartition(">")[2].lower().partition("expires=")[2].partition(";")[0]
    lasts = seconds(said) or response.expires or asked_s
    return Granted(lasts, response.get("date")[:40])


def _meaning(response: Response) -> Exception:
    if response.status in (301, 302, 305):
        contact = response.get("contact")
        far = host_of(uri_of(contact))
        return Redirected(far, user_of(contact)) if far else Unwell(f"{response}, to {contact[:80]!r}")
    if response.status == 403:
        return WrongSettings(
            f"{response}: the password, our code or the platform's code is wrong, or we are not let in"
        )
    if response.status == 404:
        return WrongSettings(f"{response}: the platform's code, its domain or our code is wrong")
    if response.status in (408, 429) or response.status >= 500 or response.status < 400:
        return Unwell(str(response))
    return WrongSettings(f"{response}: the platform refuses how we register")
