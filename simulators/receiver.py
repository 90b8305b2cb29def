"""The far end of a webhook: takes CloudEvents over HTTP, counts each once, and can be told to fail."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import Counter, deque
from pathlib import Path
from typing import Any

import msgspec
from aiohttp import web

ONE = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
MAX_BODY_BYTES = 8 * 1024 * 1024
MAX_KEPT = 10_000
MAX_KEYS = 2_000_000
_REQUIRED = ("specversion", "id", "source", "type")

CloudEvent = dict[str, Any]
Key = tuple[str, str]


class Counts(msgspec.Struct, frozen=True):
    """``once``: distinct (source, id); ``repeats``: receptions beyond each one's first."""

    once: int
    repeats: int
    requests: int
    failed_on_purpose: int
    refused: int  # no CloudEvent, an id told to refuse, a signature that does not hold
    by_type: dict[str, int]


class Failing(msgspec.Struct):
    """How to fail: the next ``times`` requests are answered with ``status`` (0: not at all), ids with 400 for ever."""

    times: int = 0
    status: int = 503
    stall_s: float = 30.0  # how long a request that is not answered hangs
    refuse_ids: frozenset[str] = frozenset()


class NotACloudEvent(Exception):
    """The body is not what its content type says."""


class Receiver:
    """An HTTP server on loopback; any path takes POST. What it received is in ``kept``, the newest last."""

    def __init__(self, port: int = 0, secret: bytes | None = None, jsonl: Path | None = None) -> None:
        self.port = port
        self.failing = Failing()
        self.kept: deque[CloudEvent] = deque(maxlen=MAX_KEPT)
        self._secret, self._jsonl = secret, jsonl
        self._seen: dict[Key, int] = {}
        self._types: Counter[str] = Counter()
        self._requests = self._failed = self._refused = 0
        self._stopping = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/events"

    @property
    def keys(self) -> set[Key]:
        """Every (source, id) that was taken."""
        return set(self._seen)

    def counts(self) -> Counts:
        total = sum(self._seen.values())
        return Counts(
            once=len(self._seen),
            repeats=total - len(self._seen),
            requests=self._requests,
            failed_on_purpose=self._failed,
            refused=self._refused,
            by_type=dict(self._types),
        )

    async def start(self) -> None:
        """Listens. Raises OSError where the port is taken."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get("/counts", self._show_counts)
        app.router.add_post("/{path:.*}", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        self._stopping.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _show_counts(self, request: web.Request) -> web.Response:
        return web.Response(body=msgspec.json.encode(self.counts()), content_type="application/json")

    async def _take(self, request: web.Request) -> web.Response:
        self._requests += 1
        body = await request.read()
        if self._secret is not None and not signature_holds(request, body, self._secret):
            return self._refuse(401, "X-Gatehouse-Signature does not hold for X-Gatehouse-Timestamp and the body")
        fails = self._fails_now()
        if fails and self.failing.status:
            return web.Response(status=self.failing.status, text="told to fail")
        try:
            events = read_events(request.content_type, body)
        except NotACloudEvent as error:
            return self._refuse(400, str(error))
        if refused := [event["id"] for event in events if event["id"] in self.failing.refuse_ids]:
            return self._refuse(400, f"told to refuse {refused[0]}")
        answer = self._keep(events)
        return await self._hang() if fails else answer

    def _fails_now(self) -> bool:
        fails = self.failing.times > 0
        self.failing.times -= fails
        self._failed += fails
        return fails

    async def _hang(self) -> web.Response:
        """The events were taken, but their sender will not hear of it and will repeat them."""
        try:
            await asyncio.wait_for(self._stopping.wait(), self.failing.stall_s)
        except TimeoutError:
            return web.Response(status=504, text="told to hang")
        return web.Response(status=503, text="stopping")

    def _refuse(self, status: int, reason: str) -> web.Response:
        self._refused += 1
        return web.Response(status=status, text=reason)

    def _keep(self, events: list[CloudEvent]) -> web.Response:
        if len(self._seen) + len(events) > MAX_KEYS:
            return self._refuse(507, f"{MAX_KEYS} events were received; start me again")
        for event in events:
            key = (event["source"], event["id"])
            self._seen[key] = self._seen.get(key, 0) + 1
            self._types[event["type"]] += 1
        self.kept.extend(events)
        if self._jsonl is not None:
            _append(self._jsonl, events)
        return web.Response(status=204)


def read_events(content_type: str, body: bytes) -> list[CloudEvent]:
    """The events of a structured or batched request (CloudEvents 1.0, HTTP binding 3). Raises NotACloudEvent."""
    if content_type not in (ONE, BATCH):
        raise NotACloudEvent(f"content type {content_type!r}; {ONE} and {BATCH} are taken")
    try:
        events = msgspec.json.decode(body, type=list[CloudEvent]) if content_type == BATCH else [_decode_one(body)]
    except msgspec.MsgspecError as error:
        raise NotACloudEvent(f"not JSON of a CloudEvent: {error}") from error
    for event in events:
        _check(event)
    return events


def signature_holds(request: web.Request, body: bytes, secret: bytes) -> bool:
    """Whether ``X-Gatehouse-Signature`` is ``sha256=`` and the HMAC-SHA256 of ``<X-Gatehouse-Timestamp>.<body>``."""
    timestamp = request.headers.get("X-Gatehouse-Timestamp", "")
    expected = "sha256=" + hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), request.headers.get("X-Gatehouse-Signature", "").encode())


_decode_one = msgspec.json.Decoder(CloudEvent).decode


def _check(event: CloudEvent) -> None:
    missing = [name for name in _REQUIRED if not isinstance(event.get(name), str) or not event[name]]
    if missing:
        raise NotACloudEvent(f"a CloudEvent needs {', '.join(missing)}")
    if event["specversion"] != "1.0":
        raise NotACloudEvent(f"specversion {event['specversion']!r}; 1.0 is taken")


def _append(file: Path, events: list[CloudEvent]) -> None:
    with file.open("ab") as stream:
        stream.write(b"".join(msgspec.json.encode(event) + b"\n" for event in events))
