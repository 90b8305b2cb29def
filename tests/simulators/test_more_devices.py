"""The simulated devices say what was meant: their bytes, read by the drivers, which know nothing of them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from domain.desired_bodies import Device
from edge.device_secrets import ASKED_OF_IT, DeviceSecret, DeviceSecrets
from edge.devices.driver import Command, Message, Reading, Site, discover
from edge.transports.http_push import make
from simulators.devices import esp_rfid, gat1400, onvif, plate_readers, zigbee2mqtt
from simulators.devices.message import DeviceMessage
from tests.edge.http_bench import client, http_bench

AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF"
CODE = "44030000001190000001"
BOARD = esp_rfid.Board("/rfid/unit3")


def read(family: str, message: DeviceMessage) -> Reading:
    sent = Message(family, message.payload, message.topic, message.retained, received_at=AT)
    return discover().decode(sent, Site())


def said(family: str, message: DeviceMessage) -> list[tuple[Any, ...]]:
    events = read(family, message).events
    assert all(event.time in (None, AT) and event.time_quality != "device_clock_bad" for event in events)
    return [
        (e.kind, e.device, (e.subject and e.subject.id) or e.alarm or e.label, e.result or e.state or e.phase)
        for e in events
    ]


def test_a_board() -> None:
    device = "esp-rfid:/rfid/unit3"
    for answer, result in (("Always", "granted"), ("Denied", "denied"), ("Expired", "denied")):
        card = esp_rfid.access(BOARD, "3d5a9c21", "resident-017", answer, AT)  # type: ignore[arg-type]
        assert said("esp-rfid", card) == [("access", device, "3d5a9c21", result)]
    assert said("esp-rfid", esp_rfid.door(BOARD, "open", AT)) == [("door", device, None, "open")]
    for sign in (esp_rfid.boot(BOARD, AT), esp_rfid.heartbeat(BOARD, AT)):
        assert said("esp-rfid", sign) == [("availability", device, None, "online")]


def test_a_board_opens_for_our_order_and_enters_it() -> None:
    for address, count in (("192.0.2.71", 1), ("192.0.2.72", 0)):
        order = Command("door.open", "esp-rfid:/rfid/unit3", "r1", AT, {"doorip": address})
        sent: Any = discover().encode(order, Site(), "/rfid/unit3/send")
        answers = esp_rfid.answer(BOARD, sent.topic, sent.payload, AT)
        assert [event.method for one in answers for event in read("esp-rfid", one).events] == ["remote"] * count


def test_a_bridge() -> None:
    bridge = zigbee2mqtt.Bridge()
    assert said("zigbee2mqtt", bridge.state("offline")) == [("availability", "z2m-bridge", None, "offline")]
    assert said("zigbee2mqtt", bridge.availability("b3/leak", "online")) == [
        ("availability", "z2m:b3/leak", None, "online")
    ]
    assert said("zigbee2mqtt", bridge.says("b3/leak", water_leak=True)) == [
        ("alarm", "z2m:b3/leak", "water_leak", "active")
    ]
    assert said("zigbee2mqtt", bridge.says("b3/leak", water_leak=False)) == []
    assert said("zigbee2mqtt", bridge.leaves("b3/leak")) == [("availability", "z2m:b3/leak", None, "offline")]
    bridge.says("b3/plug", state="OFF")
    sent: Any = discover().encode(Command("switch.on", "z2m:b3/plug", "r1", AT), Site())
    assert [said("zigbee2mqtt", one) for one in bridge.answer(sent.topic, sent.payload)] == [
        [("input", "z2m:b3/plug", None, "on")]
    ]


def test_cameras_over_mqtt() -> None:
    assert said("axis-mqtt", onvif.axis("ACCC8E1", "pir", 0, True, AT)) == [
        ("detection", "axis:ACCC8E1", "motion", "start")
    ]
    crossed = onvif.line_crossed("Lift1", "lift", 7, "Bicycle", AT)
    assert said("onvif-mqtt", crossed) == [("detection", "onvif:Lift1", "bicycle", "instant")]
    assert said("onvif-mqtt", onvif.inside("Yard", "yard", False, AT)) == [("detection", "onvif:Yard", "object", "end")]
    assert said("onvif-mqtt", onvif.plate("Gate", "gate", 8, "粤B8K6Q2", AT)) == [
        ("plate", "onvif:Gate", "粤B8K6Q2", "instant")
    ]


def test_plate_readers() -> None:
    group = plate_readers.rekor_group(7, "粤B8K6Q2", 92.5, AT, JPEG)
    assert said("openalpr-rekor", group) == [("plate", "rekor:7", "粤B8K6Q2", "instant")]
    assert len(read("openalpr-rekor", group).pictures) == 1
    beat = plate_readers.rekor_heartbeat("box", 7, streams=False)
    assert [entry[3] for entry in said("openalpr-rekor", beat)] == ["online", "offline"]
    form = plate_readers.platerecognizer("gate", "粤B8K6Q2", 0.9, AT, ZONE, JPEG)
    assert said("platerecognizer", form) == [("plate", "platerecognizer:gate", "粤B8K6Q2", "instant")]
    assert [kept.body for kept in read("platerecognizer", form).pictures] == [JPEG]


async def test_a_camera_of_ga_t_1400_through_the_listener(tmp_path: Path) -> None:
    camera, now = gat1400.Camera(CODE, ZONE), datetime.now(UTC)
    async with http_bench(tmp_path, make) as (here, _), client(here):
        here.list_devices(Device(id=f"gat1400:{CODE}"))
        DeviceSecrets(here.folder, ASKED_OF_IT).keep(
            f"gat1400:{CODE}", DeviceSecret("viid")
        )  # pragma: allowlist secret
        with pytest.raises(gat1400.Refused):
            await gat1400.Pusher(here.url, CODE, "wrong").register(camera)
        pusher = gat1400.Pusher(here.url, CODE, "viid")
        with pytest.raises(gat1400.Refused):
            await pusher.push(camera.vehicle("粤B8K6Q2", "blue", now))
        await pusher.register(camera)
        for message in (
            camera.keepalive(),
            camera.vehicle("粤B8K6Q2", "blue", now, JPEG),
            camera.vehicle(None, "unknown", now),
        ):
            await pusher.push(message)
        await pusher.push(camera.face(now, JPEG))
        await pusher.push(camera.unregister())
        plates, faces = await here.events("plate"), await here.events("detection")
        assert [(e.subject.id, e.subject.plate_color, e.subject.plate_status) for e in plates if e.subject] == [
            ("粤B8K6Q2", "blue", "read"),
            (None, "unknown", "no_plate"),
        ]
        assert [(e.label, e.media[0].role) for e in faces] == [("face", "face")]
        assert [e.state for e in await here.events("availability")] == ["online", "offline"]
