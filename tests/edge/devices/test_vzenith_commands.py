"""Commands to Vzenith cameras, and the board behind them."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from edge.devices import _led_boards
from edge.devices.driver import CannotEncode, Command, discover
from tests.edge.devices.samples import SITE

ISSUED_AT = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)


def encode(name: str, hint: str = "", device: str = "vzenith:cam-1", **args: Any) -> tuple[str, dict[str, Any]]:
    publish = discover().encode(Command(name, device, "r1", ISSUED_AT, args), SITE, hint)
    return publish.topic, json.loads(publish.payload)


@pytest.mark.parametrize(
    ("hint", "head"),
    [
        ("", "device/cam-1"),
        ("device/cam-1/message/up/keep_alive", "device/cam-1"),
        ("cam-1/device/message/up/keep_alive", "cam-1/device"),
        ("cam-2/device/message/up/keep_alive", "device/cam-1"),  # another camera's topic is no hint
        ("frigate/events", "device/cam-1"),
    ],
)
def test_a_camera_is_answered_in_its_own_layout(hint: str, head: str) -> None:
    topic, body = encode("barrier.open", hint)
    assert topic == f"{head}/message/down/gpio_out"
    assert body["payload"]["body"] == {"io": 0, "value": 2, "delay": 500}


def test_the_wiring_decides_the_relay() -> None:
    assert encode("barrier.open", io=2, pulse_ms=1500)[1]["payload"]["body"] == {"io": 2, "value": 2, "delay": 1500}
    assert encode("barrier.close")[1]["payload"]["body"]["io"] == 1


def test_plates_leave_the_list_as_plain_text() -> None:
    topic, body = encode("allowlist.delete", plates=["粤B8K6Q2", "粤BD12345"])
    assert topic.endswith("/white_list_operator")
    assert body["payload"]["body"] == {"operator_type": "delete", "plate": ["粤B8K6Q2", "粤BD12345"]}


def test_a_list_speaks_the_site_s_time() -> None:
    span = [datetime(2026, 1, 1, tzinfo=UTC), "2026-01-02T00:00:00+08:00"]
    (record,) = encode("allowlist.put", plates=["粤B8K6Q2"], valid_utc=span)[1]["payload"]["body"]["dldb_rec"]
    assert (record["enable_time"], record["overdue_time"]) == ("2026-01-01 08:00:00", "2026-01-02 00:00:00")
    assert record["create_time"] == "2026-03-01 08:15:30"


def test_a_board_speaks_gbk_in_a_checked_frame() -> None:
    (entry,) = encode("display.voice", text="欢迎光临", serial_channel=1)[1]["payload"]["body"]["serialData"]
    frame = base64.b64decode(entry["data"])
    assert frame.hex(" ") == "00 64 ff ff 30 09 01 bb b6 d3 ad b9 e2 c1 d9 32 58"
    assert (entry["serialChannel"], entry["dataLen"]) == (1, 17)


def test_crc16_modbus_check_value() -> None:
    assert _led_boards.crc16_modbus(b"123456789") == 0x4B37


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("barrier.open", {"pulse_ms": 100}),
        ("barrier.open", {"pulse_ms": 60_000}),
        ("barrier.open", {"io": -1}),
        ("barrier.open", {"io": "left"}),
        ("display.voice", {}),
        ("display.voice", {"text": "😀"}),
        ("display.voice", {"text": "好" * 128}),
        ("display.voice", {"text": "好", "board": "0x65"}),
        ("allowlist.put", {"plates": ["粤B8K6Q2"]}),
        ("allowlist.put", {"plates": [], "valid_utc": ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]}),
        ("allowlist.put", {"plates": ["粤B8K6Q2"], "valid_utc": ["2026-01-02T00:00:00Z", "2026-01-01T00:00:00Z"]}),
        ("allowlist.put", {"plates": ["粤B8K6Q2"], "valid_utc": ["2026-01-01T00:00:00", "2026-01-02T00:00:00"]}),
        ("allowlist.put", {"plates": ["粤B8K6Q2"], "valid_utc": ["monday", "2026-01-02T00:00:00Z"]}),
        ("allowlist.delete", {"plates": "粤B8K6Q2"}),
        ("door.open", {}),
    ],
)
def test_what_does_not_fit_is_refused(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode, match=name.replace(".", r"\.") + "|board"):
        encode(name, **args)


@pytest.mark.parametrize("device", ["vzenith:", "vzenith", "vzenith:a/b", "vzenith:+", "vzenith:a#"])
def test_no_device_reaches_another_topic(device: str) -> None:
    with pytest.raises(CannotEncode):
        encode("barrier.open", device=device)
