"""Doors at a gateway on a real log: who keys, shows and swipes; contacts, fire, lock-down; what outlasts a stop."""

from __future__ import annotations

import asyncio
import json
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.doors.secrets import digest_of
from domain.events import Event
from domain.orders import Order
from edge.control import door_holds, door_memory
from edge.device_secrets import SITE_KEY, DeviceSecret, DeviceSecrets
from edge.devices.driver import Message, Packet, Secret
from tests.edge.control_bench import ControlBench, control_bench
from tests.edge.control_bench import order as made
from tests.rig import until

SALT, KEY = "b2" * 16, "c3" * 16
PIN, DURESS, CODE = "482913", "482914", "visitor-code-0001"
READERS = ("osdp:1", "osdp:2")
DEVICES = {
    "devices": [
        {"id": reader, "place": "3 号楼", "doors": [{"point": "reader/0", "decides": "gateway"}]} for reader in READERS
    ]
}
GATE: dict[str, Any] = {
    "id": "gate",
    "readers": [
        {"device": "osdp:1", "point": "reader/0", "from": "street", "to": "yard"},
        {"device": "osdp:2", "point": "reader/0", "from": "yard", "to": "street"},
    ],
    "contact": {"device": "osdp:1", "point": "input/0"},
    "exits": [{"device": "osdp:1", "point": "input/1"}],
    "anti_passback": "hard",
}
TRIGGERS = {
    "fire": [{"device": "osdp:1", "point": "input/2"}],
    "lock_down": [{"device": "osdp:1", "point": "input/3"}],
}


class Ticking:
    """A clock that never shows a millisecond twice: nobody swipes twice in one, and such events would be one."""

    def __init__(self) -> None:
        self._last = datetime.now(UTC)

    def __call__(self) -> datetime:
        self._last = max(datetime.now(UTC), self._last + timedelta(milliseconds=2))
        return self._last


def gateway(folder: Path) -> AbstractAsyncContextManager[ControlBench]:
    return control_bench(folder, Ticking())


def digest(kind: Any, text: str) -> str:
    return digest_of(kind, text, bytes.fromhex(SALT), bytes.fromhex(KEY))


def credentials(*revoked: str) -> dict[str, Any]:
    common: dict[str, Any] = {"doors": [{"device": "osdp:*"}], "until": "2099-12-31"}
    known = [
        {"id": "p1", "kind": "pin", "digest": digest("pin", PIN), "duress_digest": digest("pin", DURESS)},
        {"id": "q1", "kind": "qr", "digest": digest("qr", CODE)},
    ]
    cards = [{"id": "c1", "card": "17121540"}, {"id": "c2", "card": "w26:d5aa1200", "revoked": "c2" in revoked}]
    if "c2" not in revoked:
        cards = cards[:1]
    return {"cards": [one | common for one in cards], "known": [one | common for one in known], "salt": SALT}


async def site(here: ControlBench, folder: Path, *, door: dict[str, Any] | None = None, **doors: Any) -> None:
    DeviceSecrets(folder).keep(SITE_KEY, DeviceSecret(KEY))
    wishes = {"doors": {"doors": [{**GATE, **(door or {})}], **TRIGGERS, **doors}}
    assert await here.wish(1, devices=DEVICES, credentials=credentials(), **wishes)


def say(here: ControlBench, reader: str = "osdp:1", secret: str = "", **words: Any) -> None:
    payload = json.dumps({"pd": int(reader.partition(":")[2]), **words}).encode()
    here.intake.offer(Message("osdp", payload, received_at=here.clock(), secret=Secret(secret)), lambda: None)


def swipe(here: ControlBench, reader: str = "osdp:1") -> None:
    say(here, reader, event="CardRead", format="Wiegand", length=26, data_hex="d5aa1200")


def key(here: ControlBench, pin: str, reader: str = "osdp:1") -> None:
    say(here, reader, pin, event="KeyPress")


def show(here: ControlBench, code: str, reader: str = "osdp:1") -> None:
    say(here, reader, code, event="CardRead", format="ASCII")


def inputs(here: ControlBench, *values: int) -> None:
    say(here, event="Status", type="Input", report_hex=bytes(values).hex(), whole=True)


def told(here: ControlBench) -> list[str]:
    """What the readers were told: the relay, or the colour."""
    found: list[str] = []
    for _, message in here.told:
        assert isinstance(message, Packet)
        words = json.loads(message.payload)
        first = words[0] if isinstance(words, list) else words
        codes = {1: "normal", 2: "free", 5: "open"}
        found.append(codes[first["control_code"]] if first["command"] == "Output" else "refused")
    return found


async def decided(here: ControlBench, count: int) -> list[Event]:
    await here.recorded("access", 2 * count)
    found = [event for event in await here.events("access") if event.ext.get("decided_by")]
    return sorted(found, key=lambda event: event.occurred_at)


async def states(here: ControlBench, *expected: str) -> list[Event]:
    """What was said of doors, once it is what is expected, in order."""
    found: list[Event] = []
    for _ in range(500):
        found = sorted(await here.events("door"), key=lambda event: event.occurred_at)
        if [event.state for event in found] == list(expected):
            return found
        await asyncio.sleep(0.01)
    raise AssertionError([event.state for event in found])


async def test_a_card_a_pin_and_a_code_get_their_verdict_and_the_reader_shows_it(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, door={"anti_passback": ""})
        swipe(here)  # listed as it is printed: facility and number
        key(here, PIN)
        show(here, CODE)
        show(here, CODE)
        key(here, "111111")
        assert told(here) == ["open", "open", "open", "refused", "refused"]
        found = await decided(here, 5)
        assert [event.reason for event in found] == ["card_list"] * 3 + ["used", "unknown_card"]
        assert [event.ext.get("card") for event in found] == ["c1", "p1", "q1", "q1", None]
        assert [event.method for event in found] == ["card", "pin", "qr", "qr", "pin"]


async def test_what_was_keyed_or_shown_is_in_no_file(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        key(here, PIN)
        key(here, "777123777")
        show(here, CODE)
        await decided(here, 3)
    kept = b"".join(file.read_bytes() for file in (tmp_path).rglob("*") if file.is_file())
    assert not any(text.encode() in kept for text in (PIN, "777123777", CODE))


async def test_a_code_of_one_use_and_who_is_inside_outlast_a_stop(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        show(here, CODE)
        swipe(here)
        await decided(here, 2)
    async with gateway(tmp_path) as again:
        show(again, CODE)
        swipe(again)
        found = await decided(again, 4)
        assert [event.reason for event in found[2:]] == ["used", "anti_passback"]
        again.control.doors.forget_areas()
        swipe(again)
        assert (await decided(again, 5))[-1].reason == "card_list"


async def test_without_what_is_kept_a_used_code_would_open_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""
    monkeypatch.setattr(door_memory, "kept", lambda effects: [])
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        show(here, CODE)
        await decided(here, 1)
    async with gateway(tmp_path) as again:
        show(again, CODE)
        assert (await decided(again, 2))[-1].reason == "card_list"


async def test_who_is_off_the_list_is_forgotten(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        show(here, CODE)
        swipe(here)
        await decided(here, 2)
        rows = "SELECT kind, key FROM door_kept WHERE kind IN ('area', 'used') ORDER BY kind, key"
        await here.control.keep_house()
        assert len(await here.store.query(rows)) == 3
        await here.wish(2, credentials={"cards": []})
        await here.control.keep_house()
        assert await here.store.query(rows) == []


async def test_a_revoked_card_opens_nothing_from_the_moment_it_is_heard_of(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, door={"anti_passback": ""})
        swipe(here)
        await here.wish(2, credentials=credentials("c2"))
        swipe(here)
        assert told(here) == ["open", "refused"]
        assert [event.reason for event in await decided(here, 2)] == ["card_list", "revoked"]


async def test_under_duress_the_door_shows_nothing_and_an_alarm_is_raised(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, door={"anti_passback": ""})
        key(here, PIN)
        key(here, DURESS)
        usual, forced = (message for _, message in here.told)
        assert usual.payload == forced.payload, "nobody at the door can tell"
        (alarm,) = await here.recorded("alarm", 1)
        assert (alarm.alarm, alarm.state, alarm.device, alarm.point) == ("duress", "active", "osdp:1", "reader/0")
        assert (alarm.place, alarm.ext["silent"], alarm.ext["card"]) == ("3 号楼", True, "p1")
        first, second = await decided(here, 2)
        assert (first.reason, first.result, first.ext) == (second.reason, second.result, second.ext)


async def test_wrong_pins_lock_the_reader_out_and_ring(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, tries=3)
        for pin in ("100000", "100001", "100002", PIN):
            key(here, pin)
        (alarm,) = await here.recorded("alarm", 1)
        assert (alarm.alarm, alarm.point) == ("door_lock_out", "reader/0")
        assert [event.reason for event in await decided(here, 4)] == ["unknown_card"] * 3 + ["locked_out"]


async def test_a_door_that_nobody_was_let_through_was_forced(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, door={"anti_passback": ""})
        inputs(here, 0, 0, 0, 0)
        swipe(here)
        inputs(here, 1, 0, 0, 0)
        inputs(here, 0, 0, 0, 0)
        inputs(here, 1, 0, 0, 0)  # once for each that was let in
        inputs(here, 0, 0, 0, 0)
        inputs(here, 0, 1, 0, 0)  # the button inside
        inputs(here, 1, 0, 0, 0)
        inputs(here, 0, 0, 0, 0)
        here.control.doors.ordered(order("osdp:1", "door.open"))
        inputs(here, 1, 0, 0, 0)
        found = await states(here, "closed", "open", "closed", "forced_open", "closed", "open", "closed", "open")
        assert {(event.device, event.point, event.place) for event in found} == {("osdp:1", "door/gate", "3 号楼")}


async def test_a_door_that_was_opened_while_nobody_watched_was_forced_too(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        inputs(here, 0, 0, 0, 0)
        await states(here, "closed")
    async with gateway(tmp_path) as again:
        inputs(again, 1, 0, 0, 0)
        await states(again, "closed", "forced_open")


async def test_a_door_that_stands_open_for_too_long_is_said_once(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, door={"held_open_s": 0.05})
        swipe(here)
        inputs(here, 1, 0, 0, 0)
        await states(here, "open", "held_open")
        inputs(here, 1, 0, 0, 0)
        inputs(here, 0, 0, 0, 0)
        await states(here, "open", "held_open", "closed")


async def test_fire_frees_the_doors_and_its_end_locks_them(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        inputs(here, 0, 0, 1, 0)
        assert told(here) == ["free", "free"]
        swipe(here)
        swipe(here)
        assert [event.reason for event in await decided(here, 2)] == ["fire", "fire"]
        inputs(here, 1, 0, 1, 0)
        await states(here, "closed", "held_free", "held_free", "open")
        inputs(here, 0, 0, 0, 0)
        assert told(here)[-2:] == ["normal", "normal"]
        alarms = await here.recorded("alarm", 2)
        assert [(event.alarm, event.state) for event in alarms] == [("fire", "active"), ("fire", "cleared")]


async def test_fire_goes_on_over_a_stop_and_until_every_device_heard_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door_holds, "_AGAIN_S", 0.02)
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        here.broker_away = True
        inputs(here, 0, 0, 1, 0)
        await here.recorded("door", 2)
        assert here.told == []
        here.broker_away = False
        await until(lambda: told(here) == ["free", "free"])
        failed = [event for event in await here.recorded("door", 4) if event.ok is False]
        assert len(failed) == 2, "said once for each, not at every try"
    async with gateway(tmp_path) as again:
        assert told(again) == ["free", "free"]
        say(again, event="Link", online=True)  # a reader that was without power has forgotten it
        assert told(again) == ["free", "free", "free"]
        assert again.control.doors.holds.release() is None
        assert told(again)[-2:] == ["normal", "normal"]


async def test_lock_down_comes_by_a_button_and_by_an_order(tmp_path: Path) -> None:
    async with gateway(tmp_path) as here:
        await site(here, tmp_path)
        inputs(here, 0, 0, 0, 1)
        swipe(here)
        assert told(here)[-1] == "refused"
        inputs(here, 0, 0, 0, 0)  # letting go of the button ends nothing
        swipe(here)
        assert [event.reason for event in await decided(here, 2)] == ["lock_down"] * 2
        now = here.clock()
        await here.control.orders.take([order("gateway", "doors.release", 1)], now)
        swipe(here)
        await here.control.orders.take([order("gateway", "doors.lock_down", 2)], now)
        await here.control.orders.take([order("gateway", "doors.dance", 3)], now)
        swipe(here)
        assert [event.reason for event in await decided(here, 4)][2:] == ["card_list", "lock_down"]
        await here.states("accepted", "confirmed", "accepted", "confirmed", "refused")


async def test_a_schedule_and_its_group_come_with_the_documents(tmp_path: Path) -> None:
    never = {"id": "never"}
    groups = [{"id": "all", "doors": [{"device": "osdp:*"}], "schedule": "never"}]
    async with gateway(tmp_path) as here:
        await site(here, tmp_path, schedules=[never], groups=groups)
        cards = [{"id": "c1", "card": "17121540", "doors": [], "groups": ["all"], "until": "2099-12-31"}]
        await here.wish(2, credentials={"cards": cards})
        swipe(here)
        assert [event.reason for event in await decided(here, 1)] == ["outside_schedule"]


async def test_an_offline_grant_ends_at_its_date(tmp_path: Path) -> None:
    moments = [datetime(2026, 6, 15, 15, 59, tzinfo=UTC)]
    async with control_bench(tmp_path, lambda: moments[-1]) as here:
        await site(here, tmp_path, door={"anti_passback": ""})
        cards = [{"id": "c1", "card": "17121540", "doors": [{"device": "*"}], "until": "2026-06-15"}]
        await here.wish(2, credentials={"cards": cards})
        swipe(here)
        moments.append(moments[0] + timedelta(minutes=2))  # past midnight at the site; no word from the centre
        swipe(here)
        assert told(here) == ["open", "refused"]


def order(device: str, name: str, number: int = 9) -> Order:
    return made(number, device=device, name=name, args={})
