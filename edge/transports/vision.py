"""Cameras whose pixels this box looks at: child processes that may die, and what they say on its way to the intake."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import msgspec
import structlog

from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices._camera_words import Told
from edge.devices.driver import Message, Outgoing, Packet, line_message
from edge.transports.links import Around
from edge.transports.vision_addresses import Addresses
from edge.transports.vision_child import Child, ChildDied
from edge.transports.vision_figures import described
from edge.transports.vision_groups import Group, after_death, shared_out
from edge.transports.vision_memory import Memory
from edge.vision.libraries import how_to_get
from edge.vision.wishes import NEEDED, camera_of
from edge.vision.words import Anew, Figures, Learnt, Mistake, Ordered, Orders, Show, Up, encode

log = structlog.get_logger()

KIND = FAMILY = "camera"
_LOOK_S = 1.0
_MOST_UNACKNOWLEDGED = 32
_STEADY_S = 600.0  # a child that lived so long begins with a clean sheet
_AWAY_AFTER = 2  # deaths in a row after which its cameras are said to be away


def make(around: Around) -> Vision:
    """Raises ImportError where the libraries for pictures are not installed."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise ImportError(f"{', '.join(missing)} not installed; {how_to_get()}")
    return Vision(around)


class Vision:
    """Children by the cameras they have."""

    def __init__(self, around: Around) -> None:
        self._around, self._secrets = around, DeviceSecrets(around.config.folder)
        self._wanted: dict[str, Ordered] = {}
        self._running: dict[Group, asyncio.Task[None]] = {}
        self._children: dict[Group, Child] = {}
        self._deaths: dict[Group, int] = {}
        self.figures: dict[Group, Figures] = {}
        self._room = asyncio.Semaphore(_MOST_UNACKNOWLEDGED)
        self._unreadable: set[str] = set()
        self._memory = Memory(around.config.folder)
        self._addresses = Addresses(around, self._secret)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                await self._look_anew(self._settle())
                await self._end_what_nobody_watches()
                self._memory.write(self._around.clock.now())
                await asyncio.sleep(_LOOK_S)
        finally:
            self._memory.write(self._around.clock.now(), at_once=True)
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._addresses.end()

    def send(self, device: str, message: Outgoing) -> bool:
        """Ask who looks at a camera for its next picture: the only thing that can be asked of one without a brain."""
        child = self._child_of(device)
        if child is None or not isinstance(message, Packet):
            return False
        child.tell(Show(device, message.request_id))
        return True

    def _child_of(self, device: str) -> Child | None:
        return next((child for group, child in self._children.items() if device in group), None)

    def described(self) -> dict[str, Any]:
        """How the children and their cameras are, for the status."""
        return described(self._running, self.figures, self._deaths)

    # ---- who has which cameras

    def _settle(self) -> list[str]:
        """Children as the device list and the settings want them. A camera that changed is to be looked at anew, within
        its child; one that went takes the child with it, and the others get another."""
        wanted, before = self._orders(), self._wanted
        gone, self._wanted = before.keys() - wanted.keys(), wanted
        for group in [group for group in self._running if gone.intersection(group)]:
            self._running.pop(group).cancel()
            self._forget(group)
        kept = {device for group in self._running for device in group}
        for group in shared_out(sorted(wanted.keys() - kept), self._around.config.vision.cameras_per_child):
            self._start(group)
        return [device for device in wanted.keys() & before.keys() if wanted[device] != before[device]]

    async def _look_anew(self, devices: Sequence[str]) -> None:
        """What was told to have begun by other settings is over: nobody follows it by these."""
        for device in devices:
            log.info("vision_anew", device=device)
            await self._cut_short([device])
            if (child := self._child_of(device)) is not None:
                child.tell(Anew(self._wanted[device]))

    def _orders(self) -> dict[str, Ordered]:
        """Cameras whose stream is known; that of others is asked for meanwhile."""
        listed, settings = self._around.devices.with_address(KIND), self._around.config.vision
        self._addresses.keep(listed)
        found = ((device, self._addresses.of(device, at, settings.of(device))) for device, at in listed.items())
        return {device: self._ordered(device, address) for device, address in found if address is not None}

    def _ordered(self, device: str, address: str) -> Ordered:
        secret = self._secret(device)
        config, wished = self._around.config, self._around.scenes().cameras.get(device)
        settings = camera_of(config.vision, device, wished, config.timezone)
        return Ordered(device, address, settings, secret.user, secret.secret)

    def _secret(self, device: str) -> DeviceSecret:
        try:
            found = self._secrets.of(device)
            self._unreadable.discard(device)
        except (OSError, msgspec.MsgspecError) as error:
            if device not in self._unreadable:
                log.error("device_secret_not_read", device=device, error=type(error).__name__)
            self._unreadable.add(device)
            found = None
        return found or DeviceSecret("")

    def _start(self, group: Group) -> None:
        log.info("vision_child", cameras=list(group))
        self._running[group] = asyncio.create_task(self._keep(group), name=f"vision {group[0]}")

    def _forget(self, group: Group) -> None:
        self._deaths.pop(group, None)
        self.figures.pop(group, None)

    async def _end_what_nobody_watches(self) -> None:
        """A camera taken from the list has no child that could say that what it told is over."""
        listed = self._around.devices.with_address(KIND)  # some of them wait for the camera's word where its stream is
        await self._cut_short([device for device in self._memory.devices if device not in listed])

    async def _cut_short(self, devices: Sequence[str]) -> None:
        for told in self._memory.cut_short(devices, self._around.clock.now()):
            await self._pass_on(told)

    # ---- one group

    async def _keep(self, group: Group) -> None:
        """A child for these cameras, begun again after growing pauses; until the group is halved, or cancelled."""
        while True:
            began_s = time.monotonic()
            cause = await self._once(group)
            steady = time.monotonic() - began_s >= _STEADY_S
            deaths = self._deaths[group] = 1 if steady else self._deaths.get(group, 0) + 1
            wait_s = self._around.retry_s(deaths)
            log.error("vision_child_died", cameras=list(group), cause=cause, deaths=deaths, again_in_s=round(wait_s, 1))
            self.figures.pop(group, None)
            self._say_away(group, deaths)
            await asyncio.sleep(wait_s)
            if (halves := after_death(group, deaths)) != [group]:
                self._halve(group, halves)
                return

    async def _once(self, group: Group) -> str:
        """A child's whole life; what ended it. What one before it told to have begun is over: nobody follows it now."""
        await self._cut_short(group)
        orders = Orders(
            tuple(self._wanted[device] for device in group),
            self._around.config.timezone,
            self._around.config.vision.memory_mb,
            self._ahead_s(),
            *self._looks(group),
            self._memory.views(group, self._around.clock.now()),
        )
        child = self._children[group] = Child(orders, lambda word: self._hear(group, word), self._ahead_s)
        try:
            await child.run()
        except ChildDied as death:
            return str(death)
        except (OSError, ValueError) as error:
            return repr(error)
        finally:
            if self._children.get(group) is child:
                del self._children[group]
        return ""

    def _looks(self, group: Group) -> tuple[float, float]:
        """Its cameras' part of what all together may spend: looks a second, and cores."""
        settings, part = self._around.config.vision, len(group) / max(1, len(self._wanted))
        return settings.looks_per_s * part, settings.looks_cores * part

    def _halve(self, group: Group, halves: list[Group]) -> None:
        del self._running[group]
        self._forget(group)
        for half in halves:
            self._start(half)

    def _say_away(self, group: Group, deaths: int) -> None:
        if deaths < _AWAY_AFTER and len(group) > 1:
            return
        for device in group:
            self._around.intake.offer(line_message(device, "offline", "who looks at it died"), lambda: None)

    def _ahead_s(self) -> float:
        return self._around.clock.now().timestamp() - time.time()

    # ---- what is said

    async def _hear(self, group: Group, word: Up) -> None:
        match word:
            case Told():
                await self._offer(group, word)
            case Mistake():
                log.error("vision_mistake", device=word.device, text=word.text)
            case Figures():
                self.figures[group] = word
            case Learnt() if word.device in group:
                self._memory.learn(word.device, word.body, self._around.clock.now())
            case Learnt():
                log.error("vision_foreign", cameras=list(group), device=word.device)

    async def _offer(self, group: Group, told: Told) -> None:
        """Into the intake, once it has room; a child speaks for its own cameras and for nobody else's."""
        if told.device not in group:
            log.error("vision_foreign", cameras=list(group), device=told.device)
            return
        self._memory.hear(told)
        await self._pass_on(told)

    async def _pass_on(self, told: Told) -> None:
        await self._room.acquire()
        clock = self._around.clock
        message = Message(
            FAMILY,
            encode(told),
            received_at=clock.now(),
            gateway_clock=clock.state,
            sender=told.device.partition(":")[2],
        )
        self._around.intake.offer(message, self._room.release)
