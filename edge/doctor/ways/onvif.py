"""Cameras over ONVIF: who it is, its clock and streams, whether it tells events, shows a picture, knows its presets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from domain.desired_bodies import Device
from edge.device_secrets import DeviceSecret
from edge.doctor.box import Box
from edge.doctor.verdict import Verdict
from edge.onvif.address import BadAddress, Where, where_in
from edge.onvif.camera import EVENTS, NEEDED, Camera, preset_in, reached
from edge.onvif.camera import prepare as load
from edge.onvif.faults import NotOffered, OnvifFault, Unauthorised
from edge.onvif.profiles import MAIN, SUB, chosen
from edge.onvif.pulling import subscribed
from edge.onvif.snapshot import snapshot

_ENTER = "gatehouse-edge device-secret {device} --user NAME"


async def prepare() -> None:
    """What is missing is said by the test of each camera."""
    with suppress(ImportError):
        await load()


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    """One login; a camera locks whoever shows it a wrong password too often."""
    try:
        where, secret = where_in(device.address), box.secrets.of(device.id)
    except BadAddress as error:
        verdict.wrong(f"its address cannot be used: {error}", "write onvif:// and its host, and the port where not 80")
        return
    except (OSError, msgspec.DecodeError) as error:
        step = f"enter it again: gatehouse-edge device-secret {device.id}"
        verdict.wrong(f"its password cannot be read: {type(error).__name__}", step)
        return
    await _Examination(device, where, secret, verdict, box).run()


class _Examination:
    """One camera; what it cannot do is said, and the rest is asked all the same."""

    def __init__(self, device: Device, where: Where, secret: DeviceSecret | None, verdict: Verdict, box: Box) -> None:
        self._device, self._where, self._secret = device, where, secret
        self._says, self._box = verdict, box
        self._settings = box.config.onvif

    async def run(self) -> None:
        began_s = time.monotonic()
        try:
            async with reached(self._where, self._secret) as camera:
                self._says.well(f"{self._where.shown} answers in {(time.monotonic() - began_s) * 1000:.0f} ms")
                self._judge_clock(camera)
                await self._look(camera)
        except ImportError as error:
            self._says.wrong(f"this box does not speak ONVIF: {error}", NEEDED)
        except Unauthorised as error:
            self._refused(error)
        except OnvifFault as error:
            step = "look at its power and network; is ONVIF on, on its own page, and this its address?"
            self._says.look(f"{self._where.shown} does not answer as it should: {error}", step)

    def _judge_clock(self, camera: Camera) -> None:
        if camera.off is None:
            self._says.well("it does not tell its time: taken to be ours")
            return
        now = self._box.now()
        self._says.judge_clock(now + camera.off, now, self._box.config.site.zone)

    async def _look(self, camera: Camera) -> None:
        for look in (self._who, self._streams, self._events, self._picture, self._presets):
            await self._step(look, camera)

    async def _step(self, look: Callable[[Camera], Awaitable[None]], camera: Camera) -> None:
        try:
            await look(camera)
        except Unauthorised:
            raise
        except OnvifFault as error:
            self._says.look(str(error), "look at the rights of our user, and at what is switched on, on its own page")

    def _refused(self, error: Unauthorised) -> None:
        entered = _ENTER.format(device=self._device.id)
        if self._secret is None:
            self._says.wrong(f"{self._where.shown} wants a password, and none was entered", entered)
            return
        step = f"enter the right one, of a user that ONVIF knows: {entered}; many cameras have users of ONVIF's own"
        self._says.wrong(f"{self._where.shown} refuses the password ({error})", step)

    async def _who(self, camera: Camera) -> None:
        about = await camera.about()
        self._says.well(" ".join(word for word in (about.maker, about.model, about.firmware) if word) or "nameless")

    async def _streams(self, camera: Camera) -> None:
        profiles = await camera.profiles()
        main, sub = chosen(profiles, MAIN), chosen(profiles, SUB)
        await camera.stream_address(sub)
        self._says.well(f"{len(profiles)} profiles: main {main.shown}, for watching {sub.shown}")
        if self._where.stream not in ("", MAIN, SUB):
            chosen(profiles, self._where.stream)
        if main == sub:
            step = "make a second profile of 640 × 360 on its own page, for watching"
            self._says.look(f"it has one stream alone, {main.shown}", step)

    async def _events(self, camera: Camera) -> None:
        if not self._settings.wants_events(self._device.id):
            self._says.well(f"events {'are there' if camera.offers(EVENTS) else 'are not there'}, and not wanted")
            return
        async with subscribed(camera) as point:
            await point.pull(0.1)
        self._says.well("it tells events")

    async def _picture(self, camera: Camera) -> None:
        jpeg = await snapshot(camera, self._secret)
        self._says.well(f"a picture of {len(jpeg) / 1024:.0f} kB")

    async def _presets(self, camera: Camera) -> None:
        told = self._settings.of(self._device.id)
        wanted = {preset for preset in (told.home, *(one.preset for one in told.reactions)) if preset}
        if not wanted:
            return
        there = await camera.presets()
        for preset in sorted(wanted):
            try:
                self._says.well(f"preset {preset_in(there, preset).shown}")
            except NotOffered as error:
                self._says.wrong(str(error), f"mend it in [onvif.cameras.{self._device.id!r}] of edge.toml")
