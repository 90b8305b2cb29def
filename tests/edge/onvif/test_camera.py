"""A camera that is reached by the library, against a simulated one: over real sockets, in ONVIF's own bytes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from edge.device_secrets import DeviceSecret
from edge.onvif import asking, library, snapshot
from edge.onvif.address import Where, where_in
from edge.onvif.camera import EVENTS, MEDIA, PTZ, Preset, preset_in, reached
from edge.onvif.faults import HalfAnswer, NotOffered, OnvifFault, Refused, Unauthorised, Unreachable
from edge.onvif.profiles import MAIN, SUB, chosen
from simulators.devices.http_device import running
from simulators.onvif.camera import Camera
from simulators.onvif.media import Shown
from simulators.onvif.ptz import HOME
from simulators.onvif.soap import SoapFault, fault

SECRET = DeviceSecret("s3cret/:x", "admin")


def at(camera: Camera) -> Where:
    return where_in(camera.onvif_address)


def locked(**how: Any) -> Camera:
    return Camera(SECRET.user, SECRET.secret, **how)


async def fault_of(camera: Camera, secret: DeviceSecret | None = SECRET) -> OnvifFault:
    with pytest.raises(OnvifFault) as caught:
        async with reached(at(camera), secret) as there:
            await there.stream_address(chosen(await there.profiles(), SUB))
    return caught.value


@pytest.mark.parametrize("by_http", [False, True], ids=["ws-security", "http-digest"])
async def test_what_a_camera_has_is_asked_with_the_password_at_its_own_host(by_http: bool) -> None:
    async with running(locked(by_http=by_http)) as camera, reached(at(camera), SECRET) as there:
        about, profiles = await there.about(), await there.profiles()
        assert (about.maker, about.model) == ("HIKVISION", "DS-2DE4425IW")
        assert [one.token for one in profiles] == ["MainStream", "SubStream", "Small"]
        main, sub = chosen(profiles, MAIN), chosen(profiles, SUB)
        assert (main.token, sub.token) == ("MainStream", "SubStream")
        assert await there.stream_address(sub) == "rtsp://127.0.0.1:554/Streaming/Channels/102"
        assert await there.presets() == [Preset("1", "门口"), Preset("2", "车库"), Preset("9", "围墙")]
        assert camera.guard.refused == []


@pytest.mark.parametrize("off", [timedelta(days=-4000), timedelta(hours=8), timedelta(seconds=-90)])
async def test_a_camera_whose_clock_is_off_is_reached_by_its_own_time(off: timedelta) -> None:
    camera = locked()
    camera.off = off
    async with running(camera), reached(at(camera), SECRET) as there:
        await there.profiles()
        assert there.off is not None and abs(there.off - off) < timedelta(seconds=3)
    assert camera.guard.refused == []


async def test_the_control_with_our_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same without the difference: what the test above rests on."""

    async def unadjusted(_camera: Any, service: Any) -> Any:
        return service

    monkeypatch.setattr(library.LibraryCamera, "_adjust_time", unadjusted)
    camera = locked()
    camera.off = timedelta(hours=8)
    async with running(camera):
        assert isinstance(await fault_of(camera), Unauthorised)
    assert set(camera.guard.refused) == {"old"}


async def test_a_camera_that_does_not_tell_the_time_is_taken_to_have_ours() -> None:
    camera = locked()
    camera.tells_time = False
    async with running(camera), reached(at(camera), SECRET) as there:
        assert len(await there.profiles()) == 3
        assert there.off is None


async def test_old_firmware_that_tells_its_services_as_capabilities() -> None:
    camera = locked()
    camera.instead["GetServices"] = fault(SoapFault("ter:ActionNotSupported", "no GetServices"))
    async with running(camera), reached(at(camera), SECRET) as there:
        assert camera.done["GetCapabilities"] == 1
        assert len(await there.profiles()) == 3
        assert [there.offers(service) for service in (EVENTS, MEDIA, PTZ)] == [True, True, True]


async def test_a_service_that_it_does_not_have_is_said_by_name() -> None:
    camera = locked()
    camera.lacks = {"ptz"}
    async with running(camera), reached(at(camera), SECRET) as there:
        with pytest.raises(NotOffered, match="no PTZ service"):
            await there.presets()


@pytest.mark.parametrize("secret", [None, DeviceSecret("another", "admin")], ids=["none", "wrong"])
@pytest.mark.parametrize("by_http", [False, True], ids=["ws-security", "http-digest"])
async def test_a_password_that_is_refused(secret: DeviceSecret | None, by_http: bool) -> None:
    async with running(locked(by_http=by_http)) as camera:
        fault = await fault_of(camera, secret)
        assert isinstance(fault, Unauthorised), repr(fault)
        assert "another" not in str(fault)
        assert len(camera.guard.refused) + camera.refused <= 4, "it locks who tries on"


BROKEN = [
    pytest.param(500, Refused, id="500"),
    pytest.param(401, Unauthorised, id="401"),
    pytest.param(b"", HalfAnswer, id="nothing"),
    pytest.param(b"<env:Envelope", HalfAnswer, id="half"),
    pytest.param(b"<html><body>login</body></html>", HalfAnswer, id="html"),
    pytest.param(b"\xff\xd8\xff\xe0" + b"\0" * 1000, HalfAnswer, id="a picture"),
    pytest.param(b"<a>" * 200_000, HalfAnswer, id="deep"),
    pytest.param(b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", HalfAnswer, id="entities"),
    pytest.param(b" " * (library.ANSWER_BYTES + 1), HalfAnswer, id="huge"),
    pytest.param(30.0, Unreachable, id="slow"),
]


@pytest.mark.parametrize("operation", ["GetProfiles", "GetStreamUri"])
@pytest.mark.parametrize(("instead", "kind"), BROKEN)
async def test_whatever_it_answers_is_a_fault_by_name(
    instead: Any, kind: type[OnvifFault], operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind is Unreachable:  # the others answer, on a busy machine too
        monkeypatch.setattr(asking, "_ANSWER_S", 0.5)
    camera = locked()
    camera.instead[operation] = instead
    async with running(camera):
        fault = await fault_of(camera)
    assert isinstance(fault, kind), repr(fault)
    assert operation in str(fault)
    assert SECRET.secret not in str(fault)


async def test_a_camera_that_is_not_there() -> None:
    camera = locked()
    async with running(camera):
        pass
    assert isinstance(await fault_of(camera), Unreachable)


@pytest.mark.parametrize("host", ["evil.example.invalid", "169.254.1.1", "0.0.0.0", "[fe80::1]"])
async def test_nothing_is_asked_at_another_host_whatever_it_says(host: str) -> None:
    camera = locked()
    camera.said_host = host
    async with running(camera), reached(at(camera), SECRET) as there:
        address = await there.stream_address(chosen(await there.profiles(), MAIN))
        assert address == "rtsp://127.0.0.1:554/Streaming/Channels/101"
        assert await snapshot.snapshot(there, SECRET) == camera.jpeg


# --- pictures ---


@pytest.mark.parametrize("by", ["digest", "basic", "open"])
async def test_a_picture_is_taken_as_it_asks_for_the_password(by: str) -> None:
    camera = locked()
    camera.picture_by = by
    async with running(camera), reached(at(camera), SECRET) as there:
        assert await snapshot.snapshot(there, SECRET) == camera.jpeg
        assert camera.done["picture"] == (1 if by == "open" else 2)


@pytest.mark.parametrize("by", ["digest", "basic"])
async def test_a_picture_that_is_refused_is_asked_for_no_more(by: str) -> None:
    camera = locked()
    async with running(camera), reached(at(camera), SECRET) as there:
        camera.secret, camera.picture_by = ("admin", "another"), by
        with pytest.raises(Unauthorised):
            await snapshot.snapshot(there, SECRET)
        assert camera.done["picture"] == 2


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>", b"GIF89a" + b"\0" * 99, b"\xff\xd8\xff" + b"\0" * snapshot.PICTURE_BYTES],
    ids=["none", "html", "gif", "huge"],
)
async def test_what_is_no_picture_or_too_large_is_none(body: bytes) -> None:
    camera = locked()
    camera.jpeg = body
    async with running(camera), reached(at(camera), SECRET) as there:
        with pytest.raises(HalfAnswer):
            await snapshot.snapshot(there, SECRET)


# --- presets ---


async def test_it_goes_to_a_preset_by_token_or_name_and_home() -> None:
    async with running(locked()) as camera, reached(at(camera), SECRET) as there:
        assert (await there.go_to("2")).name == "车库"
        assert (await there.go_to("围墙")).token == "9"
        await there.go_home()
        assert camera.moves == ["2", "9", HOME]
        with pytest.raises(NotOffered, match=r"no preset '7'; it has 1 .门口., 2 .车库., 9 .围墙."):
            await there.go_to("7")
        assert camera.moves == ["2", "9", HOME]


async def test_a_camera_that_does_not_turn_says_so() -> None:
    camera = locked()
    camera.profiles = (Shown("Only", 1280, 720, "/1", turns=False),)
    async with running(camera), reached(at(camera), SECRET) as there:
        with pytest.raises(NotOffered, match="none of its profiles has PTZ"):
            await there.go_to("1")


def test_a_token_counts_before_a_name() -> None:
    there = [Preset("1", "2"), Preset("2", "gate")]
    assert preset_in(there, "2").name == "gate"


async def test_many_cameras_are_reached_at_one_time() -> None:
    async def one() -> int:
        async with running(locked()) as camera, reached(at(camera), SECRET) as there:
            return len(await there.profiles())

    assert await asyncio.gather(*(one() for _ in range(5))) == [3] * 5
