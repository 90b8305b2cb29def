"""A broker as ``gatehouse-edge broker-config`` sets it up, run by Debian's Mosquitto, and clients that speak to it."""

from __future__ import annotations

import signal
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from edge.broker.config import SETTINGS, BrokerSettings
from edge.broker.folder import BrokerFolder, Changes, Plan
from edge.broker.users import agent_user, broker_users
from edge.devices.driver import BrokerUser, discover
from simulators.broker import BrokerUnavailable, free_port, mosquitto
from simulators.processes import Child
from tests.simulators.polling import poll

HOST = "127.0.0.1"
SITE = "garden"
EAST, WEST = "vzenith:east-1", "vzenith:west-2"
EAST_USER, WEST_USER = "vzenith.east-1", "vzenith.west-2"
EAST_TOPIC, WEST_TOPIC = "device/east-1/message/up/ivs_result", "device/west-2/message/up/ivs_result"
# Bridges that speak for others, and devices whose topics, or names, have levels.
BEHIND = ("uhppoted:405419896", "frigate:lobby", "z2m:2f/hall door")
DEVICES = (EAST, WEST, *BEHIND, "esp-rfid:/rfid/unit3", "esp-rfid:/rfid/unit4", "onvif:site/gate1")
LIMIT_BYTES = 20_000
WITNESS = "witness"  # reads everything: what it does not get, the broker did not let through


def has_mosquitto() -> bool:
    try:
        mosquitto()
    except BrokerUnavailable:
        return False
    return True


needs_mosquitto = pytest.mark.skipif(not has_mosquitto(), reason="mosquitto is not installed")


class Stage:
    """The two folders, and Mosquitto over them."""

    def __init__(self, base: Path, account: str = "root") -> None:
        self.base, self.account, self.port = base, account, free_port()
        self.folder = BrokerFolder(base / "mosquitto", base / "data" / "broker")
        self.child = Child("mosquitto", [str(mosquitto()), "-c", str(self.folder.mosquitto / SETTINGS)], base)

    def configure(self, *devices: str, rotate: str = "", hosts: tuple[str, ...] = ()) -> Changes:
        registry = discover()
        users = broker_users(devices or DEVICES, registry, SITE)
        users += [agent_user(users, registry, SITE), BrokerUser(WITNESS, (), ("#",))]
        settings = BrokerSettings(
            folder=str(self.folder.mosquitto),
            addresses=(HOST,),
            port=self.port,
            user=self.account,
            message_bytes=LIMIT_BYTES,
        )
        plan = Plan(settings=settings, users=users, hosts=hosts, rotate=frozenset([rotate] if rotate else []))
        return self.folder.write(plan, datetime.now(UTC))

    def start(self) -> None:
        self.child.start()
        self.child.wait_until(lambda: " running" in self.log, 20.0)

    def reload(self) -> None:
        """As ``systemctl reload``; until the broker has said so."""
        self.child.send(signal.SIGHUP)
        poll(lambda: "Reloading config" in self.log)

    def without_access_list(self) -> None:
        """The broken variant that a test of the access list must tell from the real one."""
        file = self.folder.mosquitto / SETTINGS
        kept = [line for line in file.read_text().splitlines() if not line.startswith("acl_file")]
        file.write_text("\n".join(kept) + "\n")

    @property
    def log(self) -> str:
        return self.child.log_file.read_text(encoding="utf-8", errors="replace")


@contextmanager
def stage(base: Path, *, access_list: bool = True) -> Iterator[Stage]:
    made = Stage(base)
    made.configure()
    if not access_list:
        made.without_access_list()
    made.start()
    try:
        yield made
    finally:
        made.child.stop(5.0)


class Visitor:
    """A client over TLS; ``code`` is how its CONNECT was answered, ``got`` what it received."""

    def __init__(
        self,
        at: Stage,
        username: str = "",
        password: str | None = None,
        ca: Path | None = None,
        *,
        keeps_session: bool = False,
    ) -> None:
        self.code: str | None = None
        self.got: list[tuple[str, bytes]] = []
        self.subscribed = self.left = False
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=self._name(username, keeps_session), clean_session=not keeps_session
        )
        if username:
            known = at.folder.passwords().get(username, "") if password is None else password
            self._client.username_pw_set(username, known)
        context = ssl.create_default_context(cafile=str(ca or at.folder.authority_file))
        self._client.tls_set_context(context)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: setattr(self, "subscribed", True)
        self._client.on_disconnect = lambda *_: setattr(self, "left", True)
        self._client.on_message = lambda _client, _data, message: self.got.append((message.topic, message.payload))
        self._at = at

    def _name(self, username: str, keeps_session: bool) -> str:
        return f"test-{username}" + ("" if keeps_session else f"-{id(self)}")

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, code: Any, _properties: Any) -> None:
        self.code = str(code)

    def __enter__(self) -> Visitor:
        self._client.connect(HOST, self._at.port)
        self._client.loop_start()
        poll(lambda: self.code is not None)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, *topics: str) -> None:
        self._client.subscribe([(topic, 1) for topic in topics])
        poll(lambda: self.subscribed)

    def publish(self, topic: str, payload: bytes = b"x") -> None:
        """Published and acknowledged: which says nothing about whether it was let through."""
        sent = self._client.publish(topic, payload, qos=1)
        sent.wait_for_publish(20)
        assert sent.is_published()

    def throw(self, topic: str, payload: bytes) -> None:
        """Sent, whatever comes of it."""
        self._client.publish(topic, payload, qos=1)

    @property
    def topics(self) -> list[str]:
        return [topic for topic, _ in self.got]
