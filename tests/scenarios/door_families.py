"""Doors of every family that the gateway decides, or whose controller keeps the list, each over its own wire."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from edge.device_secrets import DeviceSecret, DeviceSecrets
from simulators.crowd.mqtt_line import MqttLine
from simulators.devices import esp_rfid, hikvision, osdp, two_n, uhppote
from simulators.devices.message import DeviceMessage
from tests.edge.wire_bench import free_port

CARD = 8_155_539  # 81 and 55539 as 26 bits have it
KEY = bytes(range(16))
SETTINGS = '[uhppote]\nhost = "127.0.0.1"\nport = {port}\ntell = "127.0.0.1"\n'


def settings() -> str:
    """What stands in edge.toml for them."""
    return SETTINGS.format(port=free_port(socket.SOCK_DGRAM))


class FamilyDoor:
    """One door: ``show`` holds the card to it, ``opened`` counts how often it was let open."""

    device: str
    opened: int = 0
    has_forgotten = False  # where its controller decides alone: the card is out of it

    @property
    def row(self) -> dict[str, Any]:
        return {"id": self.device}

    async def show(self) -> None:
        raise NotImplementedError

    async def start(self, broker: int) -> None:
        pass

    async def stop(self) -> None:
        pass


class BoardDoor(FamilyDoor):
    """esp-rfid, over the broker."""

    device = "esp-rfid:/rfid/unit3"

    def __init__(self) -> None:
        self._board = esp_rfid.Board("/rfid/unit3")
        self._line = MqttLine("the-board", self._board.commands, self._order)

    @property
    def row(self) -> dict[str, Any]:
        door = {"point": self._board.hostname, "decides": "gateway", "open_with": {"doorip": self._board.ip}}
        return {"id": self.device, "doors": [door]}

    async def start(self, broker: int) -> None:
        await self._line.open("127.0.0.1", broker)

    async def stop(self) -> None:
        self._line.close()

    async def show(self) -> None:
        said = esp_rfid.access(self._board, f"{CARD:08}", "Unknown", "Denied", datetime.now(UTC))
        await self._line.say([said], qos=0)

    def _order(self, topic: str, payload: bytes) -> list[DeviceMessage]:
        self.opened += 1
        return esp_rfid.answer(self._board, topic, payload, datetime.now(UTC))


class TerminalDoor(FamilyDoor):
    """A Hikvision terminal that waits for a verdict."""

    device = "hikvision:00005e005351"

    def __init__(self) -> None:
        self._terminal = hikvision.Terminal("00005e005351")

    @property
    def row(self) -> dict[str, Any]:
        door = {"point": "door/1", "decides": "gateway"}
        return {"id": self.device, "address": self._terminal.address, "doors": [door]}

    @property
    def opened(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return sum(method == "PUT" and "remoteCheck" not in path for method, path, _ in self._terminal.asked)

    async def start(self, broker: int) -> None:
        await self._terminal.start()

    async def stop(self) -> None:
        await self._terminal.stop()

    async def show(self) -> None:
        await self._terminal.access(hikvision.CARD_PASSED, datetime.now(UTC), cardNo=f"{CARD:010}", remoteCheck=True)


class IntercomDoor(FamilyDoor):
    """A 2N intercom that does not know the card."""

    device = "2n:54-1"

    def __init__(self) -> None:
        self._intercom = two_n.Intercom()

    @property
    def row(self) -> dict[str, Any]:
        door = {"point": "reader/ext1", "decides": "gateway", "open_with": {"point": "switch/1"}}
        return {"id": self.device, "address": self._intercom.address, "doors": [door]}

    @property
    def opened(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        return sum("/switch/ctrl" in path for _, path, _ in self._intercom.asked)

    async def start(self, broker: int) -> None:
        await self._intercom.start()

    async def stop(self) -> None:
        await self._intercom.stop()

    async def show(self) -> None:
        self._intercom.happened("CardEntered", uid=f"{CARD:010}", valid=False, reader="ext1")


class LineDoor(FamilyDoor):
    """An OSDP reader in a secure channel."""

    device = "osdp:101"

    def __init__(self) -> None:
        self._reader, self._opened = osdp.Reader(101, KEY), 0

    @property
    def row(self) -> dict[str, Any]:
        address = f"serial:{self._reader.path}?baud=9600&pd=101"
        door = {"point": "reader/0", "decides": "gateway", "open_with": {"output": 2, "ms": 4000}}
        return {"id": self.device, "address": address, "doors": [door]}

    async def start(self, broker: int) -> None:
        self._reader.start()

    async def stop(self) -> None:
        await asyncio.to_thread(self._reader.stop)

    @property
    def opened(self) -> int:  # pyright: ignore[reportIncompatibleVariableOverride]
        while (order := self._reader.told()) is not None:
            self._opened += "output_no" in order
        return self._opened

    async def show(self) -> None:
        if self._reader.is_secure:
            self._reader.card(osdp.w26(CARD // 100_000, CARD % 100_000))


class PacketDoor(FamilyDoor):
    """A UHPPOTE controller, into which the agent puts the cards: it opens alone."""

    device = "uhppote:423187757"

    def __init__(self) -> None:
        self._controller = uhppote.Controller(423187757, ZoneInfo("Asia/Shanghai"))
        self._port = 0

    @property
    def row(self) -> dict[str, Any]:
        address = f"127.0.0.1:{self._port}"
        return {"id": self.device, "address": address, "keeps_cards": True, "doors": [{"point": "door/1"}]}

    @property
    def has_forgotten(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return CARD not in self._controller.cards

    async def start(self, broker: int) -> None:
        self._port = await self._controller.start()

    async def stop(self) -> None:
        self._controller.stop()

    async def show(self) -> None:
        self.opened += self._controller.swipe(1, CARD)


@asynccontextmanager
async def family_doors(broker: int, data: Path) -> AsyncGenerator[list[FamilyDoor]]:
    """One of each, switched on; the reader's key is entered at the box."""
    DeviceSecrets(data).keep(LineDoor.device, DeviceSecret(KEY.hex()))
    doors: list[FamilyDoor] = [BoardDoor(), TerminalDoor(), IntercomDoor(), LineDoor(), PacketDoor()]
    try:
        for door in doors:
            await door.start(broker)
        yield doors
    finally:
        for door in doors:
            await door.stop()
