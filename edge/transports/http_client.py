"""Asking one device over HTTP: at its address in the device list, with digest where a password was entered."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus

import aiohttp
import msgspec
import structlog
from aiohttp import ClientTimeout, DigestAuthMiddleware
from yarl import URL

from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import Request

log = structlog.get_logger()

_CONNECT_S = 3.0
_CHUNK = 64 * 1024
_SCHEMES = ("http://", "https://")


class BadAddress(Exception):
    """An address of the device list that cannot be asked; says why."""


class Unauthorised(Exception):
    """The device wants another password; asked too often it locks us out."""


class Unusable(Exception):
    """The device answered, but not with what was asked for."""


class Address(msgspec.Struct, frozen=True):
    """``way`` is what stands behind #: how to listen to the device, where it can be listened to in several ways."""

    base: str
    way: str


def address_in(written: str) -> Address | None:
    """None where a device has no http address. Raises BadAddress."""
    if not written.lower().startswith(_SCHEMES):
        return None
    try:
        url = URL(written)
    except ValueError as error:
        raise BadAddress(f"{error}") from error
    if url.user or url.password:
        raise BadAddress("a password stands in it: take it out, and enter it by gatehouse-edge device-secret")
    if not url.host:
        raise BadAddress("it names no host")
    return Address(str(url.origin()), url.fragment)


class DeviceClient:
    """``session`` is shared by all devices; it follows no redirect and keeps no cookie.

    The certificate of an https device is not verified, since they make their own: digest shows no password to whoever
    answers.
    """

    def __init__(self, session: aiohttp.ClientSession, device: str, address: Address, secrets: DeviceSecrets) -> None:
        self._session, self._secrets = session, secrets
        self.device, self.address = device, address
        self._secret: DeviceSecret | None = None
        self._digest: tuple[DigestAuthMiddleware, ...] = ()

    @property
    def secret(self) -> DeviceSecret | None:
        """As it was entered last; None also where it cannot be read, which is said."""
        try:
            return self._secrets.of(self.device)
        except (OSError, msgspec.DecodeError) as error:
            log.error("device_secret_unreadable", device=self.device, error=repr(error))
            return None

    @asynccontextmanager
    async def ask(
        self, method: str, path: str, *, read_s: float, total_s: float | None = None, body: bytes = b"", kind: str = ""
    ) -> AsyncGenerator[aiohttp.ClientResponse, None]:
        """The answer, its body yet to be read. Raises Unauthorised, aiohttp.ClientError, TimeoutError, OSError."""
        async with self._session.request(
            method,
            URL(self.address.base + path, encoded=True),
            data=body or None,
            headers={"Content-Type": kind} if kind else None,
            timeout=ClientTimeout(total=total_s, sock_connect=_CONNECT_S, sock_read=read_s),
            middlewares=self._middlewares(),
            ssl=False,
            allow_redirects=False,
        ) as response:
            if response.status == HTTPStatus.UNAUTHORIZED:
                raise Unauthorised("it wants a password" if self._secret is None else "it refuses the password")
            yield response

    def tell(self, request: Request, within_s: float) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """The answer to a command, or the same exceptions."""
        body, kind = request.body, request.media_type
        return self.ask(request.method, request.path, read_s=within_s, total_s=within_s, body=body, kind=kind)

    def _middlewares(self) -> tuple[DigestAuthMiddleware, ...]:
        secret = self.secret
        if secret != self._secret:
            self._secret, self._digest = secret, ()
        if secret is not None and not self._digest:
            self._digest = (DigestAuthMiddleware(secret.user.replace(":", ""), secret.secret),)
        return self._digest


async def read_up_to(response: aiohttp.ClientResponse, limit_bytes: int) -> bytes:
    """The body; of one that is longer, one byte more than the limit."""
    body = bytearray()
    while len(body) <= limit_bytes and (chunk := await response.content.read(_CHUNK)):
        body += chunk
    return bytes(body[: limit_bytes + 1])
