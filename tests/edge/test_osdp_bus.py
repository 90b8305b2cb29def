"""OSDP on a line: another project's peripheral, in a secure channel over a pty pair, is the peer."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tty
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from osdp import (
    Capability,
    CardFormat,
    Channel,
    Event,
    LibFlag,
    LogLevel,
    PDCapabilities,
    PDInfo,
    PeripheralDevice,
    StatusReportType,
)

from domain.desired_bodies import Device
from edge.clock import standing
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import Message, discover
from edge.transports import osdp_address, osdp_bus, osdp_line
from edge.transports.osdp_keys import Keys
from tests.edge.devices.samples import RECEIVED_AT, samples, says
from tests.edge.link_bench import LinkBench, link_bench, running
from tests.rig import until

KEY, OTHER_KEY = bytes(range(16)), bytes(16)
PD = "osdp:101"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine delays either end: they find each other again at once."""
    monkeypatch.setattr(osdp_line, "_SILENT_S", 0.7)
    monkeypatch.setattr(osdp_line, "_ERROR_S", 0.1)


class End(Channel):
    """One end of a pty."""

    def __init__(self, handle: int) -> None:
        super().__init__()
        self.handle = handle
        os.set_blocking(handle, False)

    def read(self, max_bytes: int) -> bytes:
        try:
            return os.read(self.handle, max_bytes)
        except OSError:
            return b""

    def write(self, buf: bytes) -> int:
        try:
            return os.write(self.handle, buf)
        except OSError:
            return 0

    def flush(self) -> None:
        pass


@contextmanager
def wire() -> Iterator[tuple[int, str]]:
    """The peripheral's end, and the path of ours."""
    theirs, ours = os.openpty()
    tty.setraw(theirs)
    tty.setraw(ours)
    try:
        yield theirs, os.ttyname(ours)
    finally:
        for handle in (theirs, ours):
            with contextlib.suppress(OSError):
                os.close(handle)


@contextmanager
def peripheral(handle: int, key: bytes = KEY) -> Iterator[PeripheralDevice]:
    can = [
        (Capability.OutputControl, 1, 8),
        (Capability.LEDControl, 1, 1),
        (Capability.AudibleControl, 1, 1),
        (Capability.ContactStatusMonitoring, 1, 4),
    ]
    info = PDInfo(101, End(handle), scbk=key, flags=[LibFlag.EnforceSecure])
    found = PeripheralDevice(info, PDCapabilities(can), log_level=LogLevel.Critical)
    found.start()
    try:
        yield found
    finally:
        found.teardown()


@asynccontextmanager
async def bus(folder: Path, path: str, **how: Any) -> AsyncIterator[tuple[LinkBench, osdp_bus.OsdpBus]]:
    DeviceSecrets(folder).keep(PD, DeviceSecret(KEY.hex()))
    device = Device(id=PD, place="3 号楼", address=f"serial:{path}?baud=9600&pd=101")
    async with link_bench(folder, device, **how) as here:
        transport = osdp_bus.make(here.around)
        async with running(transport):
            yield here, transport


async def told(pd: PeripheralDevice) -> dict[str, Any]:
    found = await asyncio.to_thread(pd.get_command, 5)
    assert found is not None
    return found


async def test_every_sample_goes_its_way_in_a_secure_channel(tmp_path: Path) -> None:
    with wire() as (handle, path), peripheral(handle) as pd:
        async with bus(tmp_path, path, clock=standing(RECEIVED_AT)) as (here, transport):
            await here.recorded("availability")
            assert pd.is_sc_active()
            card = {"event": Event.CardRead, "reader_no": 0, "direction": 0, "format": CardFormat.Wiegand, "length": 26}
            pd.submit_event({**card, "data": bytes.fromhex("d5aa1200")})
            for keys in (b"1", b"23", b"4#"):
                pd.submit_event({"event": Event.KeyPress, "reader_no": 0, "data": keys})
            pd.submit_event({"event": Event.Status, "type": StatusReportType.Input, "report": bytes([1, 0, 0, 0])})
            await here.recorded("access", 2)
            kept = [*await here.recorded("input"), *await here.events("access")]
            said = [expected for sample in samples("osdp") for expected in sample.expect]
            assert [expected for expected in said if not any(says(event, expected) for event in kept)] == []
            assert transport.send(PD, here.encode(PD, "output.pulse", point="output/0", ms=3000))
            wanted = {"output_no": 0, "control_code": 5, "timer_count": 30}
            assert wanted.items() <= (await told(pd)).items()
            (result,) = await here.recorded("command_result")
            assert (result.request_id, result.ok, result.device) == ("order-0001", True, PD)


async def test_what_is_keyed_reaches_the_decision_and_no_file(tmp_path: Path) -> None:
    heard: list[Message] = []
    with wire() as (handle, path), peripheral(handle) as pd:
        async with bus(tmp_path, path) as (here, _):
            here.intake.listeners.append(lambda message, events: heard.append(message))
            await here.recorded("availability")
            pd.submit_event({"event": Event.KeyPress, "reader_no": 0, "data": b"86420975#"})
            code = {"event": Event.CardRead, "reader_no": 0, "direction": 0, "format": CardFormat.Unspecified}
            pd.submit_event({**code, "length": 160, "data": b"VISITOR-4711-8a7b6c5"})
            await here.recorded("access", 2)
    secrets = {message.secret.text for message in heard}
    assert {"86420975", "VISITOR-4711-8a7b6c5"} <= secrets
    hidden = [form for text in secrets - {""} for form in (text.encode(), text.encode().hex().encode())]
    kept = [file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()]
    assert kept and not any(form in body for form in hidden for body in kept)


async def test_only_changes_of_a_report_are_events(tmp_path: Path) -> None:
    with wire() as (handle, path), peripheral(handle) as pd:
        async with bus(tmp_path, path) as (here, _):
            await here.recorded("availability")
            for report in ([0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]):
                pd.submit_event({"event": Event.Status, "type": StatusReportType.Input, "report": bytes(report)})
            found = await here.recorded("input", 6)
    assert [(event.point, event.value) for event in found[-2:]] == [("input/1", 1), ("input/1", 0)]
    assert len(found) == 6, "four as they are, then two changes"


async def test_a_wrong_key_gets_no_channel_and_no_order(tmp_path: Path) -> None:
    with wire() as (handle, path), peripheral(handle, OTHER_KEY) as pd:
        async with bus(tmp_path, path) as (here, transport):
            await asyncio.sleep(1.0)
            assert not pd.is_sc_active()
            assert not transport.send(PD, here.encode(PD, "door.open", point="reader/0"))
            assert await here.events() == []


async def test_a_device_that_comes_late_is_asked_anew(tmp_path: Path) -> None:
    """The library by itself leaves it alone for five minutes once it was silent for long enough."""
    with wire() as (handle, path):
        async with bus(tmp_path, path) as (here, transport):
            await asyncio.sleep(1.5)
            with peripheral(handle) as pd:
                await here.recorded("availability")
                assert pd.is_sc_active()
                assert transport.send(PD, here.encode(PD, "door.open", point="reader/0"))


async def test_a_line_that_goes_is_said_and_opened_again(tmp_path: Path) -> None:
    link = tmp_path / "line"
    with wire() as (first, path):
        link.symlink_to(path)
        with peripheral(first):
            async with bus(tmp_path, str(link)) as (here, _):
                await here.recorded("availability")
                os.close(first)  # as when the adapter is pulled
                await here.recorded("availability", 2)
                with wire() as (second, other):
                    link.unlink()
                    link.symlink_to(other)
                    with peripheral(second):
                        found = await here.recorded("availability", 3)
    assert [event.state for event in found] == ["online", "offline", "online"]


async def test_a_device_without_a_key_is_not_talked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    device = Device(id=PD, address="serial:/dev/null?pd=101")
    async with link_bench(tmp_path, device) as here, running(osdp_bus.make(here.around)):
        await until(lambda: "secure channel key" in capsys.readouterr().out)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("tcp:10.0.0.1", "the address is"),
        ("serial:/dev/ttyUSB0?baud=9601", "baud is one of"),
        ("serial:/dev/ttyUSB0?pd=127", "pd 0 to 126"),
        ("serial:/dev/ttyUSB0?pd=x", "not a number"),
        ("serial:/dev/ttyUSB0?parity=even", "there are baud and pd"),
    ],
)
def test_an_address_that_cannot_be_is_said(tmp_path: Path, address: str, said: str) -> None:
    secrets = DeviceSecrets(tmp_path)
    secrets.keep(PD, DeviceSecret(KEY.hex()))
    lines, wrong = osdp_address.lines_of({PD: address}, secrets)
    assert (lines, len(wrong)) == ({}, 1)
    assert said in wrong[0]


def test_two_devices_of_one_line_have_two_addresses_and_one_speed(tmp_path: Path) -> None:
    secrets = DeviceSecrets(tmp_path)
    for device in (PD, "osdp:5", "osdp:6", "osdp:7"):
        secrets.keep(device, DeviceSecret(KEY.hex()))
    tty_usb = "serial:/dev/ttyUSB0"
    addresses = {PD: tty_usb, "osdp:5": f"{tty_usb}?pd=101", "osdp:6": f"{tty_usb}?baud=38400", "osdp:7": tty_usb}
    lines, wrong = osdp_address.lines_of(addresses, secrets)
    assert [place.device for place in lines["/dev/ttyUSB0"]] == [PD, "osdp:7"]
    assert len(wrong) == 2
    assert KEY.hex() not in repr(lines) and repr(KEY) not in repr(lines)


def test_keys_end_with_a_sign_and_begin_anew_after_a_pause() -> None:
    keys = Keys()
    assert keys.press(PD, 0, b"12", 0.0) == []
    assert keys.press(PD, 1, b"9#", 1.0) == ["9"]
    assert keys.press(PD, 0, b"34\r", 2.0) == ["1234"]
    assert keys.press(PD, 0, b"99*12#", 3.0) == ["12"]
    assert keys.press(PD, 0, b"12", 4.0) == []
    assert keys.press(PD, 0, b"34#", 30.0) == ["34"]
    assert keys.press(PD, 0, b"1" * 40 + b"#", 31.0) == []
    assert keys.press(PD, 0, b"#", 32.0) == []


def test_the_line_is_wanted_for_osdp_alone() -> None:
    assert discover().transports_of([PD]) == {"osdp_bus"}
