"""Which of a camera's media services is asked: H.265 is in the second alone; what that refuses the first may have."""

from __future__ import annotations

from typing import Any

import pytest

from edge.device_secrets import DeviceSecret
from edge.onvif import snapshot
from edge.onvif.address import where_in
from edge.onvif.camera import MEDIA, reached
from edge.onvif.faults import NotOffered, Refused, Unauthorised
from edge.onvif.media import MEDIA2
from edge.onvif.profiles import MAIN, SUB, chosen
from simulators.devices.http_device import running
from simulators.onvif.camera import Camera
from simulators.onvif.media import H265, Shown
from simulators.onvif.soap import envelope

SECRET = DeviceSecret("s3cret/:x", "admin")
NAMES_ALONE = envelope(
    '<tr2:GetProfilesResponse><tr2:Profiles token="A"><tr2:Name>A</tr2:Name></tr2:Profiles></tr2:GetProfilesResponse>'
)


def of_today(*lacks: str) -> Camera:
    """A camera as they are sold: its main stream in H.265."""
    camera = Camera(SECRET.user, SECRET.secret)
    camera.profiles = (Shown("Main", 2560, 1440, "/main", encoding=H265), Shown("Sub", 640, 360, "/sub"))
    camera.lacks = set(lacks)
    return camera


def reach(camera: Camera, secret: DeviceSecret = SECRET) -> Any:
    return reached(where_in(camera.onvif_address), secret)


async def test_a_main_stream_in_h265_is_found_by_the_second_service() -> None:
    async with running(of_today()) as camera, reach(camera) as there:
        assert there.offers(MEDIA2) and there.offers(MEDIA)
        main, sub = chosen(await there.profiles(), MAIN), chosen(await there.profiles(), SUB)
        assert (main.shown, main.source, main.turns) == ("Main 2560×1440 H265", "VideoSource_1", True)
        assert await there.stream_address(main) == "rtsp://127.0.0.1:554/main"
        assert await there.stream_address(sub) == "rtsp://127.0.0.1:554/sub"
        assert await snapshot.snapshot(there, SECRET) == camera.jpeg
        assert len(await there.presets()) == 3, "it turns by the same profile"
        asked = ("GetProfiles", "GetStreamUri", "GetSnapshotUri")
        assert all(camera.done[f"media2:{one}"] == camera.done[one] > 0 for one in asked), "the first is not needed"


async def test_the_control_by_the_first_service_alone_it_is_not_there() -> None:
    async with running(of_today("media2")) as camera, reach(camera) as there:
        assert [one.token for one in await there.profiles()] == ["Sub"]
        assert chosen(await there.profiles(), MAIN).token == "Sub"
        assert camera.done["media2:GetProfiles"] == 0


async def test_the_second_service_alone_is_enough() -> None:
    async with running(of_today("media")) as camera, reach(camera) as there:
        main = chosen(await there.profiles(), MAIN)
        assert await there.stream_address(main) == "rtsp://127.0.0.1:554/main"
        assert await snapshot.snapshot(there, SECRET) == camera.jpeg


@pytest.mark.parametrize("instead", [500, b"<env:Envelope", NAMES_ALONE], ids=["refused", "half", "names alone"])
async def test_profiles_that_the_second_does_not_tell_are_those_of_the_first(instead: Any) -> None:
    camera = of_today()
    camera.instead["media2:GetProfiles"] = instead
    async with running(camera), reach(camera) as there:
        assert [one.token for one in await there.profiles()] == ["Sub"]
        assert await there.stream_address(chosen(await there.profiles(), SUB)) == "rtsp://127.0.0.1:554/sub"


@pytest.mark.parametrize("operation", ["GetStreamUri", "GetSnapshotUri"])
async def test_an_address_that_the_second_refuses_is_asked_of_the_first(operation: str) -> None:
    camera = of_today()
    camera.instead[f"media2:{operation}"] = 500
    async with running(camera), reach(camera) as there:
        sub = chosen(await there.profiles(), SUB)
        assert await there.stream_address(sub) == "rtsp://127.0.0.1:554/sub"
        assert await snapshot.snapshot(there, SECRET, sub) == camera.jpeg
        assert camera.done[operation] == 2 * camera.done[f"media2:{operation}"] == 2


async def test_what_both_refuse_is_said_as_the_second_said_it() -> None:
    camera = of_today()
    camera.instead["media2:GetStreamUri"] = 503
    async with running(camera), reach(camera) as there:
        with pytest.raises(Refused, match="HTTP 503"):
            await there.stream_address(chosen(await there.profiles(), MAIN))  # the first knows no such profile


async def test_a_password_that_is_refused_is_not_tried_at_the_other_service() -> None:
    camera = of_today()
    camera.instead["media2:GetProfiles"] = 401
    async with running(camera), reach(camera) as there:
        with pytest.raises(Unauthorised):
            await there.profiles()
        assert camera.done["GetProfiles"] == camera.done["media2:GetProfiles"]


async def test_a_camera_without_either_says_so() -> None:
    async with running(of_today("media", "media2")) as camera, reach(camera) as there:
        with pytest.raises(NotOffered, match="no media service"):
            await there.profiles()
