"""Cameras whose pixels this box looks at: child processes that may die, and what they say on its way to the intake."""

from __future__ import annotations

import asyncio
import time
from importlib.util import find_spec

import msgspec
import structlog

from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices._camera_words import Told
from edge.devices.driver import Message, Outgoing, line_message
from edge.transports.links import Around
from edge.transports.vision_child import Child, ChildDied
from edge.transports.vision_groups import Group, after_death, shared_out
from edge.vision.libraries import how_to_get
from edge.vision.words import Figures, Mistake, Ordered, Orders, Up, encode

log = structlog.get_logger()

KIND = FAMILY = "camera"
_LOOK_S = 1.0
_MOST_UNACKNOWLEDGED = 32
_STEADY_S = 600.0  # a child that lived so long begins with a clean sheet
_AWAY_AFTER = 2  # deaths in a row after which its cameras are said to be away
_NEEDED = ("av", "cv2", "numpy")


def make(around: Around) -> Vision:
    """Raises ImportError where the libraries for pictures are not installed."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise ImportError(f"{', '.join(missing)} not installed; {how_to_get()}")
    return Vision(around)


class Vision:
    """Children by the cameras they have."""

    def __init__(self, around: Around) -> None:
        self._around, self._secrets = around, DeviceSecrets(around.config.folder)
        self._wanted: dict[str, Ordered] = {}
        self._running: dict[Group, asyncio.Task[None]] = {}
        self._deaths: dict[Group, int] = {}
        self.figures: dict[Group, Figures] = {}
        self._room = asyncio.Semaphore(_MOST_UNACKNOWLEDGED)
        self._unreadable: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                self._settle()
                await asyncio.sleep(_LOOK_S)
        finally:
            tasks = list(self._running.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def send(self, device: str, message: Outgoing) -> bool:
        """A camera without a brain takes no commands."""
        return False

    # ---- who has which cameras

    def _settle(self) -> None:
        """Children as the device list and the settings want them; those whose cameras did not change go on."""
        wanted = self._orders()
        gone = {device for device in self._wanted if wanted.get(device) != self._wanted[device]}
        self._wanted = wanted
        for group in [group for group in self._running if gone.intersection(group)]:
            self._running.pop(group).cancel()
            self._forget(group)
        kept = {device for group in self._running for device in group}
        for group in shared_out(sorted(wanted.keys() - kept), self._around.config.vision.cameras_per_child):
            self._start(group)

    def _orders(self) -> dict[str, Ordered]:
        listed = self._around.devices.with_address(KIND)
        return {device: self._ordered(device, address) for device, address in listed.items()}

    def _ordered(self, device: str, address: str) -> Ordered:
        secret = self._secret(device)
        settings = self._around.config.vision.of(device)
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
            self._say_away(group, deaths)
            await asyncio.sleep(wait_s)
            if (halves := after_death(group, deaths)) != [group]:
                self._halve(group, halves)
                return

    async def _once(self, group: Group) -> str:
        """A child's whole life; what ended it."""
        orders = Orders(
            tuple(self._wanted[device] for device in group),
            self._around.config.timezone,
            self._around.config.vision.memory_mb,
            self._ahead_s(),
        )
        child = Child(orders, lambda word: self._hear(group, word), self._ahead_s)
        try:
            await child.run()
        except ChildDied as death:
            return str(death)
        except (OSError, ValueError) as error:
            return repr(error)
        return ""

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

    async def _offer(self, group: Group, told: Told) -> None:
        """Into the intake, once it has room; a child speaks for its own cameras and for nobody else's."""
        if told.device not in group:
            log.error("vision_foreign", cameras=list(group), device=told.device)
            return
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
