"""The one way out: HTTP to the centre, each request with a short-lived token, each failure with its name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Annotated, Any, Protocol, Self, TypeVar

import aiohttp
import msgspec
import structlog

from domain.cells import ELSEWHERE, MOVED
from edge.identity import Signer
from edge.sync.trust import Trust

log = structlog.get_logger()
T = TypeVar("T")

_ANY_AUTHORITY = Trust()
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=30)


class UplinkDown(Exception):
    """The centre cannot be reached, or is busy; everything is kept and sent later."""


class Refused(Exception):
    """The centre answered no. ``error`` is its stable word; ``answer`` all it said."""

    def __init__(self, status: int, answer: dict[str, Any]) -> None:
        self.status, self.answer = status, answer
        self.error = str(answer.get("error", status))
        super().__init__(f"{status} {self.error}: {answer.get('message', 'no reason given')}")


class Watch(Protocol):
    """Who must know whether the cell answers, and when it says that it is no longer the one."""

    def answered(self) -> None: ...

    def moved(self, answer: dict[str, Any]) -> None: ...


class Uplink:
    """A kept-open connection to the centre. Without a signer only enrolment is possible."""

    def __init__(
        self,
        server: str,
        signer: Signer | None = None,
        trust: Trust = _ANY_AUTHORITY,
        watch: Watch | None = None,
        back: Callable[[], None] = lambda: None,
    ) -> None:
        """``back`` is called at the first answer after a failure: who waits to try again need not wait longer."""
        self._back, self._is_down = back, False
        self._server, self._trust, self._watch = server.rstrip("/"), trust, watch
        self._signer = signer
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=8, keepalive_timeout=60, ssl=self._trust.tls())
        self._session = aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        """The centre's answer to a request. Raises UplinkDown or Refused.

        A refusal for the token's time is answered with the centre's: that is signed with, and it is tried once more.
        """
        try:
            return await self._send(method, path, body, content_type)
        except Refused as refusal:
            if refusal.status != 401 or not self._learn_time(refusal.answer):
                raise
            return await self._send(method, path, body, content_type)

    async def send_json(self, method: str, path: str, content: Any) -> dict[str, Any]:
        return await self.send(method, path, msgspec.json.encode(content), "application/json")

    async def _send(self, method: str, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        if self._session is None:
            raise RuntimeError("the uplink is not open: use it as a context")
        headers = {"Content-Type": content_type}
        if self._signer is not None:
            headers["Authorization"] = f"Bearer {self._signer.token()}"
        try:
            async with self._session.request(method, self._server + path, data=body, headers=headers) as response:
                return self._heard(response.status, await response.read())
        except UplinkDown:
            self._is_down = True
            raise
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self._is_down = True
            raise UplinkDown(f"{self._server}: {_reason(error)}") from error

    def _heard(self, status: int, body: bytes) -> dict[str, Any]:
        """The answer. Raises Refused, or UplinkDown: also where the complex is elsewhere, for nobody but ``watch`` can
        do anything about that."""
        try:
            answer = _judge(status, body)
        except Refused as refusal:
            if self._watch is not None:
                self._watch.answered()
                if (refusal.status, refusal.error) == (ELSEWHERE, MOVED):
                    self._watch.moved(refusal.answer)
                    raise UplinkDown(f"{self._server}: {refusal}") from refusal
            raise
        if self._watch is not None:
            self._watch.answered()
        if self._is_down:
            self._is_down = False
            self._back()
        return answer

    def _learn_time(self, answer: dict[str, Any]) -> bool:
        if self._signer is None or "server_time" not in answer:
            return False
        server_time = understood(answer, _ServerTime).server_time
        self._signer.correct(server_time)
        log.warning("token_time_corrected", server_time=server_time.isoformat())
        return True


def _reason(error: Exception) -> str:
    """What to do about a certificate; the error itself for all else."""
    match error:
        case aiohttp.ServerFingerprintMismatch():
            return "it shows another certificate than at enrolment; if that is right, enrol again: the key is kept"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {error.certificate_error}; is this box's clock right?"
        case _:
            return repr(error)


class _ServerTime(msgspec.Struct):
    server_time: Annotated[datetime, msgspec.Meta(tz=True)]


def understood(answer: dict[str, Any], kind: type[T]) -> T:
    """The answer as what it must be. Raises UplinkDown for another: something between us and the centre answers."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise UplinkDown(f"not the centre's answer: {error}") from error


def _judge(status: int, body: bytes) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(body, type=dict[str, Any]) if body else {}
    except msgspec.MsgspecError:
        answer = {"error": "not_json", "message": f"{len(body)} bytes that are not the centre's JSON: a proxy between?"}
    if status in (429, 502, 503, 504) or (status >= 500 and "error" not in answer):
        raise UplinkDown(f"the centre answers {status}: {answer.get('message', '')}")
    if status >= 400 or answer.get("error") == "not_json":
        raise Refused(status, answer)
    return answer
