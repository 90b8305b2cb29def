"""A sink: batches of a log into a NATS JetStream stream, each under its origin, so that a repeat is known and dropped.

A message has arrived when it is acknowledged, which a stream of three replicas does when two of them have it on their
disks (``sync_interval: always``). What was sent and not acknowledged is sent again.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import msgspec
import nats  # pyright: ignore[reportMissingTypeStubs]
from nats.errors import Error as NatsError
from nats.js.api import StorageType, StreamConfig
from nats.js.errors import NotFoundError

from domain.wire import MAX_PACKED_BYTES, read_header
from eventlog.log import Record

POSITION, COMPLEX, RECEIVED_AT = "Gatehouse-Position", "Gatehouse-Complex", "Gatehouse-Received-At"
MESSAGE_ID = "Nats-Msg-Id"
_driver: Any = nats  # its types leave the options open
# So long a repeat is known by its id. A reader folds by it all the same: it may come later.
_DUPLICATES_S = 20 * 60.0
_ANSWER_S, _CONNECT_S = 5.0, 5.0


class SinkBroken(Exception):
    """The stream did not take everything; what it did take it will know again."""


class Place(msgspec.Struct, frozen=True):
    """A stream, and how safe it must be before anything is given to it."""

    servers: list[str]
    stream: str = "GATEHOUSE"
    subject: str = "gatehouse"  # what comes from here is under SUBJECT.SOURCE.STREAM
    replicas: int = 3
    user: str = ""
    password: str = ""
    ca: str = ""  # a file of the authority's certificates (PEM)


class JetStreamSink:
    """``source`` names this log among all that write to the stream. To be used as a context."""

    def __init__(self, place: Place, source: str) -> None:
        self._place, self._source = place, source
        self._client: Any = None
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.close()

    async def publish(self, records: Sequence[Record]) -> None:
        """Give all of the records to the stream; returns when it has acknowledged each. Raises SinkBroken: some may be
        there, and the same records are to be published again."""
        stream = await self._stream()
        sent = [asyncio.create_task(self._publish(stream, record)) for record in records]
        for result in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(result, BaseException):
                raise SinkBroken(f"{self._place.stream} did not take a batch: {result!r}") from result

    async def _publish(self, stream: Any, record: Record) -> None:
        header = read_header(record.body)
        told = {
            MESSAGE_ID: message_id(record),
            POSITION: str(record.position),
            COMPLEX: record.complex,
            RECEIVED_AT: record.received_at,
        }
        subject = f"{self._place.subject}.{self._source}.{header.stream}"
        await stream.publish(subject, record.body, timeout=_ANSWER_S, stream=self._place.stream, headers=told)

    async def _stream(self) -> Any:
        """The connection, made at the first need; afterwards it comes back by itself. Raises SinkBroken."""
        async with self._turn:
            if self._client is None:
                self._client = await self._connected()
            return self._client.jetstream()

    async def _connected(self) -> Any:
        try:
            client: Any = await _driver.connect(**self._options())
        except (NatsError, OSError, TimeoutError) as error:
            raise SinkBroken(f"none of {', '.join(self._place.servers)} answers: {error!r}") from error
        try:
            await self._check(client)
        except BaseException:
            await client.close()
            raise
        return client

    def _options(self) -> dict[str, Any]:
        place, options = self._place, dict[str, Any]()
        if place.user:
            options |= {"user": place.user, "password": place.password}
        if place.ca:
            options["tls"] = ssl.create_default_context(cafile=place.ca)
        return options | {
            "servers": place.servers,
            "connect_timeout": _CONNECT_S,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": 0.5,
            "ping_interval": 5,
            "max_outstanding_pings": 2,
            "error_cb": _told_by_the_call,
        }

    async def _check(self, client: Any) -> None:
        """Make the stream where there is none. Raises SinkBroken for one that is less safe than it must be."""
        if client.max_payload < MAX_PACKED_BYTES:
            raise SinkBroken(
                f"max_payload of the servers is {client.max_payload}: at least {MAX_PACKED_BYTES} is needed"
            )
        try:
            found = await self._find_or_make(client.jetstream())
        except (NatsError, TimeoutError) as error:
            raise SinkBroken(f"the stream {self._place.stream}: {error!r}") from error
        if (found.num_replicas or 1) < self._place.replicas:
            text = f"{self._place.stream} has {found.num_replicas} replicas, not {self._place.replicas}"
            raise SinkBroken(f"{text}: change the stream, or `replicas` of the feed")

    async def _find_or_make(self, stream: Any) -> StreamConfig:
        try:
            return (await stream.stream_info(self._place.stream)).config
        except NotFoundError:
            wanted = StreamConfig(
                name=self._place.stream,
                subjects=[f"{self._place.subject}.>"],
                num_replicas=self._place.replicas,
                storage=StorageType.FILE,
                duplicate_window=_DUPLICATES_S,
            )
            return (await stream.add_stream(wanted)).config


async def _told_by_the_call(_error: Exception) -> None:
    """What goes wrong on the way ends in the call that waits for its acknowledgement."""


def message_id(record: Record) -> str:
    """The origin of a batch: the same batch has the same, whoever sends it and from wherever in a log."""
    header = read_header(record.body)
    return f"{header.gateway}/{header.stream}/{header.epoch}/{header.first}-{header.last}"
