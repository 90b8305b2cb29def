"""The second media service: profiles with what was asked for of them, H.265 too; where streams and a picture are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulators.onvif.media import Shown, of, picture_uri, stream_uri
from simulators.onvif.soap import Asked, texts_in

if TYPE_CHECKING:
    from simulators.onvif.camera import Camera

_MULTICAST = (
    "<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address>"
    "<tt:Port>0</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>"
)


def profiles(camera: Camera, asked: Asked) -> str:
    """A profile without ``Type`` is its name alone."""
    wanted = set(texts_in(asked.element, "Type"))
    told = "".join(_profile(profile, wanted) for profile in camera.profiles)
    return f"<tr2:GetProfilesResponse>{told}</tr2:GetProfilesResponse>"


def stream(camera: Camera, asked: Asked) -> str:
    return _uri("GetStreamUri", stream_uri(camera, of(camera.profiles, asked)))


def snapshot(camera: Camera, asked: Asked) -> str:
    of(camera.profiles, asked)
    return _uri("GetSnapshotUri", picture_uri(camera))


def _uri(operation: str, uri: str) -> str:
    return f"<tr2:{operation}Response><tr2:Uri>{uri}</tr2:Uri></tr2:{operation}Response>"


def _profile(shown: Shown, wanted: set[str]) -> str:
    parts = {"VideoSource": _source(shown), "VideoEncoder": _encoder(shown), "PTZ": _ptz() if shown.turns else ""}
    told = "".join(part for name, part in parts.items() if wanted & {name, "All"})
    within = f"<tr2:Configurations>{told}</tr2:Configurations>" if wanted else ""
    return f'<tr2:Profiles token="{shown.token}" fixed="true"><tr2:Name>{shown.token}</tr2:Name>{within}</tr2:Profiles>'


def _source(shown: Shown) -> str:
    return (
        '<tr2:VideoSource token="VideoSourceToken"><tt:Name>source</tt:Name><tt:UseCount>3</tt:UseCount>'
        f"<tt:SourceToken>{shown.source}</tt:SourceToken>"
        '<tt:Bounds x="0" y="0" width="2560" height="1440"/></tr2:VideoSource>'
    )


def _encoder(shown: Shown) -> str:
    return (
        f'<tr2:VideoEncoder token="Encoder_{shown.token}" GovLength="50" Profile="Main"><tt:Name>encoder</tt:Name>'
        f"<tt:UseCount>1</tt:UseCount><tt:Encoding>{shown.encoding}</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{shown.width}</tt:Width><tt:Height>{shown.height}</tt:Height></tt:Resolution>"
        f"{_MULTICAST}<tt:Quality>3</tt:Quality></tr2:VideoEncoder>"
    )


def _ptz() -> str:
    return (
        '<tr2:PTZ token="PTZToken"><tt:Name>PTZ</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:NodeToken>PTZNODE</tt:NodeToken></tr2:PTZ>"
    )
