"""The simulated 臻识 camera speaks as the recorded one does."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest

from simulators.devices import vzenith
from simulators.devices.message import DeviceMessage
from tests.simulators.shapes import keys, same_kinds, sample

AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)
CAMERA = vzenith.Camera("fe71e106-57263272", "东门入口")


def body(message: DeviceMessage) -> dict:
    return json.loads(message.payload)


def result(message: DeviceMessage) -> dict:
    return body(message)["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]


@pytest.mark.parametrize(
    ("message", "name"),
    [
        (vzenith.plate(CAMERA, vzenith.Plate(text="粤B8K6Q2"), 31001, AT), "ivs-result-blue.json"),
        (vzenith.plate(CAMERA, vzenith.Plate(text=None), 31001, AT), "ivs-result-noplate.json"),
        (vzenith.keep_alive(CAMERA, AT), "keep-alive.json"),
        (vzenith.gpio_in(CAMERA, 0, 1, AT), "gpio-in.json"),
        (vzenith.barrier_status(CAMERA, 1, AT), "barrier-status.json"),
    ],
)
def test_has_the_keys_and_kinds_of_the_sample(message: DeviceMessage, name: str) -> None:
    theirs = sample("vzenith-mqtt", name)
    assert keys(body(message)) == keys(theirs)
    assert same_kinds(body(message), theirs) == []


def test_says_what_the_blue_sample_says() -> None:
    ours = result(vzenith.plate(CAMERA, vzenith.Plate(text="粤B8K6Q2"), 31001, AT))
    theirs = sample("vzenith-mqtt", "ivs-result-blue.json")["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]
    same = (
        "license",
        "colorType",
        "type",
        "start_time",
        "begin_time",
        "unique_id",
        "isoffline",
        "plateid",
        "direction",
    )
    assert {key: ours[key] for key in same} == {key: theirs[key] for key in same}


@pytest.mark.parametrize(
    ("layout", "topic"),
    [
        ("device_first", "device/fe71e106-57263272/message/up/ivs_result"),
        ("sn_first", "fe71e106-57263272/device/message/up/ivs_result"),
    ],
)
def test_both_topic_layouts(layout: vzenith.Layout, topic: str) -> None:
    camera = vzenith.Camera("fe71e106-57263272", "东门入口", layout=layout)
    assert vzenith.plate(camera, vzenith.Plate(text="粤B8K6Q2"), 1, AT).topic == topic


def test_a_kept_record_is_marked_and_keeps_its_own_time() -> None:
    taken_at = AT - timedelta(hours=5)
    message = vzenith.plate(CAMERA, vzenith.Plate(text="粤B8K6Q2"), 7, taken_at, sent_at=AT)
    assert result(message)["isoffline"] == 1
    assert result(message)["start_time"] == int(taken_at.timestamp()) * 1000
    assert body(message)["timestamp"] == int(AT.timestamp())


def test_pictures_travel_inside_as_base64() -> None:
    read = vzenith.Plate(text="粤BD12345", color="green", scene=b"\xff\xd8scene", close_up=b"\xff\xd8plate")
    sent = result(vzenith.plate(CAMERA, read, 1, AT))
    assert b64decode(sent["full_image_content"]) == b"\xff\xd8scene"
    assert b64decode(sent["small_image_content"]) == b"\xff\xd8plate"
    assert b64decode(sent["license"]).decode() == "粤BD12345"


def test_a_car_without_a_plate_has_neither_confidence_nor_colour() -> None:
    sent = result(vzenith.plate(CAMERA, vzenith.Plate(text=None, color="blue"), 1, AT))
    assert b64decode(sent["license"]).decode() == "_无_"
    assert (sent["confidence"], sent["colorType"]) == (0, 0)


def test_a_keep_alive_may_begin_with_a_nul() -> None:
    plain, odd = vzenith.keep_alive(CAMERA, AT), vzenith.keep_alive(CAMERA, AT, leading_nul=True)
    assert odd.payload == b"\x00" + plain.payload


def test_a_command_is_answered_as_the_sample_is() -> None:
    command = json.dumps(sample("vzenith-mqtt", "cmd-open.json")).encode()
    topic = "device/fe71e106-57263272/message/down/gpio_out"
    [reply] = vzenith.answer(CAMERA, topic, command, AT + timedelta(seconds=1))
    assert reply.topic == topic + "/reply"
    assert body(reply) == sample("vzenith-mqtt", "reply-open.json")


def test_an_unknown_command_is_refused_and_others_are_not_answered() -> None:
    command = b'{"id": "1", "payload": {"type": "fly"}}'
    [reply] = vzenith.answer(CAMERA, "device/fe71e106-57263272/message/down/fly", command, AT)
    assert body(reply)["code"] != 200
    assert vzenith.answer(CAMERA, "device/another/message/down/gpio_out", command, AT) == []
    assert vzenith.answer(CAMERA, "device/fe71e106-57263272/message/down/gpio_out", b"not json", AT) == []
