"""The far end of each protocol for upper platforms: what it took, in its order, and how it can be ill."""

from __future__ import annotations

import asyncio
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as paho
from aiohttp import web
from paho.mqtt.enums import CallbackAPIVersion

from domain.events import Event, Subject
from domain.feeds.classes import DataClass
from domain.gb28181.said import alarm_sn
from domain.ids import derive, fact_id
from simulators.broker import NatsBroker
from simulators.gb28181.faults import Fault
from simulators.gb28181.platform import Platform as GbPlatform
from simulators.receiver import Receiver
from simulators.upper.asking import Asking
from simulators.upper.faults import Faults
from simulators.upper.platform import CODE, PASSWORD_FILE, UpperPlatform
from tests.rig import COMPLEX, until

DEVICES = 6
NOW = datetime.now(UTC)
OURS, ORG, PASSWORD = "33010600015030000001", "330106000000", "view-password-0001"
_GB_SERVER, _GB_OURS, _GB_SECRET = "33010600002000000001", "33010600012000000001", "a word of the platform"
_STALLED_S = 600.0


def code(number: int, kind: str) -> str:
    """Of a device: a camera (119), an alarm input (134)."""
    return f"3301060001{kind}{number:07}"


def at(number: int) -> datetime:
    return NOW - timedelta(minutes=10) + timedelta(milliseconds=100 * number)


class FarEnd(ABC):
    """``stall``: from now on it takes what comes and does not answer; ``away``: it is not there at all."""

    kind: str
    data_class: DataClass = "vehicle"
    server_toml = ""  # of our own view library, where the protocol needs it

    @abstractmethod
    async def start(self, folder: Path) -> None:
        """Listen; ``folder`` gets its secret."""

    @abstractmethod
    async def stop(self) -> None: ...

    @abstractmethod
    def row(self) -> dict[str, Any]:
        """Of the platform's row: address, settings, secret_file."""

    @abstractmethod
    def taken(self) -> list[str]:
        """What it has, each once by its id, in the order in which it came first: the words of ``names``."""

    @abstractmethod
    def repeats(self) -> int:
        """How often it was brought what it had."""

    @abstractmethod
    def stall(self, *, is_stalled: bool) -> None: ...

    @abstractmethod
    async def away(self, *, is_away: bool) -> None: ...

    async def asks(self, url: str) -> None:
        """What it must ask of the centre before anything is owed to it."""
        return

    def event(self, number: int) -> Event:
        subject = Subject(type="plate", id=name(number), plate_color="blue", plate_status="read")
        device = f"vzenith:{number % DEVICES}"
        return Event(kind="plate", device=device, time=at(number), source_event_id=str(number), subject=subject)

    def name(self, number: int) -> str:
        """By which ``taken`` knows the event."""
        return name(number)


def name(number: int) -> str:
    return f"浙A{number:05}"


class Library(FarEnd):
    """A view library of GA/T 1400 that we register at; each message takes a little, one of ten goes wrong."""

    kind = "gat1400"

    def __init__(self) -> None:
        faults = Faults(3, 0.1, ["lost", "503", "busy", "drop"])
        self.platform = UpperPlatform("hour", faults=faults, answer_s=0.02, hang_s=_STALLED_S)

    async def start(self, folder: Path) -> None:
        await self.platform.start()
        self.platform.write_password(folder)

    async def stop(self) -> None:
        await self.platform.stop()

    def row(self) -> dict[str, Any]:
        settings = {"device_id": "33010600011200000001", "profile": "standard"}
        return {"address": self.platform.url, "settings": settings, "secret_file": PASSWORD_FILE}

    def taken(self) -> list[str]:
        assert self.platform.kept.counts().differing == 0, "what came again was another object under the same number"
        return [str(one.said["PlateNo"]) for one in self.platform.kept.of("MotorVehicle") if one.said]

    def repeats(self) -> int:
        return self.platform.kept.counts().repeats

    def stall(self, *, is_stalled: bool) -> None:
        self.platform.answer_s = _STALLED_S if is_stalled else 0.02

    async def away(self, *, is_away: bool) -> None:
        self.platform.is_away = is_away


class Above(Library):
    """The same as a library that subscribes to ours."""

    kind = "cascade"

    @property
    def server_toml(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        secret = 'password_file = "viid.password"'  # pragma: allowlist secret
        peer = f'code = "{CODE}"\nkind = "upper"\n{secret}\neverywhere = true\nplatform = "city"\n'
        told = f'report_to = "{self.platform.receive_url}/VIID"\n'
        return f'\n[viid]\ncode = "{OURS}"\norg = "{ORG}"\n\n[[viid.peers]]\n{peer}{told}'

    async def start(self, folder: Path) -> None:
        await super().start(folder)
        (folder / "viid.password").write_text(PASSWORD)

    def row(self) -> dict[str, Any]:
        return {"address": self.platform.url, "settings": {}, "secret_file": PASSWORD_FILE}

    async def asks(self, url: str) -> None:
        async with Asking(url, CODE, PASSWORD, self.platform.receive_url) as asking:
            await asking.register()
            await asking.subscribe("13", OURS, datetime.now(UTC))


class Registrar(FarEnd):
    """A platform of GB/T 28181: alarms, by datagrams, now and then without an answer."""

    kind, data_class = "gb28181", "alarm"

    def __init__(self) -> None:
        self.platform = GbPlatform(_GB_SERVER, _GB_SECRET)
        self._deaf = Fault("lose", "Alarm", 1_000_000)

    async def start(self, folder: Path) -> None:
        await self.platform.start()
        (folder / "gb.secret").write_text(_GB_SECRET)

    async def stop(self) -> None:
        await self.platform.stop()

    def row(self) -> dict[str, Any]:
        items = [
            {"item": {"code": code(n, "134"), "name": f"{n}号"}, "complex": COMPLEX, "device": f"vzenith:{n}"}
            for n in range(DEVICES)
        ]
        timers = {"first_s": 0.1, "longest_s": 0.4, "give_up_s": 2.0}
        settings = {"server": _GB_SERVER, "ours": _GB_OURS, "items": items, "timers": timers}
        address = f"sip://127.0.0.1:{self.platform.port}"
        return {"address": address, "settings": settings, "secret_file": "gb.secret"}

    def event(self, number: int) -> Event:
        said: dict[str, Any] = {"source_event_id": str(number), "alarm": "sos", "recorded_at": at(number)}
        return Event(kind="alarm", device=f"vzenith:{number % DEVICES}", time=at(number), **said)

    def name(self, number: int) -> str:
        identity = fact_id(self.event(number))
        assert identity is not None
        return str(alarm_sn(derive(COMPLEX, identity.hex())))

    def taken(self) -> list[str]:
        return [number for _, number in self.platform.heard.order]

    def repeats(self) -> int:
        return self.platform.heard.repeats

    def stall(self, *, is_stalled: bool) -> None:
        self._deaf.times = 1_000_000
        self.platform.faults.coming[:] = [self._deaf] if is_stalled else []

    async def away(self, *, is_away: bool) -> None:
        self.platform.is_deaf = is_away


class Stalling(Receiver):
    """A receiver that answers only when it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may = asyncio.Event()
        self.may.set()

    async def _take(self, request: web.Request) -> web.Response:
        answer = await super()._take(request)
        await self.may.wait()
        return answer


class Hook(FarEnd):
    """A receiver of signed CloudEvents."""

    kind = "webhook"

    def __init__(self) -> None:
        self.receiver = Stalling()

    async def start(self, folder: Path) -> None:
        await self.receiver.start()
        (folder / "hook.secret").write_text("a word of the receiver")

    async def stop(self) -> None:
        self.receiver.may.set()
        await self.receiver.stop()

    def row(self) -> dict[str, Any]:
        return {"address": self.receiver.url, "settings": {}, "secret_file": "hook.secret"}

    def taken(self) -> list[str]:
        first: dict[str, str] = {}
        for one in self.receiver.kept:
            first.setdefault(one["id"], one["data"]["subject"]["id"])
        return list(first.values())

    def repeats(self) -> int:
        return self.receiver.counts().repeats

    def stall(self, *, is_stalled: bool) -> None:
        self.receiver.may.clear() if is_stalled else self.receiver.may.set()

    async def away(self, *, is_away: bool) -> None:
        self.receiver.failing.times = 1_000_000 if is_away else 0


class Listener:
    """Somebody else's client at the broker, which keeps what comes while it is away."""

    def __init__(self, port: int) -> None:
        self.heard: list[tuple[str, str]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "listener", clean_session=False)
        self._client.on_connect = self._connected
        self._client.on_message = self._take
        self._client.on_subscribe = self._subscribed
        self._client.reconnect_delay_set(1, 1)
        self.is_there = False
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _connected(self, client: paho.Client, *_: Any) -> None:
        client.subscribe("gatehouse/#", 1)

    def _subscribed(self, *_: Any) -> None:
        self.is_there = True

    def _take(self, _client: Any, _userdata: Any, message: paho.MQTTMessage) -> None:
        said: dict[str, Any] = msgspec.json.decode(message.payload)
        self.heard.append((said["Key"]["Id"], said["Data"]["PlateNumber"]))

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class Bus(FarEnd):
    """A broker of somebody else: while it is stalled its process stands still, with what comes in its sockets."""

    kind = "mqtt"

    def __init__(self) -> None:
        self.broker = NatsBroker(ack_wait_s=30)
        self.listener: Listener | None = None

    async def start(self, folder: Path) -> None:
        await asyncio.to_thread(self.broker.start)
        self.listener = Listener(self.broker.port)
        await until(lambda: self.listener and self.listener.is_there)
        (folder / "bus.secret").write_text("")

    async def stop(self) -> None:
        assert self.listener is not None
        self.listener.stop()
        await asyncio.to_thread(self.broker.close)

    def row(self) -> dict[str, Any]:
        return {"address": f"mqtt://127.0.0.1:{self.broker.port}", "settings": {}, "secret_file": "bus.secret"}

    def taken(self) -> list[str]:
        assert self.listener is not None
        first: dict[str, str] = {}
        for id_, plate in list(self.listener.heard):
            first.setdefault(id_, plate)
        return list(first.values())

    def repeats(self) -> int:
        assert self.listener is not None
        return len(self.listener.heard) - len({id_ for id_, _ in self.listener.heard})

    def stall(self, *, is_stalled: bool) -> None:
        os.kill(self.broker.pid, signal.SIGSTOP if is_stalled else signal.SIGCONT)

    async def away(self, *, is_away: bool) -> None:
        if is_away:
            self.broker.kill()
            return
        assert self.listener is not None
        self.listener.is_there = False
        await asyncio.to_thread(self.broker.start)
        await until(lambda: self.listener and self.listener.is_there)


ENDS: Mapping[str, Callable[[], FarEnd]] = {one.kind: one for one in (Library, Above, Registrar, Hook, Bus)}
