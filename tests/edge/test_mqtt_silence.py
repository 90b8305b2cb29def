"""A device at the broker that gave signs of life and stopped is offline, once; not while we could not hear it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from edge.devices.driver import Message, discover
from edge.transports.mqtt_silence import MqttSilence
from tests.edge.devices.samples import RECEIVED_AT, SITE, sample

LIMIT_S = 600.0


class Watch:
    """A watch over an intake that keeps what it is offered."""

    def __init__(self) -> None:
        self.now_s, self.listening = 0.0, True
        self.offered: list[Message] = []
        intake: Any = SimpleNamespace(listeners=[], offer=lambda message, _: self.offered.append(message))
        self.watch = MqttSilence(discover(), intake, lambda: self.listening, lambda: self.now_s)

    def hears(self, file: str = "heartbeat.json", **changes: Any) -> None:
        message = sample("esp-rfid", file).message(**changes)
        self.watch.heard(message, discover().decode(message, SITE).events)

    async def after(self, seconds: float) -> list[str]:
        """Who was said to be gone, so many seconds later."""
        self.now_s += seconds
        self.offered.clear()
        await self.watch.look()
        events = [event for message in self.offered for event in discover().decode(message, SITE).events]
        assert all((event.kind, event.state) == ("availability", "offline") for event in events)
        return [event.device for event in events]


async def test_gone_once_after_its_time_and_again_after_it_was_back() -> None:
    here = Watch()
    here.hears()
    assert await here.after(LIMIT_S) == []
    here.hears("access-denied.json")  # any word is a sign of life
    assert await here.after(LIMIT_S) == []
    assert await here.after(1) == ["esp-rfid:/rfid/unit3"]
    assert await here.after(LIMIT_S * 2) == []
    here.hears()
    assert await here.after(LIMIT_S + 1) == ["esp-rfid:/rfid/unit3"]


async def test_while_we_did_not_listen_nobody_fell_silent() -> None:
    here = Watch()
    here.hears()
    here.listening = False
    assert await here.after(LIMIT_S * 9) == []
    here.listening = True
    assert await here.after(LIMIT_S) == []
    assert await here.after(1) == ["esp-rfid:/rfid/unit3"]


async def test_what_a_broker_had_kept_is_no_sign_of_life() -> None:
    here = Watch()
    here.hears(retained=True)
    here.hears(queued_since=RECEIVED_AT)
    here.hears("access-granted.json")  # no heart-beat: it never promised to go on
    assert await here.after(LIMIT_S * 9) == []
