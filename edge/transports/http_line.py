"""The line to one device that is listened to over HTTP: its stream or its log, lost and found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Literal

import aiohttp
import structlog

from edge.devices._fields import media_type
from edge.devices.driver import Message, Poll, Stream, line_message
from edge.multipart import Part, PartsReader, joined
from edge.transports.http_client import DeviceClient, Unauthorised, Unusable, read_up_to
from edge.transports.links import Around

log = structlog.get_logger()

_REFUSED_S = 600.0  # devices lock out who shows a wrong password too often
_LOOK_S = 1.0
_MISSED_S = 24 * 3600.0  # of a device that was never heard
_PART_PAUSE_S, _PICTURE_S = 0.5, 2.0
_FULL_S, _DURABLE_S = 0.05, 2.0
_HISTORY_S = 20.0
_MOST_PICTURES = 8
_SECOND = timedelta(seconds=1)


class Line:
    """``run`` ends only when cancelled: what goes wrong with one device is said, and tried again."""

    def __init__(self, around: Around, client: DeviceClient, way: Stream | Poll) -> None:
        self._around, self._client, self._way = around, client, way
        self._device, self._limit_bytes = client.device, around.config.limits.message_bytes
        self._state: Literal["", "online", "offline"] = ""
        self._failures = 0
        self._heard_at = around.intake.seen.at(self._device)  # up to when it was heard; of its log, what is durable

    async def run(self) -> None:
        while True:
            try:
                if isinstance(self._way, Poll):
                    await self._poll(self._way)
                    continue
                await self._stream(self._way)
                self._lost("the device ended the connection")
            except Unauthorised as error:
                secret = self._client.secret
                self._lost(str(error), wait_s=_REFUSED_S)
                await self._wait_for_another(secret)
                continue
            except (aiohttp.ClientError, OSError, TimeoutError, Unusable, ValueError) as error:
                self._lost(f"{error}" or type(error).__name__)
            self._failures += 1
            await asyncio.sleep(self._around.retry_s(self._failures))

    async def _wait_for_another(self, secret: object) -> None:
        """Until another password was entered, or for long."""
        for _ in range(int(_REFUSED_S / _LOOK_S)):
            if self._client.secret != secret:
                return
            await asyncio.sleep(_LOOK_S)

    def _found(self) -> None:
        self._failures = 0
        if self._state != "online":
            log.info("device_line", device=self._device, state="online")
            self._say("online")

    def _lost(self, reason: str, wait_s: float = 0.0) -> None:
        if self._state != "offline":
            log.warning("device_line", device=self._device, state="offline", error=reason, again_in_s=wait_s or None)
            self._say("offline", reason[:200])

    def _say(self, state: Literal["online", "offline"], reason: str = "") -> None:
        self._state = state
        self._around.intake.offer(line_message(self._device, state, reason), lambda: None)

    def _message(self, body: bytes, kind: str, path: str, since: datetime | None = None) -> Message:
        return Message(
            self._way.family,
            body,
            path.partition("?")[0],
            headers={"content-type": kind} if kind else {},
            received_at=self._around.clock.now(),
            queued_since=since,
            gateway_clock=self._around.clock.state,
            sender=self._device.partition(":")[2],
        )

    # --- an answer without end ---

    async def _stream(self, way: Stream) -> None:
        async with self._client.ask("GET", way.path, read_s=way.silence_s) as response:
            if response.status != HTTPStatus.OK:
                raise Unusable(f"it answers {response.status} to {way.path.partition('?')[0]}")
            self._found()
            # Beside the stream: a door must not wait for the past.
            reading_back = asyncio.create_task(self._read_back(way, self._heard_at))
            try:
                await self._listen(response, way)
            finally:
                reading_back.cancel()

    async def _listen(self, response: aiohttp.ClientResponse, way: Stream) -> None:
        gathered = Gathered(way)
        async for parts in self._parts(response, way, gathered):
            self._heard_at = self._around.clock.now()
            for kind, body in parts:
                self._around.intake.offer(self._message(body, kind, way.path), lambda: None)
            while self._around.intake.full:  # noqa: ASYNC110 - whom it tells of room is the broker's line
                await asyncio.sleep(_FULL_S)

    async def _read_back(self, way: Stream, heard_at: datetime | None) -> None:
        """What the device recorded while nobody listened; not all of them can tell."""
        if way.history is None or heard_at is None:
            return
        path = way.history(heard_at, self._around.clock.now())
        try:
            async with self._client.ask("GET", path, read_s=_HISTORY_S, total_s=_HISTORY_S) as response:
                body = await read_up_to(response, self._limit_bytes)
        except (aiohttp.ClientError, OSError, TimeoutError, Unauthorised) as error:
            log.warning("history_not_read", device=self._device, error=f"{error}" or type(error).__name__)
            return
        if response.status != HTTPStatus.OK:
            log.warning("history_not_read", device=self._device, error=f"it answers {response.status}")
            return
        self._around.intake.offer(self._message(body, response.headers.get("Content-Type", ""), path), lambda: None)

    async def _parts(
        self, response: aiohttp.ClientResponse, way: Stream, gathered: Gathered
    ) -> AsyncIterator[list[tuple[str, bytes]]]:
        """Messages as they become whole. A part without a length is over after a pause."""
        reader = PartsReader(response.headers.get("Content-Type", ""), self._limit_bytes + 1)
        while True:
            pause_s = _PART_PAUSE_S if reader.is_open_ended else _PICTURE_S if gathered.waits else way.silence_s
            try:
                async with asyncio.timeout(pause_s):
                    chunk = await response.content.readany()
            except TimeoutError:
                if pause_s == way.silence_s:
                    raise Unusable(f"nothing came for {way.silence_s:.0f} s") from None
                yield [*gathered.take(reader.rest()), *([] if reader.is_inside else gathered.give_up())]
                continue
            if not chunk:
                yield [*gathered.take(reader.rest()), *gathered.give_up()]
                return
            yield gathered.take(reader.feed(chunk))

    # --- a log that is asked for ---

    async def _poll(self, way: Poll) -> None:
        """Until the log ends, or the store takes again what it did not take for a while: then from there once more."""
        missed_s = self._missed_s()
        since: datetime | None = self._around.clock.now() - missed_s * _SECOND
        path, behind = way.first(missed_s), False
        while True:
            async with self._client.ask("GET", path, read_s=way.silence_s) as response:
                body = await read_up_to(response, self._limit_bytes)
                kind, status = response.headers.get("Content-Type", ""), response.status
            following = way.following(path, body)
            if following is None or status != HTTPStatus.OK:
                raise Unusable(f"it answers {status} to {path.partition('?')[0]}: {body[:100]!r}")
            self._found()
            asked_at = self._around.clock.now()
            if not await self._durable(self._message(body, kind, path, since)):
                behind = True  # a door must not wait for the disk: what comes next is heard all the same
            elif behind:
                return
            elif following == path:  # what had waited has come
                since, self._heard_at = None, asked_at
            path = following

    def _missed_s(self) -> float:
        """For how long nothing of its log was heard, this run or an earlier one."""
        if self._heard_at is None:
            return _MISSED_S
        return max(0.0, (self._around.clock.now() - self._heard_at).total_seconds())

    async def _durable(self, message: Message) -> bool:
        """Whether it is, within a while."""
        done = asyncio.Event()
        self._around.intake.offer(message, done.set)
        try:
            async with asyncio.timeout(_DURABLE_S):
                await done.wait()
        except TimeoutError:
            return False
        return True


class Gathered:
    """Events and the pictures that follow them, as one message each."""

    def __init__(self, way: Stream) -> None:
        self._way = way
        self._group: list[Part] = []
        self._missing = 0

    @property
    def waits(self) -> bool:
        """Whether pictures are still to come."""
        return bool(self._group)

    def take(self, parts: list[Part]) -> list[tuple[str, bytes]]:
        """What is whole with these."""
        return [message for part in parts for message in self._take(part)]

    def _take(self, part: Part) -> list[tuple[str, bytes]]:
        if media_type(part.body):
            if not self._group:
                return []  # nobody's
            self._group.append(part)
            self._missing -= 1
            return self.give_up() if self._missing <= 0 else []
        before = self.give_up()
        self._group, self._missing = [part], min(self._way.pictures(part.body), _MOST_PICTURES)
        return [*before, *(self.give_up() if self._missing <= 0 else [])]

    def give_up(self) -> list[tuple[str, bytes]]:
        """What there is, without the pictures that did not come."""
        group, self._group = self._group, []
        if not group:
            return []
        return [joined(group)] if len(group) > 1 else [(group[0].headers.get("content-type", ""), group[0].body)]
