"""Transports beside the broker: loaded for the devices that need them, stopped with the last, started again."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from domain.desired_bodies import Device
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import Driver, Outgoing, Packet, Reading, Registry
from edge.intake.device_list import DeviceList
from edge.transports import links
from edge.transports.links import Around, Links
from tests.rig import until

DRIVERS = Registry(
    [Driver("lamp", ("lamp-udp",), lambda message, site: Reading([]), transports=("lamps",))],
)


class _Lamps:
    """Fails the first time it runs; takes what is for lamp:1."""

    runs = 0
    running = False
    sent: list[Outgoing] = []

    async def run(self) -> None:
        type(self).runs += 1
        if self.runs == 1:
            raise OSError("the port is taken")
        type(self).running = True
        try:
            await asyncio.Event().wait()
        finally:
            type(self).running = False

    def send(self, device: str, message: Outgoing) -> bool:
        self.sent.append(message)
        return device == "lamp:1"


@pytest.fixture(autouse=True)
def lamps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("edge.transports.lamps")
    module.make = lambda around: _Lamps()  # pyright: ignore
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(links, "_LOOK_S", 0.01)
    _Lamps.runs, _Lamps.sent = 0, []
    return iter([None])


def around(devices: DeviceList) -> Around:
    nothing: Any = SimpleNamespace()
    return Around(nothing, DRIVERS, devices, nothing, nothing, lambda _: 0.01)


async def test_a_transport_runs_while_the_list_needs_it_and_starts_again_after_a_fault() -> None:
    devices = DeviceList([], accept_unknown=False)
    here = Links(around(devices))
    task = asyncio.create_task(here.run())
    try:
        assert not here.send("lamp:1", Packet(b"on"))
        devices.replace([Device(id="lamp:1")])
        await until(lambda: _Lamps.running)
        assert _Lamps.runs == 2
        assert here.send("lamp:1", Packet(b"on"))
        assert not here.send("lamp:2", Packet(b"on"))
        devices.replace([Device(id="uhppoted:1")])
        await until(lambda: not _Lamps.running)
        assert not here.send("lamp:1", Packet(b"on"))
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_library_that_is_missing_is_said_and_harms_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edge.transports.lamps", None)
    here = Links(around(DeviceList([Device(id="lamp:1")], accept_unknown=False)))
    task = asyncio.create_task(here.run())
    await asyncio.sleep(0.05)
    assert not task.done()
    assert not here.send("lamp:1", Packet(b"on"))
    task.cancel()


def test_a_secret_is_this_accounts_alone_and_in_no_text(tmp_path: Any) -> None:
    kept = DeviceSecrets(tmp_path)
    assert kept.of("hikvision:00:00:5e") is None
    kept.keep("hikvision:00:00:5e", DeviceSecret("s3cret/..", "admin"))  # pragma: allowlist secret
    (file,) = (tmp_path / "device-secrets").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    found = kept.of("hikvision:00:00:5e")
    assert found is not None
    assert (found.user, found.secret) == ("admin", "s3cret/..")
    assert "s3cret" not in f"{found!r} {found}"
    assert kept.forget("hikvision:00:00:5e")
    assert kept.of("hikvision:00:00:5e") is None


def test_a_kind_at_the_broker_opens_no_port_before_an_address_says_so() -> None:
    nothing: Any = lambda message, site: Reading([])  # noqa: E731
    drivers = Registry(
        [
            Driver("cam", ("cam-mqtt",), nothing, topics={"cam/#": "cam-mqtt"}),
            Driver("cam", ("cam-http",), nothing, transports=("http_push",)),
            Driver("door", ("door-http",), nothing, transports=("doors",)),
        ]
    )
    assert drivers.transports_of(["cam:1", "door:1"], addressed=[]) == {"doors"}
    assert drivers.transports_of(["cam:1", "cam:2", "door:1"], addressed=["cam:2"]) == {"doors", "http_push"}
    assert drivers.transports_of(["door:1"], addressed=["door:1"]) == {"doors"}
