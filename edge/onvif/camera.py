"""One camera, reached: asked for what it has and told where to look. Every wait is bounded, every fault a named one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec

from edge.device_secrets import DeviceSecret
from edge.devices._fields import items
from edge.onvif.address import Where
from edge.onvif.asking import asked
from edge.onvif.faults import NotOffered
from edge.onvif.media import MEDIA, MEDIA2, Media
from edge.onvif.profiles import Profile, at_host, stream_at
from edge.onvif.telling import text

if TYPE_CHECKING:
    from edge.onvif.library import LibraryCamera

NEEDED = "pip install 'gatehouse[edge,onvif]'"
EVENTS, PTZ = "events", "ptz"
_SPACES = {
    EVENTS: "http://www.onvif.org/ver10/events/wsdl",
    MEDIA: "http://www.onvif.org/ver10/media/wsdl",
    MEDIA2: "http://www.onvif.org/ver20/media/wsdl",
    PTZ: "http://www.onvif.org/ver20/ptz/wsdl",
}
_CLOSE_S = 2.0
_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
_MOST_PRESETS = 512


class Preset(msgspec.Struct, frozen=True):
    """A place where a camera can look."""

    token: str
    name: str = ""

    @property
    def shown(self) -> str:
        return f"{self.token} ({self.name})" if self.name and self.name != self.token else self.token


class About(msgspec.Struct, frozen=True):
    """What a camera says of itself."""

    maker: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""


class Camera:
    """``off`` is how far its clock is from ours, None where it does not tell."""

    def __init__(self, library: LibraryCamera) -> None:
        self.library = library
        self._media = Media(self._ask, self.offers)

    @property
    def off(self) -> timedelta | None:
        return self.library.dt_diff if self.library.adjust_time else None

    def offers(self, service: str) -> bool:
        known: dict[str, str] = self.library.xaddrs
        return _SPACES[service] in known

    async def about(self) -> About:
        """Raises OnvifFault."""
        said = await self._ask("devicemgmt", "GetDeviceInformation")
        names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        return About(*(text(getattr(said, name, None)) for name in names))

    async def is_there(self) -> None:
        """Raises OnvifFault."""
        await self._ask("devicemgmt", "GetSystemDateAndTime")

    async def profiles(self) -> list[Profile]:
        """Asked once. Raises OnvifFault."""
        return await self._media.profiles()

    async def stream_address(self, profile: Profile) -> str:
        """Raises OnvifFault."""
        return stream_at(await self._media.stream(profile.token), self.library.where.host)

    async def snapshot_address(self, profile: Profile) -> str:
        """At the host that is listed. Raises OnvifFault."""
        return at_host(await self._media.snapshot(profile.token), self.library.where.host)

    async def turning_profile(self) -> Profile:
        """The one by which it is moved. Raises OnvifFault."""
        if not self.offers(PTZ):
            raise NotOffered("it cannot be moved: it has no PTZ service")
        found = next((one for one in await self.profiles() if one.turns), None)
        if found is None:
            raise NotOffered("it cannot be moved: none of its profiles has PTZ")
        return found

    async def presets(self) -> list[Preset]:
        """Raises OnvifFault."""
        profile = await self.turning_profile()
        said = await self._ask(PTZ, "GetPresets", {"ProfileToken": profile.token})
        listed = items(said)[:_MOST_PRESETS]
        found = [Preset(text(getattr(one, "token", None)), text(getattr(one, "Name", None))) for one in listed]
        return [one for one in found if one.token]

    async def go_to(self, preset: str) -> Preset:
        """To a preset, by its token or its name. Raises OnvifFault, NotOffered where it has none such."""
        profile, there = await self.turning_profile(), await self.presets()
        found = preset_in(there, preset)
        await self._ask(PTZ, "GotoPreset", {"ProfileToken": profile.token, "PresetToken": found.token})
        return found

    async def go_home(self) -> None:
        """To its own home position. Raises OnvifFault."""
        profile = await self.turning_profile()
        await self._ask(PTZ, "GotoHomePosition", {"ProfileToken": profile.token})

    async def _ask(self, service: str, operation: str, params: Mapping[str, Any] | None = None) -> Any:
        if service in _SPACES and not self.offers(service):
            raise NotOffered(f"it has no {service} service")
        speaker = await self.library.create_onvif_service(service)
        return await asked(operation, getattr(speaker, operation)(params))


def preset_in(there: list[Preset], wanted: str) -> Preset:
    """By token before by name. Raises NotOffered."""
    found = next((one for one in there if one.token == wanted), None)
    found = found or next((one for one in there if one.name == wanted), None)
    if found is None:
        named = ", ".join(one.shown for one in there[:16])
        raise NotOffered(f"it has no preset {wanted!r:.80}; it has {named[:600] or 'none'}")
    return found


@asynccontextmanager
async def reached(where: Where, secret: DeviceSecret | None) -> AsyncGenerator[Camera]:
    """A camera whose clock was read and whose services are known. Raises OnvifFault, ImportError."""
    known = await prepare()
    library = known(where, secret.user if secret else "", secret.secret if secret else "")
    try:
        await asked("GetServices", library.update_xaddrs())
        yield Camera(library)
    finally:
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(_CLOSE_S):
                await library.close()


async def prepare() -> type[LibraryCamera]:
    """The library, loaded, and its descriptions of the services read: some seconds of a slow box, once, and beside its
    other work. Raises ImportError."""
    lock = _locks.setdefault(asyncio.get_running_loop(), asyncio.Lock())
    async with lock:  # many cameras begin at one time
        known = await asyncio.to_thread(_library)
        await known.describe()
    return known


def _library() -> type[LibraryCamera]:
    try:
        from edge.onvif.library import LibraryCamera
    except ImportError as error:
        raise ImportError(f"ONVIF needs {error.name or 'onvif'}, which is not installed; {NEEDED}") from error
    return LibraryCamera
