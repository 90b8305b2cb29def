"""Members that call the agent by other lines than HTTP: fire transmitters, charge points; and readers on RS-485."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from simulators.crowd.member import ZONE, Gateway, Member, Signs, in_ms, moment, subject_of
from simulators.devices import gb26875, ocpp, osdp

_LISTEN_S = 0.2
_READER = 101


class FireTransmitter(Member):
    """GB/T 26875.3: one component's fault after the other's; an empty frame as a sign of life."""

    family, nature, alive_s = "gb26875", "sensor", 60.0

    def __init__(self, number: int, signs: Signs) -> None:
        address = f"11{number:010}"
        super().__init__(f"gb26875:{address}", signs)
        self._transmitter = gb26875.Transmitter(address)
        self._listening: asyncio.Task[None] | None = None

    async def join(self, gateway: Gateway) -> None:
        await self._transmitter.connect(gateway.fire, gateway.host)
        self._listening = asyncio.create_task(self._transmitter.listen())

    async def close(self) -> None:
        self._transmitter.close()
        if self._listening is not None:
            await asyncio.wait({self._listening}, timeout=1.0)

    async def fact(self, at: datetime) -> str:
        """Until it is confirmed: what is not, a transmitter repeats."""
        component, wall = self.signs.number() & 0xFFFFFFF, at.astimezone(ZONE)
        self._transmitter.report(self._transmitter.component(gb26875.FAULT, wall, address=component), wall)
        while self._transmitter.unconfirmed:  # noqa: ASYNC110 - it has no more than its list
            await asyncio.sleep(_LISTEN_S)
        return f"system/1/component/40/{component:08x}"

    async def alive(self, at: datetime) -> None:
        self._transmitter.report(b"", at.astimezone(ZONE))

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return event.get("point") if event["kind"] == "alarm" else None


class ChargePoint(Member):
    """OCPP 1.6: somebody begins to charge, and by the next fact has ended; a heartbeat every five minutes."""

    family, nature, alive_s = "ocpp16", "sensor", 300.0

    def __init__(self, number: int, signs: Signs) -> None:
        identity = f"CP{number:03}"
        super().__init__(f"ocpp:{identity}", signs)
        self._point = ocpp.ChargePoint(identity)
        self._transaction: int | None = None
        self._meter_wh = 120_000

    async def join(self, gateway: Gateway) -> None:
        await self._point.connect(f"ws://{gateway.host}:{gateway.websocket}/ocpp")
        await self._point.boot()

    async def close(self) -> None:
        await self._point.close()

    async def fact(self, at: datetime) -> str:
        at = in_ms(at)
        self._meter_wh += 250
        if self._transaction is None:
            self._transaction = await self._point.start(f"CARD{self.signs.number()}", self._meter_wh, at)
            return f"started {moment(at.isoformat())}"
        ended, self._transaction = self._transaction, None
        await self._point.stop(ended, self._meter_wh, at)
        return f"stopped {moment(at.isoformat())}"

    async def alive(self, at: datetime) -> None:
        await self._point.heartbeat()

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return f"{event.get('state')} {moment(event.get('time'))}" if event["kind"] == "charging" else None


class LineReader(Member):
    """OSDP in a secure channel over a pty: cards of 26 bits."""

    family, nature = "osdp", "door"
    password = bytes(range(16)).hex()  # the key of the secure channel, of this simulation alone

    def __init__(self, number: int, signs: Signs) -> None:
        super().__init__(f"osdp:{_READER + number}", signs)
        self._pd, self._facility, self._number = _READER + number, number & 0xFF, 0
        self._reader: osdp.Reader | None = None

    def placed(self) -> dict[str, Any]:
        path = self._reader.path if self._reader else ""
        return {"address": f"serial:{path}?baud=9600&pd={self._pd}"}

    async def open(self) -> None:
        self._reader = osdp.Reader(self._pd, bytes.fromhex(self.password))
        self._reader.start()

    async def close(self) -> None:
        if self._reader is not None:
            await asyncio.to_thread(self._reader.stop)

    @property
    def is_met(self) -> bool:
        return self._reader is not None and self._reader.is_secure

    async def fact(self, at: datetime) -> str:
        assert self._reader is not None
        self._number += 1
        bits = osdp.w26(self._facility, self._number)
        self._reader.card(bits)
        return f"w26:{bits.hex()}"

    def mark(self, event: Mapping[str, Any]) -> str | None:
        return subject_of(event, "access")
