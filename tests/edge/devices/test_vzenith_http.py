"""Vzenith over HTTP: what each push is answered, and the commands that go with the answers."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from domain.events import is_replay
from edge.devices.driver import Answer, CannotEncode, Command, Message, discover
from edge.transports.http_push import make
from tests.edge.devices.samples import RECEIVED_AT, SITE, json_of, sample
from tests.edge.http_bench import client, http_bench

FAMILY, DEVICE = "vzenith-http", "vzenith:fe71e106-57263272"
REGISTRY = discover()
PLATE, OFFLINE, BEAT = "plate-yellowgreen.json", "plate-offline-replay.json", "heartbeat.multipart.txt"
OPEN = {"info": "ok", "content": "retransfer_stop", "is_pay": "true", "channelNum": 0}


def encode(name: str, **args: Any) -> Answer:
    made = REGISTRY.encode(Command(name, DEVICE, "order-1", RECEIVED_AT, args), SITE, "/vzenith/plate", FAMILY)
    assert isinstance(made, Answer)
    return made


def told(payload: bytes) -> tuple[dict[str, Any], bool]:
    """What a push is answered, and whether a command may go with it."""
    answer = REGISTRY.answer(Message(FAMILY, payload), SITE)
    assert answer is not None
    return json.loads(answer.payload), answer.carries


def test_a_plate_is_told_to_stop_and_not_to_open() -> None:
    words, carries = told(sample(FAMILY, PLATE).payload)
    assert words["Response_AlarmInfoPlate"]["content"] == "retransfer_stop"
    assert words["Response_AlarmInfoPlate"]["info"] == "no"
    assert carries


def test_a_record_of_the_past_asks_for_the_next_and_carries_no_command() -> None:
    words, carries = told(sample(FAMILY, OFFLINE).payload)
    assert words["Response_AlarmInfoPlate"]["ContinuePushOffline"] == {"plateid": 123, "continue": 1}
    assert words["Response_AlarmInfoPlate"]["info"] == "no"
    assert not carries


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b"\xff", b'{"AlarmInfoPlate": 7}', b'{"SerialData": {}}'])
def test_every_push_is_answered_and_none_opens(payload: bytes) -> None:
    words, _ = told(payload)
    assert words.get("Response_AlarmInfoPlate", {}).get("info") != "ok"


@pytest.mark.parametrize(
    "poll",
    [
        sample(FAMILY, BEAT).payload,
        b"\0" + sample(FAMILY, BEAT).payload,
        b"device_name=IVS&serialno=fe71e106-57263272&pass_wd=admin",
        b'{"serialno": "fe71e106-57263272", "pass_wd": "admin"}',
    ],
)
def test_a_poll_is_a_sign_of_life_in_whatever_form(poll: bytes) -> None:
    reading = REGISTRY.decode(Message(FAMILY, poll), SITE)
    (event,) = reading.events
    assert (event.device, event.kind, event.state) == (DEVICE, "availability", "online")
    assert reading.pictures == []
    assert "admin" not in str(reading)
    assert told(poll) == ({"status": "ok"}, True)


def test_numbers_as_text_and_a_camera_that_the_path_names() -> None:
    body = json_of(FAMILY, PLATE)
    result = body["AlarmInfoPlate"]["result"]["PlateResult"]
    result |= {"isoffline": "1", "plateid": "21086", "colorType": "6"}
    del body["AlarmInfoPlate"]["serialno"]
    (event,) = REGISTRY.decode(Message(FAMILY, json.dumps(body).encode(), sender="lane-1"), SITE).events
    assert (event.device, event.source_event_id) == ("vzenith:lane-1", "21086")
    assert is_replay(event)


def test_commands_have_the_words_of_the_vendor() -> None:
    assert json.loads(encode("barrier.open").payload) == {"Response_AlarmInfoPlate": OPEN}
    pulse = json.loads(encode("barrier.open", io=1, pulse_ms=700).payload)["Response_AlarmInfoPlate"]
    assert pulse == {"ivs_ioctrl": {"io": 1, "value": 2, "delay": 700}}
    close = json.loads(encode("barrier.close").payload)["Response_AlarmInfoPlate"]
    assert close["ivs_ioctrl"]["io"] == 1
    (frame,) = json.loads(encode("display.voice", text="欢迎光临").payload)["Response_AlarmInfoPlate"]["serialData"]
    assert base64.b64decode(frame["data"]).hex(" ") == "00 64 ff ff 30 09 01 bb b6 d3 ad b9 e2 c1 d9 32 58"


@pytest.mark.parametrize(
    ("name", "args"), [("allowlist.put", {}), ("barrier.open", {"io": 9}), ("replay.continue", {}), ("door.open", {})]
)
def test_what_does_not_fit_is_refused(name: str, args: dict[str, Any]) -> None:
    with pytest.raises(CannotEncode):
        encode(name, **args)


def test_over_the_broker_the_same_camera_is_told_by_a_message() -> None:
    assert not isinstance(REGISTRY.encode(Command("barrier.open", DEVICE, "r", RECEIVED_AT), SITE), Answer)


async def answered(session: aiohttp.ClientSession, file: str) -> dict[str, Any]:
    async with session.post("/vzenith/push", data=sample(FAMILY, file).payload) as response:
        assert response.status == 200
        return await response.json()


async def test_a_car_is_let_in_by_the_answer_to_its_own_push(tmp_path: Path) -> None:
    """Decided while the push waits for the disk; the next answer opens nothing more."""
    async with http_bench(tmp_path, make) as (here, transport), client(here) as session:
        cars: list[bool] = []
        here.intake.listeners.append(
            lambda message, events: cars.extend(
                transport.send(event.device, encode("barrier.open"))
                for event in events
                if event.kind == "plate" and not is_replay(event) and len(cars) == 0
            )
        )
        first, second = [await answered(session, PLATE) for _ in range(2)]
        assert cars == [True]
        assert first == {"Response_AlarmInfoPlate": OPEN}
        assert second["Response_AlarmInfoPlate"]["info"] == "no"


async def test_a_command_waits_for_a_poll_and_passes_by_records_of_the_past(tmp_path: Path) -> None:
    async with http_bench(tmp_path, make) as (here, transport), client(here) as session:
        assert transport.send(DEVICE, encode("barrier.open"))
        for file in (OFFLINE, "gio-in.json"):
            assert (await answered(session, file)).get("Response_AlarmInfoPlate", {}).get("info") != "ok"
        assert await answered(session, BEAT) == {"Response_AlarmInfoPlate": OPEN}
        assert await answered(session, BEAT) == {"status": "ok"}


async def test_the_password_in_a_heart_beat_is_kept_nowhere_even_where_it_is_parked(tmp_path: Path) -> None:
    head, _, rest = sample(FAMILY, BEAT).payload.rpartition(b"admin")
    beat = head + b"hunter22" + rest
    async with http_bench(tmp_path, make) as (here, _), client(here) as session:
        here.list_devices()  # nobody: it is parked
        for body in (beat, beat[: len(head) + 8], beat[: len(head) + 20]):
            async with session.post("/vzenith/heartbeat", data=body) as response:
                assert response.status == 200
        kept = await here.parked()
        assert len(kept) == 3
        assert all(b"pass_wd" in message.payload for message in kept)
        assert not any(b"hunter" in message.payload for message in kept)
