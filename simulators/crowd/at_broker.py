"""Members that speak at the broker: plate cameras, boards at doors, and what stands behind a daemon or a bridge."""

from __future__ import annotations

import string
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from simulators.crowd.member import ZONE, Gateway, Member, Signs, in_ms, moment, subject_of
from simulators.crowd.mqtt_line import Answer, MqttLine
from simulators.devices import esp_rfid, frigate, onvif, plate_readers, uhppoted, vzenith, zigbee2mqtt
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


class Contact(AtBroker):
    """A contact behind Zigbee2MQTT: open and closed by turns, its battery's report as a sign of life."""

    family, nature, alive_s = "zigbee2mqtt", "sensor", 3_000.0

    def __init__(self, number: int, signs: Signs, shared: Shared, bridge: zigbee2mqtt.Bridge) -> None:
        self._name, self._bridge, self._closed = f"{number}号楼/门磁", bridge, True
        super().__init__(f"z2m:{self._name}", signs, shared)

    async def fact(self, at: datetime) -> str:
        self._closed = not self._closed
        at = in_ms(at)
        await self.line.say([self._bridge.says(self._name, contact=self._closed, last_seen=at.isoformat())])
        return moment(at.isoformat())

    async def alive(self, at: datetime) -> None:
        await self.line.say([self._bridge.says(self._name, battery=93, last_seen=at.isoformat())])

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return moment(event.get("time")) if event["kind"] == "door" else None


class RecorderCamera(AtBroker):
    """A camera of a Frigate recorder: somebody comes, and by the next fact has gone."""

    family, nature = "frigate", "camera"

    def __init__(self, number: int, signs: Signs, shared: Shared) -> None:
        self._camera = f"camera{number}"
        self._seen: frigate.Tracked | None = None
        super().__init__(f"frigate:{self._camera}", signs, shared)

    async def fact(self, at: datetime) -> str:
        if self._seen is None:
            suffix = _letters(self.signs.number())
            self._seen = frigate.Tracked(camera=self._camera, label="person", started_at=at, suffix=suffix)
            await self.line.say([frigate.event("new", self._seen, self._seen)])
            return f"start {self._seen.id}"
        before, self._seen = self._seen, None
        gone = frigate.Tracked(
            camera=self._camera, label="person", started_at=before.started_at, suffix=before.suffix, ended_at=at
        )
        await self.line.say([frigate.event("end", before, gone)])
        return f"end {before.id}"

    def mark(self, event: Mapping[str, Any]) -> str | None:
        if event["kind"] != "detection" or event.get("label") != "person":
            return None
        return f"{event.get('phase', 'instant')} {event.get('source_event_id')}"


def _letters(number: int) -> str:
    made = ""
    for _ in range(6):
        number, sign = divmod(number, 26)
        made += string.ascii_lowercase[sign]
    return made


class AxisCamera(AtBroker):
    """Axis' event bridge: its motion sensor, on and off by turns."""

    family, nature = "axis-mqtt", "camera"

    def __init__(self, number: int, signs: Signs) -> None:
        self._serial, self._on = f"ACCC8E{number:06}", False
        super().__init__(f"axis:{self._serial}", signs)

    async def fact(self, at: datetime) -> str:
        self._on, at = not self._on, in_ms(at)
        await self.line.say([onvif.axis(self._serial, "pir", 0, self._on, at)])
        return moment(at.isoformat())

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return moment(event.get("time")) if event["kind"] == "detection" else None


class OnvifCamera(AtBroker):
    """ONVIF's JSON: somebody crosses a line."""

    family, nature = "onvif-mqtt", "camera"

    def __init__(self, number: int, signs: Signs) -> None:
        self._prefix = f"Gate{number}"
        super().__init__(f"onvif:{self._prefix}", signs)

    async def fact(self, at: datetime) -> str:
        at = in_ms(at)
        await self.line.say([onvif.line_crossed(self._prefix, "围墙", self.signs.number(), "Human", at)])
        return moment(at.isoformat())

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return moment(event.get("time")) if event["kind"] == "detection" else None


class PlateProgram(AtBroker):
    """Rekor Scout at the broker."""

    family, nature, alive_s = "openalpr-rekor", "plate", 60.0

    def __init__(self, number: int, signs: Signs) -> None:
        self._number = 5_000 + number
        super().__init__(f"rekor:{self._number}", signs)

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
