"""Who may come in: registrations, signs of life and farewells at the platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from random import Random
from typing import Any, cast

import msgspec
from aiohttp import web

from simulators.upper.answers import INVALID, Answers, Status
from simulators.upper.digest import Gate, user_in
from simulators.upper.profiles import Profile, Unknown
from simulators.upper.sessions import Sessions

PASSWORD = "upper-password-0001"  # noqa: S105  # pragma: allowlist secret


class Door:
    """``devices``: who is known, None for anybody with a code of 20 digits; ``users``: a name other than the code."""

    def __init__(self, profile: Profile, sessions: Sessions, now: Callable[[], datetime], seed: int) -> None:
        self._profile, self.sessions, self._now = profile, sessions, now
        self.answers, self._gate = Answers(profile), Gate(profile, Random(seed))
        self.devices: frozenset[str] | None = None
        self.users: dict[str, str] = {}
        self.password = PASSWORD
        self.counts: Counter[str] = Counter()

    async def register(self, request: web.Request) -> web.Response:
        """Some clients ask for the challenge with an empty body."""
        self.counts["register"] += 1
        device = _device_in(await request.read())
        refused = self._refusal(request, device)
        if refused is not None:
            return refused
        self.counts["registered"] += 1
        self.sessions.open(device, self._now())
        return self._ok(request, device)

    async def keepalive(self, request: web.Request) -> web.Response:
        self.counts["keepalive"] += 1
        device = _device_in(await request.read())
        lost = self._lost(request, device, self._profile.lost_keepalive)
        return lost or self._ok(request, device)

    async def unregister(self, request: web.Request) -> web.Response:
        device = _device_in(await request.read())
        refused = self._refusal(request, device) if self._profile.challenges_farewell else None
        if refused is not None:
            return refused
        self.counts["unregister"] += 1
        self.sessions.close(device)
        return self._ok(request, device)

    def lost(self, request: web.Request) -> web.Response | None:
        """What is told to a request that brings something without a session; None where it has one."""
        return self._lost(request, caller_of(request), self._profile.lost_status)

    def _lost(self, request: web.Request, device: str, http: int) -> web.Response | None:
        if not self._profile.authenticates or self.sessions.heard(device, self._now()):
            return None
        self.counts["without_session"] += 1
        if http == 401:
            return self._challenge()
        return self.answers.one(request.path, Status(device, INVALID), self._now(), http)

    def _refusal(self, request: web.Request, device: str) -> web.Response | None:
        if not self._profile.authenticates:
            return None
        header = request.headers.get("Authorization", "")
        if not header:
            self.counts["challenged"] += 1
            return self._challenge()
        if not self._is_known(device):
            self.counts["unknown"] += 1
            return self._turned_away(self._profile.unknown, request, device)
        if self._shows_it(header, request, device):
            return None
        self.counts["wrong_password"] += 1
        return self._turned_away(self._profile.mistaken, request, device)

    def _shows_it(self, header: str, request: web.Request, device: str) -> bool:
        if user_in(header) != self.users.get(device, device):
            return False
        return self._gate.judge(header, request.method, request.path, self.password) == "right"

    def _is_known(self, device: str) -> bool:
        if self.devices is not None:
            return device in self.devices
        return len(device) == 20 and device.isascii() and device.isdigit()

    def _turned_away(self, how: Unknown, request: web.Request, device: str) -> web.Response:
        if how == "challenge":
            return self._challenge()
        return self.answers.turned_away(how, request.path, device, self._now())

    def _challenge(self) -> web.Response:
        return web.Response(status=401, headers={"WWW-Authenticate": self._gate.challenge()})

    def _ok(self, request: web.Request, device: str) -> web.Response:
        return self.answers.one(request.path, Status(device), self._now())


def caller_of(request: web.Request) -> str:
    return request.headers.get("User-Identify", "").strip()


def _device_in(body: bytes) -> str:
    """The DeviceID of a message about the session; "" where there is none."""
    try:
        said = msgspec.json.decode(body, type=dict[str, dict[str, Any]]) if body else {}
    except msgspec.MsgspecError:
        return ""
    return next((str(one["DeviceID"]) for one in said.values() if cast("Any", one.get("DeviceID"))), "")
