"""A charge point (OCPP 1.6-J): it calls its central system over WebSocket and waits for the answer to each call.

Written from the OCPP 1.6 JSON schemas; the answers to orders are a plain Accepted.
"""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from itertools import count
from typing import Any

import aiohttp

_ANSWER_S = 40.0
_CALL, _RESULT = 2, 3
PROTOCOL = "ocpp1.6"


class NotAnswered(Exception):
    """The central system refused the call, or the line ended before it answered."""


class ChargePoint:
    """One charge point with one connector."""

    def __init__(self, identity: str) -> None:
        self.identity = identity
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self._numbers = count(1)
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._hearing: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        return self._socket is not None and not self._socket.closed

    async def connect(self, url: str) -> None:
        """Raises aiohttp.ClientError where it is not let in."""
        self._session = aiohttp.ClientSession()
        self._socket = await self._session.ws_connect(f"{url}/{self.identity}", protocols=[PROTOCOL])
        self._hearing = asyncio.create_task(self._hear(self._socket))

    async def close(self) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
        if self._session is not None:
            await self._session.close()

    async def boot(self) -> dict[str, Any]:
        return await self._ask("BootNotification", {"chargePointVendor": "Example", "chargePointModel": "AC7"})

    async def heartbeat(self) -> None:
        await self._ask("Heartbeat", {})

    async def start(self, tag: str, meter_wh: int, at: datetime) -> int:
        """Somebody begins to charge; the number of the transaction."""
        said = {"connectorId": 1, "idTag": tag, "meterStart": meter_wh, "timestamp": _stamp(at)}
        return int((await self._ask("StartTransaction", said))["transactionId"])

    async def stop(self, transaction: int, meter_wh: int, at: datetime) -> None:
        said = {"transactionId": transaction, "meterStop": meter_wh, "timestamp": _stamp(at)}
        await self._ask("StopTransaction", said)

    async def _ask(self, action: str, said: dict[str, Any]) -> dict[str, Any]:
        """Raises NotAnswered."""
        if self._socket is None:
            raise NotAnswered(f"{self.identity} is not connected")
        name = f"c{next(self._numbers)}"
        wait = self._waiting[name] = asyncio.get_running_loop().create_future()
        try:
            await self._socket.send_str(json.dumps([_CALL, name, action, said]))
            return await asyncio.wait_for(wait, _ANSWER_S)
        except (TimeoutError, ConnectionError) as error:
            raise NotAnswered(f"{self.identity}: {action} has no answer") from error
        finally:
            self._waiting.pop(name, None)

    async def _hear(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            frame: list[Any] = json.loads(message.data)
            if frame[0] == _CALL:
                self.orders.append((frame[2], frame[3]))
                await socket.send_str(json.dumps([_RESULT, frame[1], {"status": "Accepted"}]))
            elif (wait := self._waiting.get(frame[1])) is not None and not wait.done():
                self._settle(wait, frame)
        for wait in self._waiting.values():
            if not wait.done():
                wait.set_exception(NotAnswered(f"{self.identity}: the line ended"))

    @staticmethod
    def _settle(wait: asyncio.Future[dict[str, Any]], frame: list[Any]) -> None:
        if frame[0] == _RESULT:
            wait.set_result(frame[2])
        else:
            wait.set_exception(NotAnswered(f"refused: {frame[2:4]}"))


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
