"""Members that speak at the broker: plate cameras, boards at doors, and what stands behind a daemon or a bridge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulators.crowd.member import ZONE, Gateway, Member, Signs, subject_of
from simulators.crowd.mqtt_line import Answer, MqttLine
from simulators.devices import esp_rfid, plate_readers, uhppoted, vzenith
from simulators.devices.message import DeviceMessage

_FIRST_CONTROLLER = 405_419_000


class Shared:
    """One connection for many members: a daemon's, a bridge's, a recorder's. The first to join opens it."""

    def __init__(self, name: str, commands: str = "", answer: Answer | None = None) -> None:
        self.line = MqttLine(name, commands, answer)
        self._is_open = False

    async def open(self, gateway: Gateway) -> None:
        if not self._is_open:
            self._is_open = True
            await self.line.open(gateway.host, gateway.broker)

    def close(self) -> None:
        if self._is_open:
            self._is_open = False
            self.line.close()


class AtBroker(Member):
    """A device with a connection of its own, or one that shares it."""

    def __init__(self, device: str, signs: Signs, shared: Shared | None = None) -> None:
        super().__init__(device, signs)
        self._shared = shared or Shared(f"crowd-{device.replace('/', '-')}")

    @property
    def line(self) -> MqttLine:
        return self._shared.line

    async def join(self, gateway: Gateway) -> None:
        await self._shared.open(gateway)

    async def close(self) -> None:
        self._shared.close()


class PlateCamera(AtBroker):
    """Vzenith: a car with its picture; a keep-alive every 10 s."""

    family, nature, alive_s = "vzenith-mqtt", "plate", 10.0

    def __init__(self, number: int, signs: Signs) -> None:
        layout: vzenith.Layout = "sn_first" if number % 2 else "device_first"
        self._camera = vzenith.Camera(f"c0de0001-{number:08}", f"车道 {number}", layout=layout)
        super().__init__(f"vzenith:{self._camera.sn}", signs)

    async def fact(self, at: datetime) -> str:
        plate = vzenith.Plate(text=self.signs.plate(), scene=self.signs.picture())
        await self.line.say([vzenith.plate(self._camera, plate, self.signs.number(), at)])
        return str(plate.text)

    async def alive(self, at: datetime) -> None:
        await self.line.say([vzenith.keep_alive(self._camera, at)])

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "plate")


class Daemon(Shared):
    """uhppoted-mqtt: it speaks for all its controllers, and passes orders on to them."""

    def __init__(self) -> None:
        super().__init__("crowd-uhppoted", "uhppoted/gateway/requests/#", self._order)
        self.controllers: dict[int, uhppoted.Controller] = {}
        self.opened: Counter[int] = Counter()

    def _order(self, topic: str, payload: bytes) -> list[DeviceMessage]:
        now = datetime.now(UTC)
        for serial, controller in self.controllers.items():
            if _names(payload, serial):
                self.opened[serial] += topic.endswith("lock:open")
                return controller.answer(topic, payload, now)
        return []


def _names(payload: bytes, serial: int) -> bool:
    return f'"device-id":{serial}'.encode() in payload.replace(b" ", b"")


class DoorController(AtBroker):
    """A controller behind the daemon. The gateway decides: the card is refused by itself, and let in by order."""

    family, nature, alive_s = "uhppoted-mqtt", "door", 60.0
    CARDS = range(8_165_500, 8_165_560)  # the residents'

    def __init__(self, number: int, signs: Signs, daemon: Daemon) -> None:
        serial = _FIRST_CONTROLLER + number
        super().__init__(f"uhppoted:{serial}", signs, daemon)
        self._controller = uhppoted.Controller(serial, ZONE, cards=frozenset(self.CARDS))
        self._daemon, self._is_first = daemon, not daemon.controllers
        self._said = 0
        daemon.controllers[serial] = self._controller

    def placed(self) -> dict[str, Any]:
        return {"doors": [{"point": "door/1", "decides": "gateway"}]}

    async def fact(self, at: datetime) -> str:
        self._said += 1
        card = self.CARDS[self._said % len(self.CARDS)]
        swiped = self._controller.swipe(1, card, uhppoted.IN, at, uhppoted.NO_RIGHTS)
        await self.line.say(swiped)
        return _event_id(swiped[0].payload)

    async def alive(self, at: datetime) -> None:
        if self._is_first:
            await self.line.say([self._controller.system_alive()])

    @property
    def owed(self) -> int:
        return self._said - self._daemon.opened[self._controller.serial]

    def mark(self, event: Mapping[str, Any]) -> str | None:
        is_swipe = event["kind"] == "access" and event.get("method") == "card"
        return event.get("source_event_id") if is_swipe and not event.get("ext", {}).get("decided_by") else None


def _event_id(payload: bytes) -> str:
    return payload.split(b'"event-id":', 1)[1].split(b",", 1)[0].decode()


class Board(AtBroker):
    """esp-rfid: a card that the board knows, at QoS 0 as the board has it; a heart-beat every three minutes."""

    family, nature, alive_s = "esp-rfid", "door", 180.0

    def __init__(self, number: int, signs: Signs) -> None:
        self._board = esp_rfid.Board(f"/rfid/unit{number}", f"esp-rfid-{number}")
        super().__init__(f"esp-rfid:{self._board.topic}", signs)

    async def fact(self, at: datetime) -> str:
        uid = f"{self.signs.number():08x}"
        await self.line.say([esp_rfid.access(self._board, uid, f"住户 {uid}", "Always", at)], qos=0)
        return uid

    async def alive(self, at: datetime) -> None:
        await self.line.say([esp_rfid.heartbeat(self._board, at)], qos=0)

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "access")


class PlateProgram(AtBroker):
    """Rekor Scout at the broker."""

    family, nature, alive_s = "openalpr-rekor", "plate", 60.0

    def __init__(self, number: int, signs: Signs) -> None:
        self._number = 5_000 + number
        super().__init__(f"rekor:{self._number}", signs)

    def company(self) -> list[dict[str, Any]]:
        """The agent that reads the camera's stream."""
        return [{"id": f"rekor:scout-{self._number}"}]

    async def fact(self, at: datetime) -> str:
        plate = self.signs.plate()
        group = plate_readers.rekor_group(self._number, plate, 96.5, at, self.signs.picture())
        await self.line.say([_at_topic(group)])
        return plate

    async def alive(self, at: datetime) -> None:
        await self.line.say([_at_topic(plate_readers.rekor_heartbeat(f"scout-{self._number}", self._number, True))])

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "plate")


def _at_topic(message: DeviceMessage) -> DeviceMessage:
    return DeviceMessage("rekor/scout", message.payload)
