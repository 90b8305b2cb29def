"""The doctor on cameras over ONVIF: as they are, and as they should not be."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.desired_bodies import Device
from domain.findings import Finding
from edge.config import Config
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import discover
from edge.doctor.devices import ways_of
from edge.onvif import camera as camera_module
from simulators.devices.http_device import running
from simulators.onvif.camera import Camera
from simulators.onvif.media import Shown
from tests.edge.doctor.test_devices import bad, box_of, found, said

SECRET = DeviceSecret("s3cret-word", "admin")
GATE = "onvif:gate"


def locked() -> Camera:
    return Camera(SECRET.user, SECRET.secret)


async def examined(
    folder: Path, camera: Camera, *, secret: DeviceSecret | None = SECRET, address: str = "", **told: Any
) -> list[Finding]:
    if secret is not None:
        DeviceSecrets(folder).keep(GATE, secret)
    config = msgspec.convert({"data": str(folder), "onvif": {"cameras": {GATE: told}}}, Config)
    async with running(camera):
        listed = Device(id=GATE, address=address or camera.onvif_address)
        findings = await found(box_of(folder, listed, config=config))
    assert SECRET.secret not in said(findings)
    return findings


async def test_a_camera_that_is_well(tmp_path: Path) -> None:
    settings = {"home": "1", "reactions": [{"kinds": ["door"], "preset": "车库"}]}
    findings = await examined(tmp_path, locked(), **settings)
    assert bad(findings) == []
    for fact in (
        "answers in",
        "its clock is right",
        "HIKVISION DS-2DE4425IW V5.7.3",
        "3 profiles: main MainStream 2560×1440 H264, for watching SubStream 640×360 H264",
        "it tells events",
        "a picture of 2 kB",
        "preset 1 (门口)",
        "preset 2 (车库)",
    ):
        assert fact in said(findings), said(findings)


async def test_a_clock_that_is_off_is_said_and_the_rest_is_asked_all_the_same(tmp_path: Path) -> None:
    camera = locked()
    camera.off = timedelta(minutes=-7)
    findings = await examined(tmp_path, camera)
    assert bad(findings) == ["its clock is 7.0 min behind"]
    assert "it tells events" in said(findings)


CASES = [
    pytest.param({"lacks": {"events"}}, {}, "it has no events service", id="no events"),
    pytest.param({"lacks": {"events"}}, {"events": "off"}, "", id="events that nobody wants"),
    pytest.param({"jpeg": b"GIF89a"}, {}, "its picture is no JPEG (6 bytes)", id="no picture"),
    pytest.param({"lacks": {"media", "media2"}}, {}, "it has no media service", id="no media"),
    pytest.param({"profiles": (Shown("A", 1280, 720, "/1"),)}, {}, "it has one stream alone, A 1280×720", id="one"),
    pytest.param({"instead": {"GetProfiles": b"<a"}}, {}, "the answer to GetProfiles is none", id="half an answer"),
    pytest.param(
        {},
        {"reactions": [{"kinds": ["door"], "preset": "7"}]},
        "it has no preset '7'; it has 1 (门口), 2 (车库), 9 (围墙)",
        id="preset",
    ),
    pytest.param({"lacks": {"ptz"}}, {"home": "1"}, "it cannot be moved: it has no PTZ service", id="no ptz"),
]


@pytest.mark.parametrize(("is_so", "told", "cause"), CASES)
async def test_what_is_wrong_with_a_camera(
    is_so: dict[str, Any], told: dict[str, Any], cause: str, tmp_path: Path
) -> None:
    camera = locked()
    for name, value in is_so.items():
        setattr(camera, name, value)
    causes = bad(await examined(tmp_path, camera, **told))
    assert any(one.startswith(cause) for one in causes) if cause else causes == []


async def test_a_password_that_is_refused_and_one_that_was_not_entered(tmp_path: Path) -> None:
    findings = await examined(tmp_path, camera := locked(), secret=DeviceSecret("another", "admin"))
    (refused,) = bad(findings)
    assert "refuses the password" in refused
    assert f"gatehouse-edge device-secret {GATE} --user NAME" in said(findings)
    assert len(camera.guard.refused) <= 2, "it locks who tries on"
    (wanted,) = bad(await examined(tmp_path / "none", locked(), secret=None))
    assert "wants a password, and none was entered" in wanted


@pytest.mark.parametrize("address", ["onvif://", "onvif://a:b", "onvif://admin:x@192.0.2.1", "onvif://192.0.2.1/onvif"])
async def test_an_address_that_cannot_be_used(address: str, tmp_path: Path) -> None:
    (cause,) = bad(await examined(tmp_path, locked(), address=address))
    assert cause.startswith("its address cannot be used: ")
    assert "admin:x" not in cause


async def test_a_box_without_the_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise ImportError("ONVIF needs zeep, which is not installed")

    monkeypatch.setattr(camera_module, "_library", missing)
    findings = await examined(tmp_path, locked())
    assert "this box does not speak ONVIF" in bad(findings)[0]
    assert "pip install 'gatehouse[edge,onvif]'" in said(findings)


@pytest.mark.parametrize(
    ("device", "ways"),
    [
        (Device(id="onvif:gate"), ["mqtt"]),
        (Device(id="onvif:gate", address="http://192.0.2.1"), ["http_pull", "mqtt"]),
        (Device(id="onvif:gate", address="onvif://192.0.2.1"), ["onvif"]),
        (Device(id="camera:gate", address="rtsp://192.0.2.1"), ["vision"]),
        (Device(id="camera:gate", address="onvif://192.0.2.1"), ["onvif", "vision"]),
    ],
)
def test_by_which_ways_it_is_asked(device: Device, ways: list[str]) -> None:
    assert ways_of(device, discover()) == ways
