"""Members that the agent goes to: HTTP streams and logs, UDP controllers, TCP cameras; each with a port of its own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from simulators.crowd.member import ZONE, Member, Signs, subject_of
from simulators.devices import dahua, hikvision, two_n, uhppote, vzenith_tcp
from simulators.devices.http_device import HttpDevice

_FIRST_CONTROLLER = 423_187_000


class Listened(Member):
    """A door device with an HTTP server, digest, and a card that it let in."""

    nature, has_port = "door", True
    user, password = "admin", "example-of-a-door"  # pragma: allowlist secret
    made: ClassVar[type[HttpDevice]]

    def __init__(self, device: str, signs: Signs, server: HttpDevice) -> None:
        super().__init__(device, signs)
        self._server = server

    def placed(self) -> dict[str, Any]:
        return {"address": f"http://127.0.0.1:{self.port}"}

    async def open(self) -> None:
        self._server.password, self._server.port = self.password, self.port
        await self._server.start()
        self.port = self._server.port

    async def close(self) -> None:
        await self._server.stop()

    @property
    def is_met(self) -> bool:
        return self._server.listeners > 0

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "access")


class HikvisionTerminal(Listened):
    """Its alertStream, and a heart-beat in it."""

    family, alive_s = "hikvision-isapi", 10.0

    def __init__(self, number: int, signs: Signs) -> None:
        mac = f"00005e02{number:04x}"
        self._terminal = hikvision.Terminal(mac, self.user, self.password)
        super().__init__(f"hikvision:{mac}", signs, self._terminal)

    async def fact(self, at: datetime) -> str:
        card = str(self.signs.number())
        await self._terminal.access(hikvision.CARD_PASSED, at, cardNo=card)
        return card

    async def alive(self, at: datetime) -> None:
        await self._terminal.heartbeat(at)


class DahuaTerminal(Listened):
    """Its event stream."""

    family, alive_s = "dahua", 10.0

    def __init__(self, number: int, signs: Signs) -> None:
        self._terminal = dahua.Terminal(self.user, self.password)
        super().__init__(f"dahua:TESTASI{number:05}", signs, self._terminal)
        self._number = 0

    async def fact(self, at: datetime) -> str:
        self._number += 1
        card = f"{self.signs.number():08X}"
        await self._terminal.event(dahua.access(card, self._number, at))
        return card

    async def alive(self, at: datetime) -> None:
        await self._terminal.begun()


class Intercom(Listened):
    """A 2N intercom: its log is pulled."""

    family = "2n"

    def __init__(self, number: int, signs: Signs) -> None:
        self._intercom = two_n.Intercom(self.user, self.password)
        super().__init__(f"2n:54-0880-{number:04}", signs, self._intercom)

    @property
    def is_met(self) -> bool:
        return any("/api/log/pull" in path for _, path, _ in self._intercom.asked[-20:])

    async def fact(self, at: datetime) -> str:
        uid = f"{self.signs.number():010}"
        self._intercom.happened("CardEntered", uid=uid, valid=True, reader="ext1", direction="in")
        return uid


class PacketController(Member):
    """A UHPPOTE controller by UDP, into which the agent puts the residents' cards; it lets one of them in."""

    family, nature, has_port = "uhppote-udp", "door", True
    keeps_cards = True

    def __init__(self, number: int, signs: Signs, cards: range) -> None:
        serial = _FIRST_CONTROLLER + number
        super().__init__(f"uhppote:{serial}", signs)
        self._controller, self._cards = uhppote.Controller(serial, ZONE), cards

    def placed(self) -> dict[str, Any]:
        keeps = {"keeps_cards": True, "doors": [{"point": "door/1"}]} if self.keeps_cards else {}
        return {"address": f"127.0.0.1:{self.port}", **keeps}

    async def open(self) -> None:
        self.port = await self._controller.start(port=self.port)

    async def close(self) -> None:
        self._controller.stop()

    @property
    def is_met(self) -> bool:
        """It tells us of its events, and the residents' cards are in it."""
        has_cards = not self.keeps_cards or len(self._controller.cards) == len(self._cards)
        return self._controller.listener[1] != 0 and has_cards

    async def fact(self, at: datetime) -> str:
        self._controller.swipe(1, self._cards[self.signs.number() % len(self._cards)])
        return str(self._controller.events[-1].index)

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return event.get("source_event_id") if event["kind"] == "access" else None


class TcpCamera(Member):
    """A Vzenith camera by its own port."""

    family, nature, has_port = "vzenith-tcp", "plate", True

    def __init__(self, number: int, signs: Signs) -> None:
        serial = f"c0de0003-{number:08}"
        super().__init__(f"vzenith:{serial}", signs)
        self._camera = vzenith_tcp.Camera(serial)

    def placed(self) -> dict[str, Any]:
        return {"address": f"tcp://127.0.0.1:{self.port}"}

    async def open(self) -> None:
        self.port = await self._camera.start(port=self.port)

    async def close(self) -> None:
        await self._camera.stop()

    @property
    def is_met(self) -> bool:
        return self._camera.is_watched and "get_max_rec_id" in self._camera.asked

    async def fact(self, at: datetime) -> str:
        plate = self.signs.plate()
        self._camera.read(plate, at, scene=self.signs.picture())
        return plate

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "plate")
