"""Where the streams of cameras are: as the device list says, or as the camera itself says over ONVIF."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

import structlog

from edge.device_secrets import DeviceSecret
from edge.devices.driver import line_message
from edge.onvif.address import BadAddress, Where, is_onvif, where_in
from edge.onvif.camera import reached
from edge.onvif.faults import OnvifFault, Unauthorised
from edge.onvif.profiles import MAIN, SUB, chosen
from edge.transports.links import Around
from edge.vision.settings import Camera as Settings

log = structlog.get_logger()

_AGAIN_S, _REFUSED_S, _LOOK_S = 600.0, 600.0, 1.0
Wanted = tuple[str, str]  # an address of the device list, and the stream that is wanted of it
Secret = Callable[[str], DeviceSecret]


def stream_wanted(settings: Settings) -> str:
    """The main stream where plates are read, else the one for watching."""
    return MAIN if "plates" in settings.lookers else SUB


async def found_at(where: Where, secret: DeviceSecret, usual: str) -> str:
    """The address of a camera's stream, by its own word. Raises OnvifFault, ImportError."""
    async with reached(where, secret if secret.user or secret.secret else None) as camera:
        profile = chosen(await camera.profiles(), where.stream or usual)
        return await camera.stream_address(profile)


class Addresses:
    """Asks each camera in the background, and now and then again: what it said last counts meanwhile."""

    def __init__(self, around: Around, secret: Secret) -> None:
        self._around, self._secret = around, secret
        self._found: dict[str, tuple[Wanted, str]] = {}
        self._asking: dict[str, tuple[Wanted, asyncio.Task[None]]] = {}
        self._said: dict[str, str] = {}

    def of(self, device: str, written: str, settings: Settings) -> str | None:
        """None while a camera has not said it yet."""
        if not is_onvif(written):
            return written
        wanted = (written, stream_wanted(settings))
        if self._asking.get(device, (None,))[0] != wanted:
            self._stop(device)
            task = asyncio.create_task(self._ask(device, wanted), name=f"stream of {device}")
            self._asking[device] = (wanted, task)
        before, address = self._found.get(device, (None, ""))
        return address if before == wanted else None

    def keep(self, devices: Iterable[str]) -> None:
        """Those that are listed no more are asked no more."""
        for device in self._asking.keys() - set(devices):
            self._stop(device)

    async def end(self) -> None:
        tasks = [task for _, task in self._asking.values()]
        for device in list(self._asking):
            self._stop(device)
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stop(self, device: str) -> None:
        if asking := self._asking.pop(device, None):
            asking[1].cancel()
        self._found.pop(device, None)
        self._said.pop(device, None)

    async def _ask(self, device: str, wanted: Wanted) -> None:
        failures = 0
        while True:
            secret = self._secret(device)
            try:
                self._found[device] = (wanted, await found_at(where_in(wanted[0]), secret, wanted[1]))
            except Unauthorised as error:
                self._say(device, "unauthorised", str(error))
                await self._wait_for_another(device, secret)
            except (OnvifFault, BadAddress, ImportError) as error:
                failures += 1
                self._say(device, "bad_address" if isinstance(error, BadAddress) else "unreachable", str(error))
                await asyncio.sleep(self._around.retry_s(failures))
            else:
                failures = 0
                self._said.pop(device, None)
                await asyncio.sleep(_AGAIN_S)

    async def _wait_for_another(self, device: str, secret: DeviceSecret) -> None:
        """Another password, or for long: a camera locks out who tries on."""
        for _ in range(int(_REFUSED_S / _LOOK_S)):
            if self._secret(device) != secret:
                return
            await asyncio.sleep(_LOOK_S)

    def _say(self, device: str, reason: str, error: str) -> None:
        """Once, and only of a camera that nobody looks at by what it said before."""
        if self._said.get(device) == error:
            return
        self._said[device] = error
        log.warning("stream_not_found", device=device, reason=reason, error=error)
        if device not in self._found:
            self._around.intake.offer(line_message(device, "offline", reason), lambda: None)
