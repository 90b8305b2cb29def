"""The media service: profiles, where their streams are, where a still picture is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from simulators.onvif.soap import Asked, SoapFault

if TYPE_CHECKING:
    from simulators.onvif.camera import Camera


H265 = "H265"


class Shown(msgspec.Struct, frozen=True):
    """A profile of the camera."""

    token: str
    width: int
    height: int
    path: str
    source: str = "VideoSource_1"
    encoding: str = "H264"
    turns: bool = True


PROFILES = (
    Shown("MainStream", 2560, 1440, "/Streaming/Channels/101"),
    Shown("SubStream", 640, 360, "/Streaming/Channels/102"),
    Shown("Small", 352, 288, "/Streaming/Channels/103", encoding="JPEG"),
)


def profiles(camera: Camera, _asked: Asked) -> str:
    return f"<trt:GetProfilesResponse>{''.join(map(_profile, _known(camera)))}</trt:GetProfilesResponse>"


def stream(camera: Camera, asked: Asked) -> str:
    return _uri("GetStreamUri", stream_uri(camera, of(_known(camera), asked)))


def snapshot(camera: Camera, asked: Asked) -> str:
    of(_known(camera), asked)
    return _uri("GetSnapshotUri", picture_uri(camera))


def _known(camera: Camera) -> list[Shown]:
    """This service has no word for H.265: profiles of it are in the second one alone."""
    return [profile for profile in camera.profiles if profile.encoding != H265]


def stream_uri(camera: Camera, shown: Shown) -> str:
    return f"rtsp://{camera.said_host}:{camera.rtsp_port}{shown.path}"


def picture_uri(camera: Camera) -> str:
    return f"http://{camera.said_host}:{camera.port}/onvif/snapshot.jpg?user=x&amp;channel=1"


def of(known: Sequence[Shown], asked: Asked) -> Shown:
    """The profile that is asked for. Raises SoapFault."""
    token = asked.text("ProfileToken")
    found = next((profile for profile in known if profile.token == token), None)
    if found is None:
        raise SoapFault("ter:NoProfile", f"no profile {token}")
    return found


def _uri(operation: str, uri: str) -> str:
    return (
        f"<trt:{operation}Response><trt:MediaUri><tt:Uri>{uri}</tt:Uri>"
        "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
        f"<tt:Timeout>PT60S</tt:Timeout></trt:MediaUri></trt:{operation}Response>"
    )


def _profile(shown: Shown) -> str:
    turns = (
        '<tt:PTZConfiguration token="PTZToken"><tt:Name>PTZ</tt:Name><tt:UseCount>1</tt:UseCount>'
        "<tt:NodeToken>PTZNODE</tt:NodeToken></tt:PTZConfiguration>"
    )
    return (
        f'<trt:Profiles token="{shown.token}" fixed="true"><tt:Name>{shown.token}</tt:Name>'
        f'<tt:VideoSourceConfiguration token="VideoSourceToken"><tt:Name>source</tt:Name><tt:UseCount>3</tt:UseCount>'
        f"<tt:SourceToken>{shown.source}</tt:SourceToken>"
        f'<tt:Bounds x="0" y="0" width="2560" height="1440"/></tt:VideoSourceConfiguration>'
        f'<tt:VideoEncoderConfiguration token="Encoder_{shown.token}"><tt:Name>encoder</tt:Name>'
        f"<tt:UseCount>1</tt:UseCount><tt:Encoding>{shown.encoding}</tt:Encoding>"
        f"<tt:Resolution><tt:Width>{shown.width}</tt:Width><tt:Height>{shown.height}</tt:Height></tt:Resolution>"
        "<tt:Quality>3</tt:Quality><tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type>"
        "<tt:IPv4Address>0.0.0.0</tt:IPv4Address></tt:Address><tt:Port>0</tt:Port><tt:TTL>1</tt:TTL>"
        "<tt:AutoStart>false</tt:AutoStart></tt:Multicast><tt:SessionTimeout>PT5S</tt:SessionTimeout>"
        f"</tt:VideoEncoderConfiguration>{turns if shown.turns else ''}</trt:Profiles>"
    )
