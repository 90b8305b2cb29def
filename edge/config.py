"""What an installer writes down: one TOML file, one typed structure, no defaults anywhere else."""

from __future__ import annotations

import re
import tomllib
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import msgspec

from domain.desired_bodies import Device as Device
from edge.devices.driver import Site, discover
from edge.logs import Level
from edge.mistakes import mistakes_in
from edge.onvif.settings import Onvif
from edge.releases.pinned import public_key
from edge.vision.settings import Vision

_Part = TypeVar("_Part", bound=msgspec.Struct)


class BadConfig(Exception):
    """The settings file cannot be used; the message says which line of thought to follow."""


class Broker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The MQTT broker on the complex's own network."""

    host: str = "127.0.0.1"
    port: int = 1883
    client_id: str = "gatehouse-edge"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""  # set: TLS, verified against these certificates
    keepalive_s: int = 30
    # One subscription for everything, on purpose: a broker that bounds unacknowledged messages per subscription and
    # per session alike (nats-server) passes over messages when several subscriptions together exceed the bound, and
    # brings them again later, out of order. docs/decisions/0002-broker.md
    subscriptions: tuple[str, ...] = ("#",)
    # MQTT filter -> family, for devices whose topics are set otherwise than their family's are by default.
    topics: dict[str, str] = {}


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds on everything that could grow."""

    queue_messages: int = 2_000  # above it the socket is not read; four commits' worth
    message_bytes: int = 8 * 1024 * 1024
    commit_messages: int = 500
    commit_wait_s: float = 0.005
    batch_events: int = 1_000
    batch_bytes: int = 1024 * 1024  # of JSON before compression
    parked_messages: int = 10_000
    parked_days: int = 30  # what nobody looked at goes then
    keep_days: int = 7  # acknowledged records stay so long
    device_rate_per_s: float = 50.0  # of events, for good, of one device in one stream; 0: nobody is limited
    device_burst: int = 3_000  # and at once


class Capacity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of the disk may be used: for a card of 8 GB and thirty days cut off. See docs/edge.md."""

    log_bytes: int = 1024 * 1024 * 1024  # above it the oldest routine records go; urgent and money never do
    picture_bytes: int = 3 * 1024 * 1024 * 1024  # above it the oldest routine pictures go
    free_bytes: int = 256 * 1024 * 1024  # so much of the disk stays free, whoever fills it
    reserve_bytes: int = 32 * 1024 * 1024  # given up when the disk is full, so that the log can still be written


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where Prometheus may read how the agent is. Nobody is asked for a name there: so this machine alone."""

    host: str = "127.0.0.1"
    port: int = 9464  # 0: none
    allow_remote: bool = False  # others may read it too: the device list and when each was heard

    def __post_init__(self) -> None:
        if not self.allow_remote and not is_loopback(self.host):
            raise ValueError(f"metrics.host {self.host} lets others read; write allow_remote = true if they shall")


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The screen of the guards at the gate: what stands at each lane, cash, and openings by hand."""

    host: str = "127.0.0.1"
    port: int = 0  # 0: none
    allow_remote: bool = False  # from another machine of the complex's network too
    certificate_file: str = ""  # set, with its key: https
    key_file: str = ""

    def __post_init__(self) -> None:
        if not self.allow_remote and not is_loopback(self.host):
            raise ValueError(f"gate.host {self.host} lets other machines in; write allow_remote = true if they shall")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("gate: certificate_file and key_file go together")


class Listen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where devices push to over HTTP; it listens only while the device list has one that does."""

    host: str = "0.0.0.0"  # noqa: S104 - the devices' own network: the address of the box there is better
    port: int = 8080  # 0: none
    requests: int = 32  # at one time; above it a device is told to come again
    body_s: float = 15.0  # so long a body may take to arrive
    answer_s: float = 4.0  # so long a device waits for what it said to be durable; then it is told to send it again


class Uhppote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Door controllers by UDP. They know no password: their network must be theirs alone."""

    host: str = "0.0.0.0"  # noqa: S104 - where their events are heard
    port: int = 60_001
    broadcast: str = "255.255.255.255:60000"  # where those without an address in the device list are reached
    tell: str = ""  # the address they send events to; none: the one by which this box reaches them
    poll_s: float = 10.0  # how often each is asked how it is
    answer_s: float = 1.0  # so long it may take to answer, three times
    set_clock: bool = True  # where it is off by more than 5 s and somebody vouches for the time here

    def __post_init__(self) -> None:
        if self.tell:
            IPv4Address(self.tell)
        if self.poll_s <= 0 or self.answer_s <= 0:
            raise ValueError("uhppote.poll_s and uhppote.answer_s are more than 0 seconds")


class Tcp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where devices that connect to us are heard: fire transmitters."""

    host: str = "0.0.0.0"  # noqa: S104 - on the complex's own network
    ports: dict[str, int] = {}  # by family, where not the usual one
    clients: int = 64  # at one time
    frame_s: float = 30.0  # so long a frame may take to come whole


class WebSocket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where charge points call over WebSocket; it listens only while the device list has one."""

    host: str = "0.0.0.0"  # noqa: S104 - the devices' own network: the address of the box there is better
    port: int = 9000
    connections: int = 200  # at one time; above it a charge point is told to come again
    certificate_file: str = ""  # set, with its key: wss
    key_file: str = ""

    def __post_init__(self) -> None:
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("websocket: certificate_file and key_file go together")


class Discovery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Looking for devices that nobody listed yet; what is found is offered to a person, and never listed by itself."""

    every_s: float = 3_600.0  # while the agent runs, and soon after its start; 0: only when the centre asks
    seconds: float = 5.0  # so long each way is looked
    interface: str = ""  # this box's own address on the devices' network; none: all its networks are asked
    probe: str = "239.255.255.250:3702"  # where ONVIF devices are asked (WS-Discovery)
    listen_s: float = 900.0  # after the centre asked, the ports for devices that call are open so long; 0: never

    def __post_init__(self) -> None:
        if self.interface:
            IPv4Address(self.interface)
        if not 0 < self.seconds <= 60 or self.every_s < 0 or not 0 <= self.listen_s <= 86_400:
            raise ValueError("discovery: seconds is more than 0 and at most 60, every_s and listen_s are not negative")


class HomeAssistant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Home Assistant is told over MQTT, as an option."""

    on: bool = False
    prefix: str = "homeassistant"  # of its discovery
    topic: str = "gatehouse"  # how our own topics begin
    complex: str = ""  # in them; none: the one this box is enrolled for
    host: str = ""  # of a broker of its own; none: the devices' broker, as [broker] says
    port: int = 1883
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    plates: bool = False  # plate numbers too; else cars are counted
    orders: bool = False  # Home Assistant may open the listed doors, and barriers

    def __post_init__(self) -> None:
        for key, value in (("prefix", self.prefix), ("topic", self.topic)):
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
                raise ValueError(f"home_assistant.{key} is of letters, digits, _ and -, not {value!r}")
        if self.prefix == self.topic:
            raise ValueError("home_assistant.prefix and home_assistant.topic differ")

    @property
    def own_topics(self) -> tuple[str, ...]:
        """How topics begin that are ours: none while it is off."""
        return (f"{self.topic}/", f"{self.prefix}/") if self.on else ()

    def broker_beside(self, devices: Broker) -> Broker:
        """Where it is told: by a session of its own."""
        client_id = f"{devices.client_id}-outward"
        if not self.host:
            return msgspec.structs.replace(devices, client_id=client_id)
        return Broker(
            host=self.host,
            port=self.port,
            client_id=client_id,
            username=self.username,
            password_file=self.password_file,
            ca_file=self.ca_file,
        )


class Logs(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the agent says on standard error."""

    level: Level = "info"


class Releases(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """By whose signature an upgrade is believed: the public half of a key that no server has, base64."""

    key: str = ""  # none: no upgrade comes over the centre

    def __post_init__(self) -> None:
        if self.key:
            public_key(self.key)


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the agent is told. Relative paths are relative to the file."""

    data: str = "edge-data"
    server: str = ""
    timezone: str = "Asia/Shanghai"
    unknown_devices: Literal["park", "accept"] = "park"
    broker: Broker = Broker()
    limits: Limits = Limits()
    metrics: Metrics = Metrics()
    gate: Gate = Gate()
    listen: Listen = Listen()
    websocket: WebSocket = WebSocket()
    home_assistant: HomeAssistant = HomeAssistant()
    logs: Logs = Logs()
    capacity: Capacity = Capacity()
    releases: Releases = Releases()
    uhppote: Uhppote = Uhppote()
    tcp: Tcp = Tcp()
    discovery: Discovery = Discovery()
    vision: Vision = Vision()
    onvif: Onvif = Onvif()
    devices: list[Device] = []  # until the centre sends a list

    @property
    def site(self) -> Site:
        return Site(zone=ZoneInfo(self.timezone))

    @property
    def folder(self) -> Path:
        return Path(self.data)


def load(path: Path) -> Config:
    """The settings in ``path``. Raises BadConfig naming every key that is wrong."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadConfig(f"{path} is not there; write one, docs/edge.md shows an example") from error
    except (OSError, ValueError) as error:
        raise BadConfig(f"{path}: {error}") from error
    if wrong := mistakes(written):
        raise BadConfig(f"{path}: {'; '.join(wrong)} (docs/edge.md lists every key)")
    config = msgspec.convert(written, Config)
    base = path.resolve().parent
    broker = _absolute(config.broker, base, "password_file", "ca_file")
    websocket = _absolute(config.websocket, base, "certificate_file", "key_file")
    gate = _absolute(config.gate, base, "certificate_file", "key_file")
    home = _absolute(config.home_assistant, base, "password_file", "ca_file")
    vision = _absolute(config.vision, base, "objects_model")
    changed = {"broker": broker, "websocket": websocket, "gate": gate, "home_assistant": home, "vision": vision}
    return msgspec.structs.replace(config, data=str(base / config.data), **changed)


def mistakes(written: dict[str, Any]) -> list[str]:
    """Every key of the settings that cannot be used, by its path, and why."""
    found = mistakes_in(Config, written)
    zone = str(written.get("timezone", Config().timezone))
    try:
        ZoneInfo(zone)
    except (ValueError, KeyError, OSError):
        found.append(f"timezone: there is no zone {zone!r}; Asia/Shanghai is one")
    return found or _unknown_families(written)


def _unknown_families(written: dict[str, Any]) -> list[str]:
    topics: dict[str, str] = written.get("broker", {}).get("topics", {})
    try:
        if topics:
            discover().topics_with(topics)
    except ValueError as error:
        return [f"broker.topics: {error}"]
    return []


def _absolute(part: _Part, base: Path, *keys: str) -> _Part:
    """The part with the files it names made absolute."""
    files = {key: str(base / value) for key in keys if (value := getattr(part, key))}
    return msgspec.structs.replace(part, **files)
