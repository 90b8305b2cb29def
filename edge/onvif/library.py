"""The library that speaks ONVIF, and what we hold it to: bounded answers, one host, no wandering credentials.

Only loaded where a camera is listed with an address ``onvif://…``: it costs 44 MB and half a second.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import ClientRequest, ClientResponse, DigestAuthMiddleware
from aiohttp.client_middlewares import ClientHandlerType

from edge.onvif.address import Where
from edge.onvif.faults import HalfAnswer
from edge.onvif.profiles import at_host

_root = logging.getLogger()
_before = (list(_root.handlers), _root.level)
# The library sets up the root logger at its import, which is ours to set up.
from onvif import ONVIFCamera  # pyright: ignore[reportMissingTypeStubs] # noqa: E402
from onvif.exceptions import ONVIFError as LibraryError  # pyright: ignore[reportMissingTypeStubs] # noqa: E402
from onvif.util import is_auth_error, stringify_onvif_error  # pyright: ignore[reportMissingTypeStubs] # noqa: E402
from zeep.exceptions import Error as SoapError  # noqa: E402
from zeep.exceptions import Fault, TransportError  # noqa: E402

_etree: Any = importlib.import_module("lxml.etree")  # compiled: nothing of it can be checked
_root.handlers[:], _root.level = _before
for _name in ("onvif", "zeep", "httpx"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)  # what fails we say ourselves, and without addresses

__all__ = ["Fault", "LibraryCamera", "LibraryError", "SoapError", "TransportError", "is_auth_error", "words_of"]

ANSWER_BYTES = 2 * 1024 * 1024
_CONNECT_S, _READ_S = 3.0, 40.0
_NOTIFICATION = "{http://docs.oasis-open.org/wsn/b-2}NotificationMessage"
_MOST_NOTICES = 1_000
_MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
_SPACES = (*(f"http://www.onvif.org/{name}/wsdl" for name in ("ver10/media", "ver10/events", "ver20/ptz")), _MEDIA2)
_MEDIA2_WSDL = str(Path(__file__).with_name("media2.wsdl"))


def words_of(error: Exception) -> str:
    """What a fault says, short enough to be shown."""
    return " ".join(stringify_onvif_error(error).split())[:300]


class _Bounded(ClientResponse):
    """An answer that is no longer than any of these should be."""

    async def read(self) -> bytes:
        """Raises aiohttp.ClientPayloadError."""
        if self._body is None:
            self._body = await _up_to(self, ANSWER_BYTES)
        return self._body


async def _up_to(response: ClientResponse, most: int) -> bytes:
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > most:
            response.close()
            raise aiohttp.ClientPayloadError(f"an answer of more than {most} bytes")
    return bytes(body)


def _only_at(host: str) -> Callable[[ClientRequest, ClientHandlerType], Any]:
    async def ask(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if (request.url.host or "").casefold() != host.casefold():
            raise aiohttp.ClientError("it sends us to another host")
        return await handler(request)

    return ask


def session_for(where: Where, user: str, password: str) -> aiohttp.ClientSession:
    """A session for one camera: digest where it asks for it, its own certificate taken as it is."""
    digest = (DigestAuthMiddleware(user.replace(":", ""), password),) if user else ()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=4, force_close=True, ssl=False),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S),
        response_class=_Bounded,
        middlewares=(_only_at(where.host), *digest),
    )


class Tap:
    """Hears each answer before the library reads it, and takes the notifications out as they came: to make objects of a
    hundred of them would hold up a door for longer than it may take.
    """

    def __init__(self) -> None:
        self._heard: list[bytes] = []
        self.left_out = 0  # notifications beyond those that one answer may have
        self.answer = b""  # the latest, whole: to be kept where it is none

    def at(self, transport: Any) -> None:
        """Listen to what comes by a transport of the library."""
        ask = transport.post_xml

        async def post_xml(*asked: Any) -> Any:
            self.answer = b""
            response = await ask(*asked)
            self.answer = response.content
            return response

        transport.post_xml = post_xml

    def ingress(self, envelope: Any, http_headers: Any, operation: Any) -> tuple[Any, Any]:
        """As a plugin of the library is called."""
        for element in list(envelope.iter(_NOTIFICATION)):
            if len(self._heard) < _MOST_NOTICES:
                self._heard.append(_etree.tostring(element, with_tail=False))
            else:
                self.left_out += 1
            element.getparent().remove(element)
        return envelope, http_headers

    def egress(self, envelope: Any, http_headers: Any, operation: Any, binding_options: Any) -> tuple[Any, Any]:
        return envelope, http_headers

    def take(self) -> list[bytes]:
        heard, self._heard = self._heard, []
        return heard


class LibraryCamera(ONVIFCamera):  # type: ignore[misc]
    """The library's camera by our session; whatever address it gives, it is asked at the host that is listed."""

    xaddrs: dict[str, str]
    _is_described = False

    def __init__(self, where: Where, user: str, password: str) -> None:
        base = f"{'https' if where.is_tls else 'http'}://{f'[{where.host}]' if ':' in where.host else where.host}"
        super().__init__(base, where.port, user, password, no_cache=True, adjust_time=True)
        self.where, self.tap = where, Tap()
        self.session = session_for(where, user, password)

    @classmethod
    async def describe(cls) -> None:
        """Have the library read its descriptions of all services that are asked here; nobody is called."""
        if cls._is_described:
            return
        nobody = cls(Where("127.0.0.1", 80), "", "")
        nobody.xaddrs = dict.fromkeys(_SPACES, "http://127.0.0.1/")
        try:
            for service in ("devicemgmt", "media", "media2", "events", "ptz"):
                await nobody.create_onvif_service(service)
            cls._is_described = True
        finally:
            await nobody.close()

    def rewrite_url(self, url: str | None) -> str | None:
        return at_host(url, self.where.host) if url else url

    def get_definition(self, name: str, port_type: str | None = None) -> tuple[str, str, str]:
        """The library knows the first media service alone; the second is described by ours."""
        if name != "media2":
            return super().get_definition(name, port_type)
        return self.xaddrs[_MEDIA2], _MEDIA2_WSDL, f"{{{_MEDIA2}}}Media2Binding"

    async def create_onvif_service(self, name: str, *args: Any, **rest: Any) -> Any:
        service: Any = await super().create_onvif_service(name, *args, **rest)
        service.transport.session = self.session
        if name.lower() == "pullpoint" and self.tap not in service.zeep_client.plugins:
            service.zeep_client.plugins.append(self.tap)
            self.tap.at(service.transport)
        return service

    async def update_xaddrs(self) -> None:
        """Where its services are, its clock read first; one that does not tell the time is taken to have ours."""
        try:
            await super().update_xaddrs()
        except (AttributeError, TypeError, ValueError) as error:
            if not self.adjust_time:
                raise HalfAnswer(f"what it says of its services is half an answer: {type(error).__name__}") from error
            self.adjust_time = False
            await self.update_xaddrs()

    async def close(self) -> None:
        await super().close()
        await self.session.close()
