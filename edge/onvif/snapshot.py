"""A still picture of a camera, over HTTP: bounded in size and in time, by digest or by basic as it asks."""

from __future__ import annotations

import base64

import aiohttp

from edge.device_secrets import DeviceSecret
from edge.devices._fields import media_type
from edge.onvif.asking import asked
from edge.onvif.camera import Camera
from edge.onvif.faults import HalfAnswer, Refused, Unauthorised
from edge.onvif.profiles import MAIN, Profile, chosen

PICTURE_BYTES = 6 * 1024 * 1024
_PICTURE_S = 8.0
_CHUNK = 64 * 1024


async def snapshot(camera: Camera, secret: DeviceSecret | None, profile: Profile | None = None) -> bytes:
    """A JPEG of the main stream, or of a profile. Raises OnvifFault."""
    shown = profile or chosen(await camera.profiles(), MAIN)
    address = await camera.snapshot_address(shown)
    return await asked("the picture", _fetched(camera, address, secret), _PICTURE_S)


async def _fetched(camera: Camera, address: str, secret: DeviceSecret | None) -> bytes:
    session = camera.library.session
    async with session.get(address, allow_redirects=False) as response:
        if response.status != 401 or secret is None or not _wants_basic(response):
            return await _jpeg(response)
    shown = base64.b64encode(f"{secret.user}:{secret.secret}".encode()).decode()
    basic = {"Authorization": f"Basic {shown}"}
    async with session.get(address, headers=basic, allow_redirects=False) as response:
        return await _jpeg(response)


def _wants_basic(response: aiohttp.ClientResponse) -> bool:
    """Digest was tried by the session already, where that is offered."""
    offered = [one.strip().lower() for one in response.headers.getall("WWW-Authenticate", [])]
    return any(one.startswith("basic") for one in offered) and not any(one.startswith("digest") for one in offered)


async def _jpeg(response: aiohttp.ClientResponse) -> bytes:
    """Raises OnvifFault."""
    if response.status in (401, 403):
        raise Unauthorised(f"the picture: HTTP {response.status}")
    if response.status != 200:
        raise Refused(f"the picture: HTTP {response.status}")
    body = bytearray()
    while chunk := await response.content.read(_CHUNK):
        body += chunk
        if len(body) > PICTURE_BYTES:
            response.close()
            raise HalfAnswer(f"its picture has more than {PICTURE_BYTES} bytes")
    if media_type(bytes(body[:16])) != "image/jpeg":
        raise HalfAnswer(f"its picture is no JPEG ({len(body)} bytes)")
    return bytes(body)
