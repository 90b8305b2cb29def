"""A site with one door that the gateway decides: real processes, and a listener that counts what reaches the door."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from simulators.broker import Broker
from simulators.devices.message import DeviceMessage
from simulators.devices.uhppoted import Controller
from simulators.load import publish
from simulators.products import ask
from tests.made import start_copy
from tests.rig import COMPLEX, Rig, until

SERIAL = 405419896
DEVICE = f"uhppoted:{SERIAL}"
GOOD_CARD, LOST_CARD = 8165538, 8165539
_NO_RIGHTS = 6
_OPEN = "uhppoted/gateway/requests/device/door/lock:open"
DEVICES = {"devices": [{"id": DEVICE, "place": "3 号楼", "doors": [{"point": "door/1", "decides": "gateway"}]}]}


def cards(*, revoked: bool) -> dict[str, Any]:
    """Both cards open the door, unless the lost one is revoked."""
    rest = {"doors": [{"device": DEVICE, "points": ["door/*"]}], "until": "2099-12-31"}
    return {
        "cards": [
            {"id": "good", "card": str(GOOD_CARD), **rest},
            {"id": "lost", "card": str(LOST_CARD), "revoked": revoked, **rest},
        ]
    }


class Door:
    """Hears every request that reaches the controller's daemon."""

    def __init__(self, port: int) -> None:
        self.requests: list[dict[str, Any]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="the-door")
        self._client.on_message = self._heard
        self._client.on_connect = lambda client, *_: client.subscribe("uhppoted/gateway/requests/#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _heard(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        self.requests.append(msgspec.json.decode(message.payload)["message"]["request"])

    def opened_for(self, card: int) -> int:
        return sum(request["card-number"] == card for request in self.requests)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class DoorSite:
    """A rig with such a door; ``rig`` may be one that somebody else has made and started."""

    def __init__(self, folder: Path, broker: Broker, agent: list[str] | None = None, *, rig: Rig | None = None) -> None:
        self.rig = rig or Rig(folder, broker, agent)
        self.controller = Controller(SERIAL, ZoneInfo("Asia/Shanghai"))
        self._folder = folder
        self._door: Door | None = None

    @property
    def door(self) -> Door:
        assert self._door is not None
        return self._door

    async def start(self) -> None:
        await start_copy(self.rig)
        await self.furnish()

    async def furnish(self, also: Sequence[dict[str, Any]] = ()) -> None:
        """Put the door in, where the rig runs already; and ``also`` other devices."""
        self._door = Door(self.rig.broker.port)
        await self.wish("devices", {"devices": [*DEVICES["devices"], *also]})

    def stop(self) -> None:
        self.take_away()
        self.rig.stop_all()

    def take_away(self) -> None:
        """No longer listen at the door."""
        if self._door is not None:
            self._door.close()

    async def wish(self, kind: str, body: dict[str, Any]) -> int:
        """Put a document down and wait until the gateway says it is in force; its version."""
        file = self._folder / f"{kind}.json"
        file.write_text(json.dumps(body, ensure_ascii=False))
        folder = str(self.rig.server_folder)
        said = await ask("gatehouse-server", "desired", "put", COMPLEX, kind, str(file), "--data", folder)
        await until(lambda: self.applied().get(kind) == said["version"])
        return said["version"]

    def applied(self) -> dict[str, int]:
        return dict(self.rig.centre_query("SELECT kind, version FROM gateway_applied"))  # type: ignore[arg-type]

    async def order(self, expires_s: float) -> str:
        """Order the door open; the order's id."""
        what = [COMPLEX, DEVICE, "door.open", "--arg", "point=door/1", "--arg", f"card={GOOD_CARD}"]
        rest = ["--expires-s", str(expires_s), "--by", "wang", "--data", str(self.rig.server_folder)]
        return (await ask("gatehouse-server", "order", *what, *rest))["order"]

    def result(self, order: str) -> str | None:
        rows = self.rig.centre_query("SELECT state FROM order_result WHERE id = ?", order)
        return rows[0][0] if rows else None

    async def swipe(self, card: int) -> None:
        """A card at the reader, which the controller itself does not know."""
        await self._say(self.controller.swipe(1, card, 1, datetime.now(UTC), reason=_NO_RIGHTS))

    async def answer(self) -> None:
        """The controller answers the last request that reached it."""
        payload = json.dumps({"message": {"request": self.door.requests[-1]}}).encode()
        await self._say(self.controller.answer(_OPEN, payload, datetime.now(UTC)))

    async def _say(self, messages: list[DeviceMessage]) -> None:
        await publish("127.0.0.1", self.rig.broker.port, [(m.topic, m.payload) for m in messages], connections=1)

    def decisions(self) -> list[tuple[str, str]]:
        """(card, reason) of the gateway's decisions that have reached the centre."""
        events = [event for _, event in self.rig.centre_events()]
        mine = [event for event in events if event.get("ext", {}).get("decided_by") == "gateway"]
        return [(event["subject"]["id"], event["reason"]) for event in mine]
