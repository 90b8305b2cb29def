"""Devices that spoke by themselves: births that are kept at the broker, messages that were parked; and the command."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import msgspec
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from domain.events import Event
from edge.commands.app import app
from edge.config import Config
from edge.devices.announced import Known
from edge.devices.driver import PEER, discover
from edge.discovery import broker, found_file, parked
from edge.discovery.discoverer import Discoverer, Search
from edge.discovery.found import Findings, Found, found
from edge.discovery.search import search
from edge.intake.device_list import DeviceList, UnknownDevice, unlisted_in
from edge.intake.parked import Parked
from edge.transports import http_push
from simulators.broker import NatsBroker, free_port
from simulators.devices import uhppote as sim
from tests.edge.box import NOW, Box
from tests.edge.devices.samples import sample
from tests.edge.link_bench import link_bench, running

SERIAL = 405419896
Z2M = [
    {"type": "Coordinator", "friendly_name": "Coordinator", "ieee_address": "0x0"},
    {
        "type": "EndDevice",
        "friendly_name": "3号楼/烟感",
        "ieee_address": "0x00158d0001",
        "definition": {"vendor": "Aqara", "model": "JTYJ-GD-01LM/BW", "description": "Smart smoke detector"},
    },
    {"type": "Router", "ieee_address": "0x00158d0002", "friendly_name": "", "definition": None},
]
HOME_ASSISTANT = {
    "name": "Door",
    "~": "rfid/gate",
    "stat_t": "~/io/door",
    "dev": {"name": "北门读卡器", "mf": "esp-rfid"},
}
KEPT: dict[str, Any] = {
    "zigbee2mqtt/bridge/devices": Z2M,
    "homeassistant/binary_sensor/gate/door/config": HOME_ASSISTANT,
    "homeassistant/sensor/other/config": {"stat_t": "tele/other/STATE", "dev": {"name": "not ours"}},
    "homeassistant/sensor/rubbish/config": [1, 2],
    "frigate/stats": {"cameras": {"yard": {}, "gate": {}}},
}


@pytest.fixture(scope="module")
def at_broker() -> Iterator[int]:
    """A broker that keeps births and a sign of life, as devices leave them there."""
    with NatsBroker() as there:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="devices", protocol=paho.MQTTv311)
        client.connect("127.0.0.1", there.port)
        client.loop_start()
        alive = sample("vzenith-mqtt", "keep-alive.json")
        said = {topic: json.dumps(body).encode() for topic, body in KEPT.items()} | {alive.topic: alive.payload}
        for topic, payload in said.items():
            client.publish(topic, payload, qos=1, retain=True).wait_for_publish(5)
        yield there.port
        client.disconnect()
        client.loop_stop()


def asked(folder: Path, seconds: float = 1.0, **settings: Any) -> Search:
    return Search(
        msgspec.convert({"data": str(folder), **settings}, Config), discover(), lambda: NOW, seconds, "127.0.0.1"
    )


async def look(way: Discoverer, by: Search) -> tuple[dict[str, Found], dict[str, str]]:
    findings = Findings()
    failed = await search(by, findings.add, [way])
    return {one.id: one for one in findings.all([])}, failed


async def test_births_at_the_broker_are_found_with_their_names_and_models(at_broker: int, tmp_path: Path) -> None:
    for seconds in (1.0, 5.0, 20.0):  # on a machine that others use a second may be over before the broker answers
        there, failed = await look(broker.DISCOVERER, asked(tmp_path, seconds, broker={"port": at_broker}))
        assert not failed
        if there:
            break
    assert {one.id: (one.name, one.model, one.page) for one in there.values()} == {
        "z2m:3号楼/烟感": ("3号楼/烟感", "Aqara JTYJ-GD-01LM/BW", "docs/devices/zigbee2mqtt.md"),
        "z2m:0x00158d0002": ("0x00158d0002", "", "docs/devices/zigbee2mqtt.md"),
        "esp-rfid:rfid/gate": ("北门读卡器", "", "docs/devices/esp-rfid.md"),
        "frigate:yard": ("yard", "", "docs/devices/frigate.md"),
        "frigate:gate": ("gate", "", "docs/devices/frigate.md"),
        "vzenith:fe71e106-57263272": ("", "", "docs/devices/vzenith.md"),
    }


async def test_a_broker_that_is_away_is_said_with_what_to_look_at(tmp_path: Path) -> None:
    there, failed = await look(broker.DISCOVERER, asked(tmp_path, 0.1, broker={"port": 9}))
    assert there == {}
    assert "127.0.0.1:9 is not reached" in failed["mqtt"]
    assert "[broker]" in failed["mqtt"]


def unlisted(family: str, file: str, device: str, topic: str = "", **headers: str) -> Parked:
    try:
        DeviceList([], accept_unknown=False).place(Event(kind="input", device=device))
    except UnknownDevice as error:
        payload = sample(family, file).payload
        return Parked(NOW, "unknown_device", str(error), family, topic, payload, headers=headers)
    raise AssertionError("it must be unknown")


REGISTERED = unlisted(
    "gat1400", "register.json", "gat1400:44030000001210000001", "/VIID/System/Register", **{PEER: "192.0.2.7"}
)
TRANSMITTER = unlisted("gb26875", "system-fault.hex", "gb26875:000000000001", "tcp/192.0.2.8")


async def test_devices_whose_messages_are_parked_are_found_with_where_they_came_from(tmp_path: Path) -> None:
    box = Box(tmp_path)
    broken = Parked(NOW, "undecodable", "x:1 is not in the device list", "vzenith-mqtt", "t", b"\xff")
    await box.fill(parked=[REGISTERED, REGISTERED, TRANSMITTER, broken])
    there, failed = await look(parked.DISCOVERER, asked(box.folder))
    assert not failed
    (registered,) = (one for one in there.values() if one.id.startswith("gat1400:"))
    assert (registered.host, registered.seen_at) == ("192.0.2.7", NOW)
    assert {one.host for one in there.values()} == {"192.0.2.7", "192.0.2.8", ""}
    assert "x:1" not in there
    assert unlisted_in("2 bytes") == ""


async def test_a_box_without_a_log_has_heard_nobody_and_a_torn_one_is_said(tmp_path: Path) -> None:
    assert await look(parked.DISCOVERER, asked(tmp_path)) == ({}, {})
    (tmp_path / "log.db").write_bytes(b"no database, whatever it is called" * 99)
    _, failed = await look(parked.DISCOVERER, asked(tmp_path))
    assert "cannot be read" in failed["heard"]


async def test_a_camera_that_registers_over_http_is_found_by_where_it_called_from(tmp_path: Path) -> None:
    """The same that a running agent does: the push is parked, and the parked message names the camera."""
    port = free_port()
    async with link_bench(tmp_path, listen={"host": "127.0.0.1", "port": port}) as here:
        async with running(http_push.make(here.around)), aiohttp.ClientSession() as session:
            for attempt in range(100):
                try:
                    url, body = f"http://127.0.0.1:{port}/VIID/System/Register", REGISTERED.payload
                    async with session.post(url, data=body) as answer:
                        assert answer.status == 200
                    break
                except aiohttp.ClientConnectorError:
                    await asyncio.sleep(0.02)
                    assert attempt < 99
        there, _ = await look(parked.DISCOVERER, asked(tmp_path))
    assert there["gat1400:44030000001210000001"].host == "127.0.0.1"


class Command:
    """The command on a box beside a broker and a controller."""

    def __init__(self, box: Box) -> None:
        self.box = box

    def __call__(self, *words: str) -> tuple[int, str, str]:
        line = ["discover", "--seconds", "0.5", "--interface", "127.0.0.1", "--config", str(self.box.config), *words]
        done = CliRunner().invoke(app, line)
        return done.exit_code, done.stdout, done.stderr


async def test_the_command_shows_what_is_there_as_a_table_as_json_and_as_blocks(at_broker: int, tmp_path: Path) -> None:
    controller = sim.Controller(SERIAL, ZoneInfo("Asia/Shanghai"))
    port = await controller.start()
    network = f'uhppote.broadcast = "127.0.0.1:{port}"\ndiscovery.probe = "127.0.0.1:9"\nbroker.port = {at_broker}\n'
    box = Box(tmp_path, network + '[[devices]]\nid = "frigate:gate"\nplace = "x"\n')
    await box.fill(parked=[REGISTERED])
    refused = found(Known("ocpp:CP-7", host="192.0.2.4"), "called", datetime.now(UTC))
    assert refused
    found_file.write(box.folder, [refused])
    command = Command(box)
    code, printed, _ = await asyncio.to_thread(command)
    assert code == 0
    for words in (
        f"uhppote:{SERIAL}",
        f"127.0.0.1:{port}".removesuffix(":60000"),  # its usual port is not written
        "gat1400:44030000001210000001",
        "uhppote.md",
        "To list them",
    ):
        assert words in printed.replace("\n", ""), printed
    code, printed, _ = await asyncio.to_thread(command, "--json")
    there = {one["id"]: one for one in json.loads(printed)}
    assert {f"uhppote:{SERIAL}", "ocpp:CP-7", "frigate:yard", "gat1400:44030000001210000001"} <= set(there)
    assert "frigate:gate" not in there, "what is listed is not offered"
    code, printed, _ = await asyncio.to_thread(command, "--toml")
    assert {one["id"] for one in tomllib.loads(printed)["devices"]} == set(there)
    box.config.write_text(box.config.read_text() + printed)
    code, printed, _ = await asyncio.to_thread(command)
    assert (code, "nothing was found that is not listed" in printed) == (0, True), "the blocks are taken as they are"
    (box.folder / found_file.FILE).write_bytes(b'[{"of": "another version"}]')
    assert found_file.read(box.folder, NOW) == []
    controller.stop()


def test_what_cannot_be_looked_is_said_and_where_nothing_can_the_command_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = Box(tmp_path, 'broker.port = 9\ndiscovery.probe = "127.0.0.1:9"\nuhppote.broadcast = "127.0.0.1:9"\n')
    code, printed, said = Command(box)()
    assert (code, "docs/devices/README.md" in printed.replace("\n", "")) == (0, True)
    assert "mqtt: the broker at 127.0.0.1:9 is not reached" in said
    monkeypatch.setattr("edge.discovery.search.discoverers", lambda: (broker.DISCOVERER,))
    monkeypatch.setattr("edge.commands.discover.discoverers", lambda: (broker.DISCOVERER,))
    code, printed, said = Command(box)()
    assert code == 1
    assert "no way could be looked" in said
