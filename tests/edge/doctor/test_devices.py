"""The doctor on devices: each test against a simulated one on loopback, as it is and as it should not be."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from paho.mqtt.publish import single

from domain.access import NO_CARDS, CardList
from domain.desired import read_body
from domain.desired_bodies import Credentials, Device, Door
from domain.findings import Finding, exit_code
from edge.config import Broker, Config, Listen, Tcp, Uhppote, WebSocket
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import discover
from edge.doctor import devices, examination, retained
from edge.doctor.box import Box
from edge.doctor.listening import Listening
from edge.doctor.retained import Retained
from edge.doctor.verdict import Verdict
from edge.doctor.ways import udp
from simulators.broker import MosquittoBroker
from simulators.devices import dahua, hikvision, onvif_camera, two_n, uhppote, vzenith_tcp
from simulators.devices.http_device import HttpDevice, running
from tests.documents import ROOT
from tests.edge.broker_stage import needs_mosquitto
from tests.edge.test_udp import rig
from tests.edge.wire_bench import free_port

ZONE = ZoneInfo("Asia/Shanghai")
MAC, SERIAL, CAMERA = "00005e005351", 405419896, "fe71e106-57263272"
HIKVISION, TWO_N, DAHUA = f"hikvision:{MAC}", "2n:54-0880-0001", "dahua:TESTASI00001"
UHPPOTE, VZENITH, AXIS = f"uhppote:{SERIAL}", f"vzenith:{CAMERA}", "axis:ACCC8E000001"
SECRET = DeviceSecret("s3cret/:x", "admin")


def now() -> datetime:
    return datetime.now(UTC)


def box_of(
    folder: Path,
    *listed: Device,
    runs: bool = True,
    cards: CardList = NO_CARDS,
    kept: Mapping[str, str] | None = None,
    config: Config | None = None,
    listening: Listening | None = None,
) -> Box:
    """A box whose agent heard everyone a moment ago."""
    seen = {device.id: {"at": now().isoformat(), "state": "online"} for device in listed}
    left: dict[str, Any] = {"pid": os.getpid(), "seen": seen} if runs else {"seen": seen}
    by_broker = Retained(dict(kept or {}))
    settings = config or Config(data=str(folder))
    return Box(settings, discover(), listed, cards, left, now, lambda *_: by_broker, listening or Listening())


async def found(box: Box, only: str = "") -> list[Finding]:
    return await asyncio.to_thread(devices.check, box, only)


def bad(findings: Sequence[Finding]) -> list[str]:
    return [finding.cause for finding in findings if finding.level != "ok"]


def said(findings: Sequence[Finding]) -> str:
    return "\n".join(f"{finding.cause} → {finding.next_step}" for finding in findings)


async def asked(
    folder: Path, device: HttpDevice, identity: str, *, secret: DeviceSecret | None = SECRET
) -> list[Finding]:
    if secret is not None:
        DeviceSecrets(folder).keep(identity, secret)
    async with running(device):
        return await found(box_of(folder, Device(id=identity, address=device.address)))


HTTP = [
    pytest.param(lambda: hikvision.Terminal(MAC, SECRET.user, SECRET.secret), HIKVISION, "DS-K1T671M", id="hikvision"),
    pytest.param(lambda: two_n.Intercom(SECRET.user, SECRET.secret), TWO_N, "2N IP Force", id="2n"),
    pytest.param(lambda: dahua.Terminal(SECRET.user, SECRET.secret), DAHUA, "ASI7213X", id="dahua"),
    pytest.param(lambda: onvif_camera.Camera(), AXIS, "its clock is right", id="onvif"),
]


@pytest.mark.parametrize(("make", "identity", "fact"), HTTP)
async def test_a_device_over_http_that_is_well(make: Any, identity: str, fact: str, tmp_path: Path) -> None:
    findings = await asked(tmp_path, make(), identity)
    assert bad(findings) == []
    assert "answers in" in said(findings)
    assert "its clock is right" in said(findings)
    assert fact in said(findings)


@pytest.mark.parametrize(("make", "identity", "fact"), HTTP)
async def test_a_clock_in_another_zone_and_a_clock_that_is_wrong(
    make: Any, identity: str, fact: str, tmp_path: Path
) -> None:
    device: HttpDevice = make()
    device.off = timedelta(hours=-8, seconds=20)
    (zone,) = bad(await asked(tmp_path, device, identity))
    assert zone == "its clock is 8.0 h behind: its time zone, or its wall clock, is of another zone"
    device = make()
    device.off = timedelta(minutes=7)
    findings = await asked(tmp_path, device, identity)
    (wrong,) = bad(findings)
    assert wrong == "its clock is 7.0 min ahead"
    assert "NTP on, zone Asia/Shanghai (UTC+08:00)" in said(findings)


async def test_a_password_that_is_refused_is_shown_once_and_told_to_nobody(tmp_path: Path) -> None:
    device = hikvision.Terminal(MAC, SECRET.user, "another")
    findings = await asked(tmp_path, device, HIKVISION)
    assert bad(findings) == [f"{device.address}: it refuses the password"]
    assert exit_code(findings) == 2
    assert device.refused == 2, "the challenge, and one try: it locks who tries on"
    assert SECRET.secret not in said(findings)
    findings = await asked(tmp_path / "none", hikvision.Terminal(MAC, "admin", "x"), HIKVISION, secret=None)
    assert "wants a password, and none was entered" in said(findings)
    assert f"gatehouse-edge device-secret {HIKVISION}" in said(findings)


async def test_another_device_at_the_address(tmp_path: Path) -> None:
    findings = await asked(tmp_path, hikvision.Terminal("00005e0053aa", SECRET.user, SECRET.secret), HIKVISION)
    (cause,) = bad(findings)
    assert "answers 00005e0053aa, which is not the listed one" in cause
    assert "docs/devices/hikvision.md" in said(findings)


async def test_an_address_where_nobody_answers_and_one_that_is_none(tmp_path: Path) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    with_password = "http://user:hunter22@192.0.2.1"  # pragma: allowlist secret
    for listed, cause in (
        (Device(id=TWO_N, address=gone), "does not answer"),
        (Device(id=TWO_N), "it has no http address"),
        (Device(id=TWO_N, address=with_password), "a password stands in it"),
    ):
        findings = await found(box_of(tmp_path, listed))
        assert cause in said(findings)
        assert "hunter22" not in said(findings)


# --- UHPPOTE ---


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "_ANSWER_S", 0.2)


async def controller(folder: Path, sim: uhppote.Controller, **rest: Any) -> list[Finding]:
    port = await sim.start()
    config = Config(data=str(folder), uhppote=Uhppote(port=sim.listener[1] or 60_001, answer_s=0.2))
    listed = Device(id=UHPPOTE, address=f"127.0.0.1:{port}", **rest.pop("device", {}))
    try:
        return await found(box_of(folder, listed, config=config, **rest))
    finally:
        sim.stop()


async def test_a_controller_that_is_well_and_whose_agent_is_not_disturbed(tmp_path: Path) -> None:
    sim = uhppote.Controller(SERIAL, ZONE)
    before = sim.listener
    findings = await controller(tmp_path, sim, runs=False, listening=Listening(tmp_path / "none"))
    assert bad(findings) == []
    assert "answers in" in said(findings)
    assert set(sim.asked) <= {0x94, 0x32, 0x92}, "it is asked, and told nothing"
    assert sim.listener == before


async def test_a_controller_s_clock_its_listener_and_another_one_at_its_address(tmp_path: Path) -> None:
    sim = uhppote.Controller(SERIAL, ZONE)
    sim.off = timedelta(minutes=-11)
    findings = await controller(tmp_path, sim, listening=Listening(tmp_path / "none"))
    assert any("its clock is 11.0 min behind" in cause for cause in bad(findings))
    assert any("its events go to 0.0.0.0:0, not to 127.0.0.1:60001" in cause for cause in bad(findings))
    other = await controller(tmp_path, uhppote.Controller(SERIAL + 1, ZONE), listening=Listening(tmp_path / "none"))
    (cause,) = bad(other)
    assert f"answers {SERIAL + 1}, which is not the listed one" in cause
    deaf = uhppote.Controller(SERIAL, ZONE)
    deaf.is_deaf = True
    (cause,) = bad(await controller(tmp_path, deaf, listening=Listening(tmp_path / "none")))
    assert "no answer from 127.0.0.1" in cause


async def test_cards_that_differ_are_counted_and_not_named(tmp_path: Path) -> None:
    body = read_body("credentials", {"cards": [_card("8165537"), _card("8165538")]})
    assert isinstance(body, Credentials)
    device: dict[str, Any] = {"keeps_cards": True, "doors": (Door("door/1"),)}
    sim = uhppote.Controller(SERIAL, ZONE)
    sim.keep_card(8165537, (1,))
    sim.keep_card(8165999, (1,))
    quiet = Listening(tmp_path / "none")
    findings = await controller(tmp_path, sim, device=device, cards=CardList(1, body), listening=quiet, runs=False)
    assert any("1 cards that shall not open" in cause for cause in bad(findings))
    assert any("1 missing, 1 otherwise" in cause for cause in bad(findings))
    assert "8165" not in said(findings)
    assert len(sim.cards) == 2, "nothing is repaired by looking"


def _card(number: str) -> dict[str, Any]:
    return {
        "id": f"c-{number}",
        "card": number,
        "until": "2030-12-31",
        "doors": [{"device": UHPPOTE, "points": ["door/1"]}],
    }


# --- TCP, and those that come to us ---


async def test_a_camera_over_tcp_is_asked_and_not_subscribed_to(tmp_path: Path) -> None:
    camera = vzenith_tcp.Camera(CAMERA)
    camera.off = timedelta(hours=8)
    port = await camera.start()
    findings = await found(box_of(tmp_path, Device(id=VZENITH, address=f"tcp://127.0.0.1:{port}")))
    assert bad(findings) == ["its clock is 8.0 h ahead: its time zone, or its wall clock, is of another zone"]
    assert f"it is {CAMERA}" in said(findings)
    assert "docs/devices/vzenith-tcp.md" in said(findings)
    assert camera.asked == ["getsn", "get_device_timestamp"]
    await camera.stop()
    (cause,) = bad(await found(box_of(tmp_path, Device(id=VZENITH, address=f"tcp://127.0.0.1:{port}"))))
    assert f"127.0.0.1:{port} does not answer" in cause


async def test_who_comes_by_himself_needs_a_port_that_is_listened_on(tmp_path: Path) -> None:
    listed = [Device(id=name) for name in ("gat1400:1", "gb26875:1", "ocpp:CP1")]
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    held, free = server.sockets[0].getsockname()[1], free_port()
    for port, cause in ((held, ""), (free, "nobody listens on TCP port"), (0, "port is 0")):
        config = Config(
            data=str(tmp_path),
            listen=Listen(port=port),
            tcp=Tcp(ports={"gb26875": port or free}),
            websocket=WebSocket(port=port),
        )
        findings = await found(box_of(tmp_path, *listed, config=config))
        assert len([said for said in bad(findings) if cause in said]) == (3 if port == free else 2 if not port else 0)
    config = Config(data=str(tmp_path), listen=Listen(port=held))
    (cause,) = bad(await found(box_of(tmp_path, listed[0], config=config, runs=False)))
    assert cause == f"the agent does not run, and another program holds TCP port {held}"
    server.close()


async def test_a_line_of_rs485_is_looked_at_and_not_opened(tmp_path: Path) -> None:
    master, slave = os.openpty()
    path = os.ttyname(slave)
    DeviceSecrets(tmp_path).keep("osdp:101", DeviceSecret("00" * 16))
    listed = Device(id="osdp:101", address=f"serial:{path}?pd=101")
    assert "its key was entered" in said(await found(box_of(tmp_path, listed)))
    os.close(slave)
    os.close(master)
    gone = Device(id="osdp:101", address="serial:/dev/ttyNOBODY?pd=101")
    keyless = Device(id="osdp:102", address=f"serial:{path}?pd=102")
    causes = bad(await found(box_of(tmp_path, gone, keyless)))
    assert causes[0] == "the line /dev/ttyNOBODY: No such file or directory"
    assert "enter its secure channel key" in causes[1]


# --- the broker's ---


async def test_a_device_at_the_broker(tmp_path: Path) -> None:
    smoke, lost = Device(id="z2m:hall smoke"), Device(id="z2m:yard")
    (tmp_path / "broker").mkdir()
    (tmp_path / "broker" / "device-passwords.json").write_text('{"zigbee2mqtt": "x"}')
    box = box_of(tmp_path, smoke, lost, kept={smoke.id: "online", lost.id: "offline"})
    findings = await found(box)
    assert bad(findings) == ["the broker keeps that it is offline"]
    assert "its user at the broker is zigbee2mqtt" in said(findings)
    (tmp_path / "broker" / "device-passwords.json").write_text('{"gatehouse": "x"}')
    assert any("its user zigbee2mqtt is not among the broker's" in cause for cause in bad(await found(box)))


# --- all of them ---


async def test_two_hundred_devices_of_which_nobody_answers_end_in_time(tmp_path: Path, monkeypatch: Any) -> None:
    """Silence is what takes longest: addresses that swallow what is sent to them."""
    held = await asyncio.start_server(lambda *_: asyncio.sleep(60), "127.0.0.1", 0)
    port = held.sockets[0].getsockname()[1]
    monkeypatch.setattr(devices, "_ALL_S", 2.0)
    listed = [Device(id=f"2n:54-0880-{number:04}", address=f"http://127.0.0.1:{port}") for number in range(200)]
    began_s = time.monotonic()
    findings = await found(box_of(tmp_path, *listed))
    assert time.monotonic() - began_s < 8.0
    assert {finding.name for finding in findings} == {device.id for device in listed}
    assert "there was no time to test it → gatehouse-edge doctor --device" in said(findings)
    held.close()


async def test_one_device_alone_and_one_that_is_not_listed(tmp_path: Path) -> None:
    box = box_of(tmp_path, Device(id="z2m:yard"), Device(id="z2m:hall"))
    assert {finding.name for finding in await found(box, "z2m:hall")} == {"z2m:hall"}
    (finding,) = await found(box, "z2m:hal")
    assert "did you mean z2m:hall" in finding.cause
    settings = tmp_path / "edge.toml"
    settings.write_text('data = "data"\n[[devices]]\nid = "z2m:yard"\n[metrics]\nport = 0\n')
    told = await asyncio.to_thread(examination.examine, settings, now, "z2m:yard")
    assert {finding.group for finding in told} == {"devices"}


async def test_a_test_that_fails_ends_no_other(tmp_path: Path, monkeypatch: Any) -> None:
    async def broken(device: Device, verdict: Verdict, box: Box) -> None:
        raise RuntimeError("x")

    monkeypatch.setitem(devices.ways(), "mqtt", broken)
    findings = await found(box_of(tmp_path, Device(id="z2m:yard"), Device(id="gat1400:1")))
    assert any("its test failed (mqtt)" in cause for cause in bad(findings))
    assert {finding.name for finding in findings} == {"z2m:yard", "gat1400:1"}


def test_each_family_has_a_test_and_a_page() -> None:
    """Found, not listed: a driver without a way to be tested, or a page, is seen here."""
    registry = discover()
    drivers = [driver for driver in registry.by_family.values() if driver.kind != "line"]
    for driver in drivers:
        assert (ROOT / driver.page_path).is_file(), driver.kind
        address = "http://192.0.2.1" if "http_pull" in driver.transports else ""
        tests = devices.ways_of(Device(id=f"{driver.kind}:1", address=address), registry)
        assert tests, driver.kind
        assert set(tests) <= devices.ways().keys(), driver.kind


@needs_mosquitto
async def test_what_a_real_broker_keeps_of_the_listed_devices_and_of_no_others(tmp_path: Path) -> None:
    listed = [Device(id="z2m:hall/smoke"), Device(id="z2m:yard"), Device(id="z2m:never")]
    with MosquittoBroker() as broker:
        topics = {"hall/smoke/availability": b'{"state":"online"}', "yard/availability": b'{"state":"offline"}'}
        for topic, body in topics.items():
            await asyncio.to_thread(single, f"zigbee2mqtt/{topic}", body, retain=True, port=broker.port, qos=1)
        config = Config(data=str(tmp_path), broker=Broker(port=broker.port))
        kept = await asyncio.to_thread(retained.ask, config, discover(), listed)
        assert (kept.states["z2m:hall/smoke"], kept.states["z2m:yard"]) == ("online", "offline")
        assert "z2m:never" not in kept.states
    kept = await asyncio.to_thread(retained.ask, config, discover(), listed)
    assert "the broker does not answer" in kept.why


async def test_an_agent_that_runs_beside_it_goes_on_hearing_and_is_answered(tmp_path: Path) -> None:
    """Each asks from a port of its own: no answer to one reaches the other."""
    async with rig(tmp_path) as r:
        await r.adopt(keeps_cards=False)
        r.controller.keep_card(8165537, (1,))
        device = r.here.devices.of(UHPPOTE)
        assert device is not None
        box = box_of(tmp_path, device, config=r.here.config)
        asking = asyncio.create_task(found(box))
        for _ in range(5):
            r.controller.swipe(1, 8165537)
        findings = await asking
        assert len(await r.swipes(5)) >= 5
        assert "answers in" in said(findings)
        assert f"UDP port {r.here.config.uhppote.port} is listened on" in said(findings)
        assert bad(findings) == []
        (transport, _) = r.here.links._running["udp"]
        assert transport._asking.unasked == 0  # type: ignore[attr-defined]
