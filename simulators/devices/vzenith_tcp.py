"""A 臻识 (Vzenith) plate camera's TCP port: it pushes what it reads, keeps its records, and answers for them.

Written from the vendor's TCP protocol manual 1.0.3. ``utf8``: a rebrand that does not send GB2312.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

HEAD = 8


class Car(msgspec.Struct, frozen=True, kw_only=True):
    """A car it read. ``scene`` and ``close_up`` are JPEG."""

    number: int
    plate: str
    at: datetime
    color: int = 1
    travel: int = 4
    scene: bytes = b""
    close_up: bytes = b""


class Camera:
    """One camera; it records every car, connected or not."""

    def __init__(self, serial: str, *, utf8: bool = False, first: int = 1, with_serial: bool = True) -> None:
        self.serial, self._utf8, self._with_serial = serial, utf8, with_serial
        self.records: dict[int, Car] = {}
        self.outputs: list[dict[str, Any]] = []  # what ioctl was told
        self.asked: list[str] = []
        self.off = timedelta()  # how far its clock is from the truth
        self._next = first
        self._server: asyncio.Server | None = None
        self._watchers: set[asyncio.StreamWriter] = set()
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """The port it listens at."""
        self._server = await asyncio.start_server(self._serve, host, port)
        return self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Its cable is out: lines end, and it goes on reading cars."""
        if self._server:
            self._server.close()
        for writer in list(self._writers):
            writer.close()
        self._watchers.clear()
        await asyncio.sleep(0)

    @property
    def is_watched(self) -> bool:
        return bool(self._watchers)

    def read(self, plate: str, at: datetime, *, pushed: bool = True, **rest: Any) -> Car:
        """A car passes."""
        car = Car(number=self._next, plate=plate, at=at, **rest)
        self.records[self._next] = car
        self._next += 1
        if pushed:
            self.push(self.result(car))
        return car

    def push(self, frame: bytes) -> None:
        for writer in self._watchers:
            writer.write(frame)

    def result(self, car: Car, sequence: int = 0) -> bytes:
        seconds = car.at.timestamp()
        plate = {
            "license": car.plate,
            "colorType": car.color,
            "confidence": 97,
            "direction": car.travel,
            "triggerType": 1,
            "type": 1,
            "timeStamp": {"Timeval": {"sec": int(seconds), "usec": round(seconds % 1 * 1_000_000)}},
        }
        sizes = {"fullImgSize": len(car.scene), "clipImgSize": len(car.close_up)}
        said = {"PlateResult": plate, "cmd": "ivs_result", "id": car.number, "imageformat": "jpg", **sizes}
        return self._frame(said, sequence, b"\0" + car.scene + car.close_up)

    def _frame(self, said: dict[str, Any], sequence: int, rest: bytes = b"") -> bytes:
        text = json.dumps(said, ensure_ascii=False).encode("utf-8" if self._utf8 else "gb2312")
        body = text + rest
        return b"VZ" + bytes((0, sequence)) + len(body).to_bytes(4) + body

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(HEAD)
                body = await reader.readexactly(int.from_bytes(head[4:]))
                self._answer(head, body, writer)
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            self._watchers.discard(writer)
            self._writers.discard(writer)
            writer.close()

    def _answer(self, head: bytes, body: bytes, writer: asyncio.StreamWriter) -> None:
        if head[2] == 1:
            writer.write(b"VZ\x01\0\0\0\0\0")
            return
        told: dict[str, Any] = json.loads(body.decode("gb2312"))
        name, sequence = str(told["cmd"]), head[3]
        self.asked.append(name)
        match name:
            case "getsn" if self._with_serial:
                writer.write(self._frame({"cmd": name, "value": self.serial}, sequence))
            case "ivsresult":
                self._watchers.add(writer)
                writer.write(self._frame({"cmd": name, "state_code": 200}, sequence))
            case "get_max_rec_id":
                writer.write(self._frame({"cmd": name, "max_id": max(self.records, default=0)}, sequence))
            case "get_record" if told["id"] in self.records:
                writer.write(self.result(self.records[told["id"]], sequence))
            case "get_record":
                writer.write(self._frame({"cmd": name, "state_code": 404}, sequence))
            case "get_device_timestamp":
                at = datetime.now(UTC) + self.off
                writer.write(self._frame({"cmd": name, "timestamp": int(at.timestamp())}, sequence))
            case "ioctl":
                self.outputs.append(told)  # and no answer
            case "set_time" | "white_list_operator":
                writer.write(self._frame({"cmd": name, "state_code": 200}, sequence))
            case _:
                pass
