"""One camera, reached: asked for what it has and told where to look. Every wait is bounded, every fault a named one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec

from edge.device_secrets import DeviceSecret
from edge.devices._fields import items
from edge.onvif.address import Where
from edge.onvif.asking import asked
from edge.onvif.faults import HalfAnswer, NotOffered
from edge.onvif.profiles import Profile, stream_at

if TYPE_CHECKING:
    from edge.onvif.library import LibraryCamera

NEEDED = "pip install 'gatehouse[edge,onvif]'"
EVENTS, MEDIA, PTZ = "events", "media", "ptz"
_SPACES = {
    EVENTS: "http://www.onvif.org/ver10/events/wsdl",
    MEDIA: "http://www.onvif.org/ver10/media/wsdl",
    PTZ: "http://www.onvif.org/ver20/ptz/wsdl",
}
_CLOSE_S = 2.0
_locks: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()
_MOST_PROFILES, _MOST_PRESETS, _TEXT = 64, 512, 80
_RTSP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}


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
        self._profiles: list[Profile] | None = None

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
        return About(*(_text(getattr(said, name, None)) for name in names))

    async def is_there(self) -> None:
        """Raises OnvifFault."""
        await self._ask("devicemgmt", "GetSystemDateAndTime")

    async def profiles(self) -> list[Profile]:
        """Asked once. Raises OnvifFault."""
        if self._profiles is None:
            said = await self._ask(MEDIA, "GetProfiles")
            self._profiles = [found for one in items(said)[:_MOST_PROFILES] if (found := _profile(one)) is not None]
        return self._profiles

    async def stream_address(self, profile: Profile) -> str:
        """Raises OnvifFault."""
        said = await self._ask(MEDIA, "GetStreamUri", {"StreamSetup": _RTSP, "ProfileToken": profile.token})
        return stream_at(_said(said, "Uri"), self.library.where.host)

    async def snapshot_address(self, profile: Profile) -> str:
        """At the host that is listed. Raises OnvifFault."""
        said = await self._ask(MEDIA, "GetSnapshotUri", {"ProfileToken": profile.token})
        found = self.library.rewrite_url(_said(said, "Uri"))
        assert found is not None
        return found

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
        found = [Preset(_text(getattr(one, "token", None)), _text(getattr(one, "Name", None))) for one in listed]
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

    async def _ask(self, service: str, operation: str, params: dict[str, Any] | None = None) -> Any:
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


def _profile(said: Any) -> Profile | None:
    token = _text(getattr(said, "token", None))
    if not token:
        return None
    encoder = getattr(said, "VideoEncoderConfiguration", None)
    size = getattr(encoder, "Resolution", None)
    return Profile(
        token,
        _text(getattr(said, "Name", None)),
        _text(getattr(getattr(said, "VideoSourceConfiguration", None), "SourceToken", None)),
        _text(getattr(encoder, "Encoding", None)),
        _pixels(getattr(size, "Width", None)),
        _pixels(getattr(size, "Height", None)),
        getattr(said, "PTZConfiguration", None) is not None,
    )


def _pixels(said: object) -> int:
    return said if isinstance(said, int) and 0 < said <= 65_536 else 0


def _text(said: object) -> str:
    """A word of the camera's, fit to be shown."""
    text = str(said) if isinstance(said, str | int) else ""
    return "".join(sign if sign.isprintable() else " " for sign in text[:_TEXT]).strip()


def _said(answer: Any, name: str) -> str:
    """Raises HalfAnswer."""
    found = getattr(answer, name, None)
    if not isinstance(found, str) or not found.strip():
        raise HalfAnswer(f"its answer has no {name}")
    return found.strip()
