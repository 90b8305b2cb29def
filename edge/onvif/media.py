"""A camera's two media services: the second where it is offered, for H.265; the first for what that one refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from edge.devices._fields import items
from edge.onvif.faults import HalfAnswer, NotOffered, Refused
from edge.onvif.profiles import Profile
from edge.onvif.telling import pixels, text

MEDIA, MEDIA2 = "media", "media2"
_MOST_PROFILES = 64
_RTSP = {"Stream": "RTP-Unicast", "Transport": {"Protocol": "RTSP"}}
_PARTS = ("VideoSource", "VideoEncoder", "PTZ")  # the second service tells of a profile only what it is asked for
T = TypeVar("T")
Ask = Callable[[str, str, Mapping[str, Any]], Awaitable[Any]]


class Media:
    """``ask`` puts one question to one service; ``offers`` says which there are."""

    def __init__(self, ask: Ask, offers: Callable[[str], bool]) -> None:
        self._ask, self._offers = ask, offers
        self._profiles: list[Profile] | None = None

    async def profiles(self) -> list[Profile]:
        """Asked once. Raises OnvifFault."""
        if self._profiles is None:
            self._profiles = await self._from_either(self._second, self._first)
        return self._profiles

    async def stream(self, token: str) -> str:
        """Raises OnvifFault."""
        return await self._uri(
            "GetStreamUri",
            {"Protocol": "RTSP", "ProfileToken": token},
            {"StreamSetup": _RTSP, "ProfileToken": token},
        )

    async def snapshot(self, token: str) -> str:
        """Raises OnvifFault."""
        return await self._uri("GetSnapshotUri", {"ProfileToken": token}, {"ProfileToken": token})

    async def _from_either(self, second: Callable[[], Awaitable[T]], first: Callable[[], Awaitable[T]]) -> T:
        """What the second service answers, else the first; where neither does, what the second said."""
        if not self._offers(MEDIA2):
            return await first()
        try:
            return await second()
        except (Refused, HalfAnswer, NotOffered) as fault:
            if not self._offers(MEDIA):
                raise
            try:
                return await first()
            except (Refused, HalfAnswer) as other:
                raise fault from other

    async def _first(self) -> list[Profile]:
        said = items(await self._ask(MEDIA, "GetProfiles", {}))[:_MOST_PROFILES]
        return [found for one in said if (found := _profile(one, one, "Configuration")) is not None]

    async def _second(self) -> list[Profile]:
        said = items(await self._ask(MEDIA2, "GetProfiles", {"Type": list(_PARTS)}))[:_MOST_PROFILES]
        found = [_profile(one, getattr(one, "Configurations", None), "") for one in said]
        told = [one for one in found if one is not None]
        if not any(one.width for one in told):
            raise HalfAnswer("none of its profiles in Media 2 has a size")
        return told

    async def _uri(self, operation: str, second: Mapping[str, Any], first: Mapping[str, Any]) -> str:
        async def by(service: str, params: Mapping[str, Any]) -> str:
            answer = await self._ask(service, operation, params)
            return _said(answer if isinstance(answer, str) else getattr(answer, "Uri", None))

        return await self._from_either(lambda: by(MEDIA2, second), lambda: by(MEDIA, first))


def _profile(said: Any, parts: Any, ending: str) -> Profile | None:
    token = text(getattr(said, "token", None))
    if not token:
        return None
    source, encoder, ptz = (getattr(parts, f"{name}{ending}", None) for name in _PARTS)
    size = getattr(encoder, "Resolution", None)
    return Profile(
        token,
        text(getattr(said, "Name", None)),
        text(getattr(source, "SourceToken", None)),
        text(getattr(encoder, "Encoding", None)),
        pixels(getattr(size, "Width", None)),
        pixels(getattr(size, "Height", None)),
        ptz is not None,
    )


def _said(uri: object) -> str:
    """Raises HalfAnswer."""
    if not isinstance(uri, str) or not uri.strip():
        raise HalfAnswer("its answer has no Uri")
    return uri.strip()
