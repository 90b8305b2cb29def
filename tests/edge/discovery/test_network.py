"""Devices that answer on the network, over real sockets on the loopback: cameras by ONVIF, UHPPOTE controllers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.desired_bodies import Device
from edge.config import Config
from edge.devices.driver import discover
from edge.discovery import uhppote, ws_discovery
from edge.discovery.discoverer import Discoverer, Search
from edge.discovery.found import Findings, Found, Listed
from edge.discovery.search import search
from simulators.devices import uhppote as sim
from simulators.devices.onvif_discovery import Camera

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ONVIF, UHPPOTE = ws_discovery.DISCOVERER, uhppote.DISCOVERER
_GROUP = "239.255.77.77"


def asked(folder: Path, interface: str = "127.0.0.1", seconds: float = 0.3, **settings: Any) -> Search:
    config = msgspec.convert({"data": str(folder), **settings}, Config)
    return Search(config, discover(), lambda: NOW, seconds, interface)


async def look(way: Discoverer, by: Search) -> tuple[dict[str, Found], dict[str, str]]:
    findings = Findings()
    failed = await search(by, findings.add, [way])
    return {one.id: one for one in findings.all([])}, failed


@asynccontextmanager
async def there(*devices: Any, group: str = "") -> AsyncGenerator[int]:
    """Devices at one port: the first by itself, or all of them in a group."""
    more = {"group": group} if group else {}
    port = await devices[0].start(**more)
    for device in devices[1:]:
        await device.start(port=port, **more)
    try:
        yield port
    finally:
        for device in devices:
            device.stop()


async def test_cameras_of_several_makes_answer_a_multicast_and_each_is_named_as_its_driver_lists_it(
    tmp_path: Path,
) -> None:
    cameras = (
        Camera("HIKVISION DS-2CD2043G2", "DS-2CD2043G2", "00005e005351"),
        Camera("AXIS P3245-V", "P3245-V", "accc8e000001", tells_mac=False),
        Camera("Dahua", "IPC-HFW2431", "00005e005352"),
        Camera("2N IP Verso", "9155101", "00005e005353", kind="Device"),
        Camera("门口相机", "UNV-1", "00005e005354"),
    )
    cameras[0].times = 50  # the same again and again
    async with there(*cameras, group=_GROUP) as port:
        found, failed = await look(ONVIF, asked(tmp_path, discovery={"probe": f"{_GROUP}:{port}"}))
    assert not failed
    facts = {one.id: (one.address, one.host, one.name, one.exact, one.page) for one in found.values()}
    here, web = "127.0.0.1", "http://127.0.0.1"
    assert facts == {
        "hikvision:00005e005351": (web, here, "HIKVISION DS-2CD2043G2", True, "docs/devices/hikvision.md"),
        "axis:ACCC8E000001": ("", here, "AXIS P3245-V", False, "docs/devices/onvif-mqtt.md"),
        "dahua:00005e005352": (web, here, "Dahua", False, "docs/devices/dahua.md"),
        "2n:00005e005353": (web, here, "2N IP Verso", False, "docs/devices/2n.md"),
        "onvif:00005e005354": ("onvif://127.0.0.1", here, "门口相机", False, "docs/devices/onvif-mqtt.md"),
    }
    assert {one.by for one in found.values()} == {("onvif",)}
    assert len({port for camera in cameras for _, port in camera.asked}) == 1, "asked from one port of its own"


async def test_answers_that_are_none_stop_nobody(tmp_path: Path) -> None:
    bad, good = Camera("x", "y", "00005e005301"), Camera("HIKVISION", "y", "00005e005302")
    bomb = b'<!DOCTYPE a [<!ENTITY x "xx"><!ENTITY y "&x;&x;">]><Envelope><ProbeMatch>&y;</ProbeMatch></Envelope>'
    bad.instead = [b"", b"<", bomb, b"\xff\xfe<", good.answer("urn:uuid:of-somebody-else"), b"<a>" * 20_000]
    bad.instead.append(good.answer("").replace(b"NetworkVideoTransmitter", b"Printer").replace(b"onvif://", b"x://"))
    async with there(bad, good, group=_GROUP) as port:
        found, failed = await look(ONVIF, asked(tmp_path, discovery={"probe": f"{_GROUP}:{port}"}))
    assert (set(found), failed) == ({"hikvision:00005e005302"}, {})


async def test_controllers_answer_with_their_serial_numbers_and_may_be_listed_either_way(tmp_path: Path) -> None:
    controller = sim.Controller(405419896, ZoneInfo("Asia/Shanghai"))
    async with there(controller) as port:
        found, failed = await look(UHPPOTE, asked(tmp_path, uhppote={"broadcast": f"127.0.0.1:{port}"}))
    assert not failed
    one = found["uhppote:405419896"]
    at = f"127.0.0.1:{port}".removesuffix(":60000")  # its usual port is not written
    assert (one.address, one.host, one.page) == (at, "127.0.0.1", "docs/devices/uhppote.md")
    assert "6.62" in one.model
    assert "00:00:5e:00:53:01" in one.model
    assert controller.asked == [0x94, 0x94], "asked who it is, and nothing else"
    assert controller.listener[1] == 0, "nothing of it was changed"
    findings = Findings()
    findings.add(one)
    for listed in ("uhppote:405419896", "uhppoted:405419896"):
        assert findings.unlisted([Device(listed)]) == []
    assert findings.unlisted([Device("uhppote:1")]) == [one]


def test_a_controller_s_usual_port_is_not_written_and_another_is() -> None:
    answer = sim.Controller(405419896, ZoneInfo("Asia/Shanghai")).get_controller(bytes((0x17, 0x94)).ljust(64, b"\0"))
    for port, address in ((60_000, "192.0.2.9"), (60_001, "192.0.2.9:60001")):
        known = uhppote.controller_in(answer, ("192.0.2.9", port))
        assert known is not None
        assert (known.address, known.host) == (address, "192.0.2.9")


async def test_a_listed_device_is_not_offered_and_without_that_it_would_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = Camera("HIKVISION", "DS-1", "00005e005351")
    async with there(camera) as port:
        by = asked(tmp_path, discovery={"probe": f"127.0.0.1:{port}"})
        findings = Findings()
        await search(by, findings.add, [ONVIF])
    by_id, by_address = Device("hikvision:00005e005351"), Device("hikvision:DS-SERIAL", address="http://127.0.0.1:80")
    for listed in (by_id, by_address):
        assert findings.unlisted([listed]) == []
        assert [one.listed for one in findings.all([listed])] == [True]
    elsewhere = [Device("hikvision:00005e005352", address="http://192.0.2.1"), Device("dahua:1", address="127.0.0.1")]
    assert len(findings.unlisted(elsewhere)) == 1

    def never(_self: Listed, _one: Found) -> bool:
        return False

    monkeypatch.setattr(Listed, "has", never)
    assert len(findings.unlisted([by_id])) == 1, "the test sees a device that is offered though it is listed"


async def test_an_address_that_is_not_this_box_s_is_said(tmp_path: Path) -> None:
    for way in (ONVIF, UHPPOTE):
        _, failed = await look(way, asked(tmp_path, "192.0.2.99"))
        assert "192.0.2.99" in failed[way.name]
        assert "ip addr" in failed[way.name]


async def test_a_way_that_fails_or_hangs_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_by: Search, _tell: Any) -> None:
        raise ValueError("a defect")

    async def hanging(_by: Search, _tell: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("edge.discovery.search._LONGER_S", 0.1)
    controller = sim.Controller(1, ZoneInfo("Asia/Shanghai"))
    findings = Findings()
    async with there(controller) as port:
        by = asked(tmp_path, uhppote={"broadcast": f"127.0.0.1:{port}"})
        ways = [Discoverer("broken", broken), Discoverer("hanging", hanging), UHPPOTE]
        failed = await search(by, findings.add, ways)
    assert sorted(failed) == ["broken", "hanging"]
    assert [one.id for one in findings.all([])] == ["uhppote:1"]
