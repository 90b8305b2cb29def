"""A swipe's way to its door's command at a fixed rate, the uplink cut, with a city block's credentials: the delay."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.gateway import rig
from benchmarks.intake import brokers
from benchmarks.rows import Row, percentile, row
from domain.access import CardList
from domain.desired import Document
from domain.doors.credentials import Credentials
from domain.doors.rules import Doors, Rules
from domain.doors.schedule import DAYS
from domain.doors.secrets import digest_of
from domain.doors.state import DoorState
from domain.doors.verdict import Asking, verdict
from edge.control.desired import DesiredState
from edge.store.file import open_store
from simulators.devices.uhppoted import NO_RIGHTS, Controller
from tests.rig import Rig

_RATE, _SECONDS, _P99_MS, _CREDENTIALS, _PINS = 200, 20, 20, 20_000, 500
_SERIAL, _DOORS = 405419896, 4
_WARM_SHARE = 0.1  # the first swipes find a cold process: not counted
_ZONE, _SALT = ZoneInfo("Asia/Shanghai"), "00" * 16


async def run(scale: float) -> list[Row]:
    """From the swipe's PUBLISH on the socket until the order to open lies at the door's own subscription."""
    count = max(400, int(_RATE * _SECONDS * scale))
    broker = brokers()[-1]()
    with rig(broker) as here:
        here.write_edge_settings("")
        await _wish(here)
        await here.start_edge()
        delays_ms = await asyncio.to_thread(_swipe, here, count)
    counted = delays_ms[int(len(delays_ms) * _WARM_SHARE) :]
    p50, p99 = round(percentile(counted, 0.5), 2), round(percentile(counted, 0.99), 2)
    what = f"swipe → order to open at {_RATE}/s, {_CREDENTIALS:,} credentials, {broker.name}: p99"
    first = row(what, p99, "ms", at_most=_P99_MS, p50_ms=p50, swipes=len(counted), slowest_ms=round(max(counted), 1))
    return [first, _pins()]


async def _wish(here: Rig) -> None:
    """What the centre had sent before the uplink was cut."""
    store = await open_store(here.edge_folder / "data", lambda: datetime.now(UTC))
    documents = [Document(kind, 1, body) for kind, body in _bodies().items()]
    applied = await DesiredState(store, lambda: datetime.now(UTC), lambda _: None).apply(documents)
    await store.close()
    if not applied:
        raise AssertionError("the documents were refused")


def _bodies() -> dict[str, dict[str, Any]]:
    device, points = f"uhppoted:{_SERIAL}", [f"door/{door + 1}" for door in range(_DOORS)]
    doors = [{"point": point, "decides": "gateway"} for point in points]
    rules = {
        "groups": [{"id": "all", "doors": [{"device": "uhppoted:*"}], "schedule": "day"}],
        "schedules": [{"id": "day", **{day: ["00:00-24:00"] for day in DAYS}}],
        "doors": [{"id": point, "readers": [{"device": device, "point": point, "to": "in"}]} for point in points],
    }
    common = {"doors": [], "groups": ["all"], "until": "2099-12-31"}
    cards = [{"id": f"c{number}", "card": str(number), **common} for number in range(1, _CREDENTIALS + 1)]
    return {
        "devices": {"devices": [{"id": device, "doors": doors}]},
        "credentials": {"cards": cards},
        "doors": rules,
    }


def _swipe(here: Rig, count: int) -> list[float]:
    """Card after card at its moment; the delay of each. Raises AssertionError where a door stays shut."""
    controller, sent_s, opened_s = Controller(_SERIAL, _ZONE), dict[int, float](), dict[int, float]()

    def order(_client: Any, _data: Any, message: Any) -> None:
        now = time.perf_counter()
        opened_s[msgspec.json.decode(message.payload)["message"]["request"]["card-number"]] = now

    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bench-door", protocol=paho.MQTTv311)
    client.on_message = order
    client.connect("127.0.0.1", here.broker.port)
    client.loop_start()
    client.subscribe("uhppoted/gateway/requests/#", 0)
    time.sleep(0.5)
    began = time.perf_counter()
    for number in range(count):
        time.sleep(max(0.0, began + number / _RATE - time.perf_counter()))
        card = number % _CREDENTIALS + 1
        live = controller.swipe(number % _DOORS + 1, card, 1, datetime.now(UTC), NO_RIGHTS)[-1]
        sent_s[card] = time.perf_counter()
        client.publish(live.topic, live.payload, 1)
    deadline = time.perf_counter() + 10
    while len(opened_s) < len(sent_s) and time.perf_counter() < deadline:
        time.sleep(0.01)
    client.loop_stop()
    client.disconnect()
    if len(opened_s) < len(sent_s):
        raise AssertionError(f"{len(sent_s) - len(opened_s)} of {len(sent_s)} doors stayed shut")
    return [(opened_s[card] - sent_s[card]) * 1000 for card in sent_s]


def _pins() -> Row:
    """The verdict alone for a keyed PIN: its digest is dear on purpose."""
    digest = digest_of("pin", "482913", bytes.fromhex(_SALT))
    common: dict[str, Any] = {"doors": [{"device": "*"}], "until": "2099-12-31"}
    known = [{"id": f"p{n}", "kind": "pin", "digest": f"{n:032x}", **common} for n in range(_CREDENTIALS - 1)]
    body = {"cards": [], "known": [*known, {"id": "p", "kind": "pin", "digest": digest, **common}], "salt": _SALT}
    cards, rules, state = CardList(1, msgspec.convert(body, Credentials)), Rules(1, Doors()), DoorState()
    took_ms: list[float] = []
    for _ in range(_PINS):
        began = time.perf_counter()
        asking = Asking("osdp:1", "reader/0", "pin", ("482913",), datetime.now(UTC))
        if not verdict(asking, state, cards, rules, _ZONE).decision.granted:
            raise AssertionError("a listed PIN was refused")
        took_ms.append((time.perf_counter() - began) * 1000)
    what = f"verdict on a PIN among {_CREDENTIALS:,}: p99"
    return row(what, round(percentile(took_ms, 0.99), 2), "ms", p50_ms=round(percentile(took_ms, 0.5), 2))
