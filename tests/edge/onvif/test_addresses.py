"""Where a camera's stream is: its address as it is written, its profiles, and what it says of itself over ONVIF."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.desired_bodies import Device
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.onvif.address import BadAddress, Where, is_onvif, where_in
from edge.onvif.faults import HalfAnswer, NotOffered
from edge.onvif.profiles import MAIN, SUB, Profile, at_host, chosen, stream_at
from edge.transports import vision_addresses
from edge.transports.vision_addresses import Addresses
from edge.vision.settings import Camera as Settings
from simulators.devices.http_device import running
from simulators.onvif.camera import Camera
from tests.edge.link_bench import LinkBench, link_bench
from tests.rig import until

SECRET = DeviceSecret("s3cret-word", "admin")
YARD = "camera:yard"
PLATES = Settings(lookers={"plates": {}})


@pytest.mark.parametrize(
    ("written", "where"),
    [
        ("onvif://192.0.2.41", Where("192.0.2.41", 80)),
        ("onvif://192.0.2.41:8899#main", Where("192.0.2.41", 8899, False, "main")),
        ("ONVIF://Gate.lan/", Where("gate.lan", 80)),
        ("onvifs://192.0.2.41", Where("192.0.2.41", 443, True)),
        (" onvif://[2001:db8::1]:81 ", Where("2001:db8::1", 81)),
    ],
)
def test_an_address_as_it_is_written(written: str, where: Where) -> None:
    assert is_onvif(written)
    assert where_in(written) == where


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("onvif://", "it names no host"),
        ("onvif://a:b", "it is no address"),
        ("onvif://a:70000", "it is no address"),
        ("onvif://[::1", "it is no address"),
        ("onvif://u:p4ss@192.0.2.1", "a password stands in it"),  # pragma: allowlist secret
        ("onvif://192.0.2.1/onvif/device_service", "leave it out"),
        ("http://192.0.2.1", "does not begin with onvif://"),
    ],
)
def test_an_address_that_cannot_be(written: str, why: str) -> None:
    with pytest.raises(BadAddress, match=why) as caught:
        where_in(written)
    assert "p4ss" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_address_is_read_or_refused(text: str) -> None:
    try:
        where = where_in(f"onvif://{text}")
    except BadAddress:
        return
    assert where.host and 0 < where.port < 65_536


# --- profiles ---


def profiles(*sizes: tuple[int, int]) -> list[Profile]:
    return [Profile(f"P{number}", "", "s1", "H264", *size) for number, size in enumerate(sizes)]


@pytest.mark.parametrize(
    ("sizes", "main", "sub"),
    [
        ([(2560, 1440), (640, 360), (352, 288)], "P0", "P1"),
        ([(640, 360), (1920, 1080)], "P1", "P0"),
        ([(1920, 1080)], "P0", "P0"),
        ([(3840, 2160), (1920, 1080), (704, 576)], "P0", "P2"),
        ([(0, 0), (1280, 720)], "P1", "P1"),
        ([(0, 0)], "P0", "P0"),
    ],
)
def test_the_main_stream_and_the_one_for_watching(sizes: list[tuple[int, int]], main: str, sub: str) -> None:
    there = profiles(*sizes)
    assert (chosen(there, MAIN).token, chosen(there, SUB).token) == (main, sub)


def test_of_several_sensors_the_first_and_any_by_its_token() -> None:
    there = [*profiles((1280, 720)), Profile("Q", "", "s2", "H264", 3840, 2160)]
    assert chosen(there, MAIN).token == "P0"
    assert chosen(there, "Q").source == "s2"
    with pytest.raises(NotOffered, match="no profile 'R'; it has P0, Q"):
        chosen(there, "R")
    with pytest.raises(NotOffered, match="no media profile"):
        chosen([], SUB)


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("rtsp://192.168.1.64:554/a?b=c&d=e", "rtsp://192.0.2.1:554/a?b=c&d=e"),
        ("rtsp://admin:pw@10.0.0.1/a", "rtsp://192.0.2.1/a"),  # pragma: allowlist secret
        ("rtsp://[fe80::1]:8554/a", "rtsp://192.0.2.1:8554/a"),
        ("  rtsps://cam.lan/a ", "rtsps://192.0.2.1/a"),
    ],
)
def test_whatever_host_a_camera_gives_it_is_reached_at_the_listed_one(said: str, made: str) -> None:
    assert stream_at(said, "192.0.2.1") == made


@pytest.mark.parametrize(
    "said", ["", "x", "http://10.0.0.1/a", "file:///etc/passwd", "rtsp:///a", "rtsp://a:b/", "rtsp://[::"]
)
def test_an_address_that_is_no_stream_is_refused(said: str) -> None:
    with pytest.raises(HalfAnswer):
        stream_at(said, "192.0.2.1")


@given(st.text(max_size=40), st.sampled_from(["http://", "rtsp://", "//", ""]))
def test_no_word_of_a_camera_leads_to_another_host(text: str, scheme: str) -> None:
    try:
        made = at_host(scheme + text, "192.0.2.1")
    except HalfAnswer:
        return
    assert made.split("://", 1)[1].split("/")[0].split("?")[0].split("#")[0].split(":")[0] == "192.0.2.1"


# --- asked of the camera ---


@asynccontextmanager
async def addresses(folder: Path, secret: DeviceSecret = SECRET) -> AsyncIterator[tuple[LinkBench, Addresses]]:
    secrets = DeviceSecrets(folder)
    secrets.keep(YARD, secret)
    async with link_bench(folder, Device(id=YARD, address="onvif://192.0.2.1")) as here:
        made = Addresses(here.around, lambda device: secrets.of(device) or DeviceSecret(""))
        try:
            yield here, made
        finally:
            await made.end()


async def told_by(made: Addresses, written: str, settings: Settings) -> str:
    await until(lambda: made.of(YARD, written, settings))
    return made.of(YARD, written, settings) or ""


async def test_a_camera_is_asked_for_the_stream_that_is_wanted_of_it(tmp_path: Path) -> None:
    async with running(Camera(SECRET.user, SECRET.secret)) as camera, addresses(tmp_path) as (_, made):
        here = camera.onvif_address
        assert made.of(YARD, here, Settings()) is None, "not yet"
        assert await told_by(made, here, Settings()) == "rtsp://127.0.0.1:554/Streaming/Channels/102"
        assert await told_by(made, here, PLATES) == "rtsp://127.0.0.1:554/Streaming/Channels/101"
        assert await told_by(made, f"{here}#Small", PLATES) == "rtsp://127.0.0.1:554/Streaming/Channels/103"
        assert made.of(YARD, "rtsp://192.0.2.1/a", PLATES) == "rtsp://192.0.2.1/a", "as it is written"
        asked = camera.done["GetStreamUri"]
        for _ in range(20):
            made.of(YARD, f"{here}#Small", PLATES)
        await asyncio.sleep(0.1)
        assert camera.done["GetStreamUri"] == asked


async def test_a_camera_that_does_not_say_it_is_offline_with_a_reason_once(tmp_path: Path) -> None:
    camera = Camera(SECRET.user, SECRET.secret)
    camera.instead["GetStreamUri"] = b"<a"
    async with running(camera), addresses(tmp_path) as (here, made):
        made.of(YARD, camera.onvif_address, Settings())
        (offline,) = await here.recorded("availability")
        assert (offline.state, offline.reason) == ("offline", "unreachable")
        await until(lambda: camera.done["GetStreamUri"] >= 4)
        assert len(await here.events("availability")) == 1
        camera.instead.clear()
        assert await told_by(made, camera.onvif_address, Settings())


async def test_a_refused_password_waits_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vision_addresses, "_LOOK_S", 0.02)
    async with (
        running(Camera(SECRET.user, SECRET.secret)) as camera,
        addresses(tmp_path, DeviceSecret("wrong", "admin")) as (here, made),
    ):
        made.of(YARD, camera.onvif_address, Settings())
        (offline,) = await here.recorded("availability")
        assert offline.reason == "unauthorised"
        tried = len(camera.guard.refused)
        await asyncio.sleep(0.3)
        assert len(camera.guard.refused) == tried <= 2
        DeviceSecrets(tmp_path).keep(YARD, SECRET)
        assert await told_by(made, camera.onvif_address, Settings())


async def test_a_camera_that_is_listed_no_more_is_asked_no_more(tmp_path: Path) -> None:
    camera = Camera(SECRET.user, SECRET.secret)
    camera.instead["GetStreamUri"] = 500
    async with running(camera), addresses(tmp_path) as (_, made):
        made.of(YARD, camera.onvif_address, Settings())
        await until(lambda: camera.done["GetStreamUri"])
        made.keep([])
        await asyncio.sleep(0.2)
        asked = camera.done["GetStreamUri"]
        await asyncio.sleep(0.3)
        assert camera.done["GetStreamUri"] == asked
