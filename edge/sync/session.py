"""The line to the centre: who we are, what goes up, what comes down, and whether it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Annotated, Any

import msgspec
import structlog

from domain.alerts.rules import Rules
from edge import identity
from edge.parts import Parts
from edge.status import status
from edge.store.epochs import EpochNote
from edge.store.file import new_epoch
from edge.store.happenings import Salvaged
from edge.sync.moved import Followed, Mover, server_of
from edge.sync.pictures import PicturePush
from edge.sync.push import Push
from edge.sync.recover import recover
from edge.sync.refill import Wanted, refill
from edge.sync.statements import StatementPush
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from eventlog.follow import Pace, follow
from eventlog.log import LogBroken

log = structlog.get_logger()

_HEARTBEAT_S = 5.0
_NOT_ENROLLED_S = 2.0
_SET_ASIDE_S = 5.0


class HelloAnswer(msgspec.Struct):
    """What the centre says to a hello: what it has, its time, and what it wants."""

    watermarks: dict[str, Annotated[int, msgspec.Meta(ge=0)]]
    server_time: Annotated[datetime, msgspec.Meta(tz=True)] | None = None
    wanted: list[Wanted] = []
    statement_wanted: bool = False
    again_s: Annotated[float, msgspec.Meta(ge=1, le=300)] | None = None  # when the next hello is early enough
    gather_s: Annotated[float, msgspec.Meta(ge=0, le=30)] = 0.0  # so long what is routine may wait for company


class Session:
    """Everything that speaks with the centre, from the moment there is an identity. ``state`` is for people."""

    def __init__(
        self,
        parts: Parts,
        described: Callable[[], Awaitable[dict[str, Any]]],
        told: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """``described`` gives what a hello says of this gateway; ``told`` hears what of it the centre has answered."""
        self._parts, self._described, self._told = parts, described, told
        self._push: Push | None = None
        self._statements: StatementPush | None = None
        self._following: dict[str, asyncio.Task[None]] = {}
        self._back_online = asyncio.Event()
        self.state = "not enrolled"
        self._again_s = _HEARTBEAT_S

    @property
    def acknowledged(self) -> dict[str, int]:
        """Up to where the centre has each stream, as last heard; empty before anything was."""
        return self._push.acknowledged if self._push is not None else {}

    async def run(self) -> None:
        """Send and receive, once there is an identity; until then the log simply grows. A move to another cell begins
        anew there: every stream goes on at the watermark that came with the complex."""
        while True:
            me = await self._enrolled()
            try:
                await self._speak(me, server_of(me, self._parts.config.server))
            except* Followed:
                await self.remember()

    async def _speak(self, me: identity.Identity, server: str) -> None:
        parts, signer = self._parts, identity.Signer(me, self._parts.clock)
        mover = Mover(me, parts.config.folder, server, signer, parts.clock.monotonic_s)
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            uplink = await stack.enter_async_context(Uplink(server, signer, me.trust, mover, self._note_online))
            tasks.create_task(mover.run(parts.retry_s))
            hello = self._hello(uplink, me.gateway)
            follow_again = await self._send_log(tasks, uplink, me.gateway, hello)
            tasks.create_task(parts.control.pull(uplink, parts.retry_s, self._back_online))
            tasks.create_task(PicturePush(parts.media, uplink, parts.retry_s).run())
            tasks.create_task(self._recover(uplink))
            tasks.create_task(self._heartbeat(hello, follow_again))

    async def _enrolled(self) -> identity.Identity:
        while True:
            try:
                return identity.load(self._parts.config.folder)
            except identity.NotEnrolled:
                await asyncio.sleep(_NOT_ENROLLED_S)

    async def _send_log(
        self, tasks: asyncio.TaskGroup, uplink: Uplink, gateway: str, hello: Callable[[], Awaitable[dict[str, int]]]
    ) -> Callable[[str], None]:
        """Begin to send every stream; what lets one of them begin anew, from where the centre says."""
        parts, limits = self._parts, self._parts.config.limits
        stored = await parts.keeper.mended(lambda: status.of_store(parts.store))
        known = {name: entry.acknowledged for name, entry in stored.items()}
        push = self._push = Push(gateway, parts.store, uplink, hello, limits, self, known, self._own_rules)
        pace = Pace(limits.batch_events, retry_s=parts.retry_s, hurry=self._back_online)

        def begin(stream: str) -> None:
            if stream in self._following:
                self._following[stream].cancel()
            self._following[stream] = tasks.create_task(follow(parts.store, stream, push, self._report, pace))

        for stream in parts.store.partitions:
            begin(stream)
        zone = parts.config.site.zone
        self._statements = StatementPush(parts.store.path, self._push.told, uplink, zone, parts.clock.now)
        tasks.create_task(self._statements.run())
        return begin

    def _own_rules(self) -> Rules | None:
        """As they are when something happens."""
        return self._parts.control.desired.in_force.alert_rules

    def _hello(self, uplink: Uplink, gateway: str) -> Callable[[], Awaitable[dict[str, int]]]:
        async def watermarks() -> dict[str, int]:
            described, asked_s = await self._described(), self._parts.clock.monotonic_s()
            found = self._parts.searching.news()
            news = {} if found is None else {"found": found}
            said = await uplink.send_json("POST", "/v1/hello", described | news)
            answer = understood(said, HelloAnswer)
            self._told(described)
            if found is not None:
                self._parts.searching.told()
            if answer.server_time is not None:
                self._parts.clock.measured(answer.server_time, asked_s, self._parts.clock.monotonic_s())
            self._again_s = _HEARTBEAT_S if answer.again_s is None else answer.again_s
            if self._push is not None:
                self._push.gather_s = answer.gather_s
            if self.state != "online":
                self._note_online()
            if answer.statement_wanted and self._statements is not None:
                self._statements.ask()
            await refill(gateway, self._parts.store, uplink, answer.wanted)
            return answer.watermarks

        return watermarks

    def _note_online(self) -> None:
        """After a cut: an alarm must not sit out the pause that grew meanwhile."""
        self._back_online.set()
        self._back_online.clear()
        self.state = "online"

    async def _heartbeat(
        self, hello: Callable[[], Awaitable[dict[str, int]]], follow_again: Callable[[str], None]
    ) -> None:
        while True:
            try:
                had = dict(self.acknowledged)
                watermarks = await hello()
                for stream in self._push.put_back(had, watermarks) if self._push is not None else ():
                    follow_again(stream)
            except (UplinkDown, Refused) as error:
                self.state, self._again_s = f"offline: {error}", _HEARTBEAT_S
            except LogBroken as error:
                await self._parts.keeper.mend(error)
            await asyncio.sleep(self._again_s)

    async def _recover(self, uplink: Uplink) -> None:
        """What the centre lacks of stores that were set aside; one may be while we run."""
        parts = self._parts

        async def tell(place: str, found: Salvaged) -> None:
            await parts.intake.record(parts.notices.salvaged(place, found))

        while True:
            await parts.keeper.mended(lambda: recover(parts.config.folder, parts.store, uplink, tell, parts.retry_s))
            await asyncio.sleep(_SET_ASIDE_S)

    def _report(self, reader: str, partition: str, error: Exception) -> None:
        if isinstance(error, UplinkDown):
            self.state = f"offline: {error}"
        if isinstance(error, LogBroken):
            self._parts.keeper.met(error)
        at = self.acknowledged.get(partition)
        log.warning("sync_waits", reader=reader, stream=partition, acknowledged=at, error=str(error))

    def new_epoch(self) -> str:
        return new_epoch(self._parts.clock.now())

    def epoch_used(self, stream: str, epoch: str) -> None:
        EpochNote(self._parts.config.folder).put(stream, epoch)

    async def epoch_began(self, stream: str, reason: str) -> None:
        await self._parts.intake.record(self._parts.notices.epoch(stream, reason))

    async def centre_lost(self, stream: str) -> None:
        """Every picture that is still here is offered again; the centre says which it has."""
        await self._parts.media.offer_again()

    async def remember(self) -> None:
        """Keep the watermarks, else the next start takes a centre that lost its disk for one that never had it."""
        if self._push is None or not self._parts.store.sound:
            return
        try:
            await status.remember(self._parts.store, self._push.acknowledged)
        except LogBroken as error:  # a convenience: the centre is asked anyway
            self._parts.keeper.met(error)
