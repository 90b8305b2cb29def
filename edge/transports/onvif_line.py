"""The line to one camera over ONVIF: its events, lost and found again, and what it is to do when something happens."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal

import msgspec
import structlog

from domain.events import Event
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices._onvif_pulled import Taken, taken
from edge.devices.driver import Message, line_message
from edge.onvif.address import Where
from edge.onvif.camera import Camera, preset_in, reached
from edge.onvif.faults import HalfAnswer, NotOffered, OnvifFault, Unauthorised, Unreachable
from edge.onvif.pulling import PullPoint, subscribed
from edge.onvif.settings import Camera as Settings
from edge.onvif.snapshot import snapshot
from edge.onvif.turning import Deed, Turning
from edge.transports.links import Around

log = structlog.get_logger()

_FIRST_S, _PULL_S, _IDLE_S = 1.0, 20.0, 30.0
_REFUSED_S = 600.0  # cameras lock out who shows a wrong password too often
_LOOK_S, _FULL_S, _STANDS_S = 1.0, 0.05, 3.0
_MOST_DEEDS = 16
_FAMILIES = {"onvif": "onvif", "camera": "camera-onvif"}


class OnvifLine:
    """``run`` ends only when cancelled: what goes wrong with one camera is said, and tried again."""

    def __init__(self, around: Around, device: str, where: Where, settings: Settings, *, listens: bool) -> None:
        self._around, self.device, self._where, self._settings = around, device, where, settings
        self._listens, self._secrets = listens, DeviceSecrets(around.config.folder)
        kind, _, self._identity = device.partition(":")
        self._family, self._is_own = _FAMILIES[kind], kind == "onvif"
        self._state: Literal["", "online", "offline"] = ""
        self._failures = 0
        self._camera: Camera | None = None
        self._turning = Turning(device, settings)
        self._deeds: deque[Deed] = deque(maxlen=_MOST_DEEDS)
        self._some = asyncio.Event()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep())
            if self._settings.reactions:
                tasks.create_task(self._react())

    # ---- what it says

    async def _keep(self) -> None:
        while True:
            secret, was_up = self._secret(), False
            try:
                async with reached(self._where, secret) as self._camera:
                    was_up = True
                    await self._stay(self._camera)
            except Unauthorised as error:
                await self._refused(error, secret, was_up=was_up)
                continue
            except (OnvifFault, ImportError) as error:
                self._lost(str(error))
            finally:
                self._camera = None
            self._failures += 1
            await asyncio.sleep(self._around.retry_s(self._failures))

    async def _stay(self, camera: Camera) -> None:
        """Until it is lost. Raises OnvifFault."""
        if self._settings.reactions:
            await self._judge_presets(camera)
        if self._listens:
            await self._listen(camera)
        while True:
            await camera.is_there()
            self._found()
            await asyncio.sleep(_IDLE_S)

    async def _listen(self, camera: Camera) -> None:
        async with subscribed(camera) as point:
            wait_s = _FIRST_S  # it is there once it answered, and not before
            while True:
                for notice in await self._pulled(point, wait_s):
                    self._offer(notice)
                self._found()
                wait_s = _PULL_S
                while self._around.intake.full:  # noqa: ASYNC110 - whom it tells of room is the broker's line
                    await asyncio.sleep(_FULL_S)

    async def _pulled(self, point: PullPoint, wait_s: float) -> list[bytes]:
        """Raises OnvifFault; what is no answer is parked with its bytes."""
        try:
            heard = await point.pull(wait_s)
            if left_out := point.left_out():
                log.error("onvif_notices_left_out", device=self.device, count=left_out)
            return heard
        except HalfAnswer as error:
            if error.body:
                self._offer(error.body)
            raise

    async def _refused(self, error: Unauthorised, secret: DeviceSecret | None, *, was_up: bool) -> None:
        """One that let us in a moment ago set its clock, or has another password now: once it is tried at once."""
        self._failures += 1
        if was_up and self._failures == 1:
            await asyncio.sleep(self._around.retry_s(1))
            return
        self._lost("it wants a password" if secret is None else str(error), wait_s=_REFUSED_S)
        for _ in range(int(_REFUSED_S / _LOOK_S)):
            if self._secret() != secret:
                return
            await asyncio.sleep(_LOOK_S)

    def _secret(self) -> DeviceSecret | None:
        try:
            return self._secrets.of(self.device)
        except (OSError, msgspec.DecodeError) as error:
            log.error("device_secret_unreadable", device=self.device, error=type(error).__name__)
            return None

    def _found(self) -> None:
        self._failures = 0
        if self._state != "online":
            log.info("device_line", device=self.device, state="online")
            self._say("online")

    def _lost(self, reason: str, wait_s: float = 0.0) -> None:
        if self._state != "offline":
            log.warning("device_line", device=self.device, state="offline", error=reason, again_in_s=wait_s or None)
            self._say("offline", reason)

    def _say(self, state: Literal["online", "offline"], reason: str = "") -> None:
        """Whether a camera: is there, says who looks at it."""
        self._state = state
        if self._is_own:
            self._around.intake.offer(line_message(self.device, state, reason), lambda: None)

    def _offer(self, payload: bytes) -> None:
        clock = self._around.clock
        message = Message(
            self._family,
            payload,
            f"onvif/{self._identity}",
            received_at=clock.now(),
            gateway_clock=clock.state,
            sender=self._identity,
        )
        self._around.intake.offer(message, lambda: None)

    # ---- what it does

    def heard(self, event: Event) -> None:
        """Something happened somewhere; nothing waits for the camera."""
        if (deed := self._turning.seen(event, self._now_s())) is not None:
            self._deeds.append(deed)
            self._some.set()

    async def _react(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._some.wait()
            except TimeoutError:
                pass
            self._some.clear()
            if (back := self._turning.due(self._now_s())) is not None:
                self._deeds.append(back)
            while self._deeds:
                await self._do(self._deeds.popleft())

    async def _do(self, deed: Deed) -> None:
        """Each is on record, done or not, with why."""
        if deed.turns:
            await self._turn(deed)
        if deed.takes:
            await asyncio.sleep(_STANDS_S if deed.turns else 0.0)
            await self._take(deed)

    async def _turn(self, deed: Deed) -> None:
        try:
            camera = self._reached()
            if deed.is_back and not deed.preset:
                await camera.go_home()
                shown = "home"
            else:
                shown = (await camera.go_to(deed.preset)).shown
        except OnvifFault as error:
            self._turning.failed(deed, self._now_s())
            if not deed.again:
                self._record("camera.preset", deed, f"{deed.preset or 'home'}: {error}", ok=False)
            return
        self._record("camera.preset", deed, shown, ok=True)

    async def _take(self, deed: Deed) -> None:
        try:
            jpeg = await snapshot(self._reached(), self._secret())
        except OnvifFault as error:
            self._record("camera.snapshot", deed, str(error), ok=False)
            return
        self._offer(taken(Taken(at=self._around.clock.now(), trigger=deed.trigger), jpeg))

    def _reached(self) -> Camera:
        """Raises Unreachable."""
        if self._camera is None:
            raise Unreachable("the camera is not reached just now")
        return self._camera

    def _record(self, label: str, deed: Deed, text: str, *, ok: bool) -> None:
        log.info("camera_deed", device=self.device, label=label, ok=ok, text=text, trigger=deed.trigger)
        now = self._around.clock.now()
        word = "confirmed" if ok else "refused"
        event = Event(kind="command_result", device=self.device, time=now, label=label, ok=ok, state=word)
        self._around.say(msgspec.structs.replace(event, text=text[:1_000], trigger=deed.trigger))

    async def _judge_presets(self, camera: Camera) -> None:
        """A preset that is not there is said at once, not when it is needed."""
        wanted = {one.preset for one in self._settings.reactions if one.preset} | {self._settings.home}
        try:
            there = await camera.presets() if wanted - {""} else []
            for preset in sorted(wanted - {""}):
                preset_in(there, preset)
        except NotOffered as error:
            log.error("camera_preset_unknown", device=self.device, error=str(error))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()
