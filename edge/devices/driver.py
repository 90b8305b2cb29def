"""The driver contract, and how drivers are found: every module in this folder that has a ``DRIVER``.

A driver is pure and stateless: bytes in, events out. It opens nothing, remembers nothing and asks no clock; what it
needs to know of the site and of the moment of receipt comes in as arguments.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

import msgspec

from domain.access import Decision
from domain.events import Event, Media
from domain.ids import content_name
from edge.devices.announced import Announced, Known
from edge.devices.card_list import CardListCodec
from edge.devices.question import Question
from edge.devices.tcp_line import Line

ANSWER_STATUS, ANSWER_TO = ":status", ":request-id"
PEER = ":peer"  # among the headers of what came over HTTP: the address it came from; no device can send it
NOT_REACHED, NO_ANSWER = "not reached", "no answer"  # was not done; was done or not, nobody knows
LINE = "line"  # the family in which transports say that a device's line came or went
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


# The gateway's own clock when a message came: vouched for; vouched for by nobody; or wrong beyond doubt.
GatewayClock = Literal["confirmed", "unsynced", "wrong"]


class BadMessage(Exception):
    """A message that is no event of its family: it is counted and its bytes are parked. Says what and where."""


class CannotEncode(Exception):
    """A command this family does not have, or whose arguments do not fit. Says which and why."""


class Secret(msgspec.Struct, frozen=True, gc=False):
    """What somebody keyed or showed at a door. It reaches the decision and nothing else: no log, no event, no file."""

    text: str = ""

    def __repr__(self) -> str:
        return "Secret(…)" if self.text else "Secret()"


NO_SECRET = Secret()


class Message(msgspec.Struct, frozen=True, gc=False):
    """What a device sent, as it came. ``topic`` is the MQTT topic or the URL path."""

    family: str
    payload: bytes
    topic: str = ""
    retained: bool = False
    headers: Mapping[str, str] = NO_HEADERS
    received_at: datetime | None = None  # None: no clock checks (a file, long after)
    # Set while a broker hands over what it queued in our absence: since when it may have been waiting.
    queued_since: datetime | None = None
    gateway_clock: GatewayClock = "confirmed"  # what received_at is worth; no driver's business
    # The vendor identity that the connection vouches for (an address in the device list); "" where none does.
    sender: str = ""
    request_id: str = ""  # of the command that this answers, where the transport knows it and the bytes do not
    secret: Secret = NO_SECRET  # beside the payload, which may be kept: what is not to be kept
    decision: Decision | None = None  # about the card that it asks about; None: nobody was asked, anyone may


class Site(msgspec.Struct, frozen=True):
    """What a driver must know of the complex."""

    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")


class Picture(msgspec.Struct, frozen=True, gc=False):
    """A picture's bytes on their way to the media store; events carry only its Media."""

    sha256: str
    body: bytes


class Reading(msgspec.Struct, frozen=True, gc=False):
    """What one message says: no, one or several events, and the pictures they name.

    ``at_rest`` holds what a device says is as it should be, for devices that repeat all they know with every message:
    such a state is news only where the intake remembers that it was otherwise (an alarm that is over).
    """

    events: list[Event]
    pictures: list[Picture] = []
    at_rest: list[Event] = []


class Command(msgspec.Struct, frozen=True):
    """An order for a device, in our words: ``barrier.open``, ``door.open``, ``display.voice`` …"""

    name: str
    device: str  # <driver kind>:<vendor identity>
    request_id: str
    issued_at: datetime
    args: Mapping[str, Any] = MappingProxyType({})


class Publish(msgspec.Struct, frozen=True):
    """An MQTT message that carries out a command."""

    topic: str
    payload: bytes
    qos: int = 1


class Request(msgspec.Struct, frozen=True):
    """An HTTP request, to the address of the device, that carries out a command. ``path`` holds the query too.

    Its answer comes to ``decode`` as a message whose topic is the path, with headers that no device can send:
    ANSWER_STATUS (or NOT_REACHED, NO_ANSWER: then the payload says why) and ANSWER_TO (``request_id``).
    """

    method: str
    path: str
    body: bytes = b""
    media_type: str = ""
    request_id: str = ""


class Packet(msgspec.Struct, frozen=True):
    """Bytes for the connection a device keeps with us (TCP, WebSocket, a serial line), or a datagram to it.

    ``request_id`` comes back with the message that answers it.
    """

    payload: bytes
    request_id: str = ""


class Answer(msgspec.Struct, frozen=True):
    """What a device that pushes is told, in its own words, once what it said is durable.

    Of a family that takes its commands so, ``encode`` gives one too: it goes with the next answer that ``carries``
    commands, their members side by side where both have the same object, else instead of it.
    """

    payload: bytes = b""
    media_type: str = "application/json"
    status: int = 200
    carries: bool = False


Outgoing = Publish | Request | Packet | Answer


def _no_pictures(part: bytes) -> int:
    return 0


class Stream(msgspec.Struct, frozen=True):
    """An answer without end, asked for at the address of a device: multipart, each part a message of ``family``.

    ``pictures`` tells of a part how many of the next parts may be its pictures; they come as one multipart message.
    A line on which nothing comes for ``silence_s`` is lost. ``history`` is the path by which a device tells what it
    recorded between two times: asked for once after a lost line, its answer is a message too.
    """

    family: str
    path: str
    name: str = ""  # behind # in the address of a device that is listened to so; "" is the usual way
    silence_s: float = 60.0
    pictures: Callable[[bytes], int] = _no_pictures
    history: Callable[[datetime, datetime], str] | None = None


class Poll(msgspec.Struct, frozen=True):
    """A device's log, asked for again and again: each answer is a message of ``family``.

    ``first`` is the path to begin with, ``missed_s`` after the device was last heard; ``following`` the path after an
    answer, None to begin anew.
    """

    family: str
    first: Callable[[float], str]
    following: Callable[[str, bytes], str | None]
    name: str = ""
    silence_s: float = 60.0


class HttpSession(msgspec.Struct, frozen=True):
    """How a family that shows its password once goes on without it: by the address and name it registered with.

    ``opened_by`` and ``closed_by`` are URL paths; a session ends too once nothing came for ``silence_s``.
    """

    opened_by: str
    closed_by: str
    named_by: str = "user-identify"  # the header in which later requests say whose they are
    silence_s: float = 300.0


class BrokerUser(msgspec.Struct, frozen=True):
    """Who connects to the broker on a device's behalf: the device itself, or a bridge that speaks for several.

    ``name`` is of letters, digits and ``._%-``, and no two devices share one but by a bridge. The topics are MQTT
    filters; what the user may read is what we may write.
    """

    name: str
    writes: tuple[str, ...]
    reads: tuple[str, ...] = ()


def line_message(device: str, state: Literal["online", "offline"], reason: str = "") -> Message:
    """What a transport offers to the intake when a device's line came or went."""
    said = {"device": device, "state": state, "reason": reason or None}
    return Message(LINE, msgspec.json.encode(said), f"{LINE}/{device}")


def _no_commands(command: Command, site: Site, topic_hint: str) -> Outgoing:
    raise CannotEncode(f"{command.device} takes no commands")


def _asks_nothing(message: Message) -> str | None:
    return None


def _no_answer(message: Message, site: Site) -> Answer | None:
    return None


def _claims_none(announced: Announced) -> Known | None:
    return None


def _no_births(message: Message) -> Sequence[Known]:
    return ()


class Driver(msgspec.Struct, frozen=True):
    """One device family (or several that share a vendor), as one module's ``DRIVER``.

    ``decode`` raises BadMessage for what is no message of the family; what is valid but not mapped becomes an event
    of kind ``unknown`` with its codes kept. ``encode`` gets the last topic the device was heard on as its hint.
    ``transports`` names the modules of ``edge.transports`` that carry the families which do not come over the broker;
    one runs while the device list has a device of the kind. ``answer`` is what the sender of a message is told once
    it is durable, None where the family is told nothing; where that depends on a card, ``asks`` tells which, and the
    message then bears the ``decision``. ``pulls`` are the ways to listen to a device that has an http
    address: the transport http_pull goes by them. Several drivers may share a kind: one device, several ways to speak
    to it; a command goes the way that the device was last heard on.
    ``lines`` tells how a family is spoken over TCP; ``card_list`` how the cards of a device that decides by itself are
    compared and repaired.
    ``broker_user`` tells, for one vendor identity, who connects to the broker and what it may write and read there.
    A driver that leaves it out gets ``own_user``: right where devices name themselves in topics and are told nothing.
    ``identity_is_path``: identities are topics, or names with levels, and may hold a slash; a ``broker_user`` that
    puts them into topics then puts in several levels.

    For finding devices that nobody listed yet (edge.discovery): ``claims`` says under which id a device that announced
    itself would be listed, None for one of another make; ``births`` the devices that a message says there are, where
    it says more than the ids of its events; ``page`` is the family's page in docs/devices.
    ``questions`` are what ``doctor`` asks a device that has an http address: who it is, how late it is there.
    """

    kind: str  # the prefix of its device identities
    families: tuple[str, ...]
    decode: Callable[[Message, Site], Reading]
    topics: Mapping[str, str] = MappingProxyType({})  # MQTT topic filter -> family
    transports: tuple[str, ...] = ()
    paths: Mapping[str, str] = MappingProxyType({})  # URL path -> family; ``*`` is one segment, a last ``**`` the rest
    answer: Callable[[Message, Site], Answer | None] = _no_answer
    asks: Callable[[Message], str | None] = _asks_nothing
    pulls: tuple[Stream | Poll, ...] = ()
    encode: Callable[[Command, Site, str], Outgoing] = _no_commands
    broker_user: Callable[[str], BrokerUser] | None = None
    lines: tuple[Line, ...] = ()
    card_list: CardListCodec | None = None
    identity_is_path: bool = False
    silence_s: float = 0.0  # at the broker: gone when it gave signs of life and none for so long. 0: it sets a will
    session: HttpSession | None = None  # where a password that was entered is shown at a registration alone
    claims: Callable[[Announced], Known | None] = _claims_none
    births: Callable[[Message], Sequence[Known]] = _no_births
    page: str = ""  # "": named as the kind is
    questions: tuple[Question, ...] = ()

    @property
    def page_path(self) -> str:
        """The page for installers, from the root of the repository."""
        return f"docs/devices/{self.page or self.kind}.md"

    def user_of(self, identity: str) -> BrokerUser:
        """Who connects for the device of this vendor identity, which is safe to stand in a topic."""
        return self.broker_user(identity) if self.broker_user else own_user(self.kind, self.topics, identity)


def own_user(kind: str, topics: Iterable[str], identity: str, reads: tuple[str, ...] = ()) -> BrokerUser:
    """A device of its own, that writes the filters with its identity where they have their first ``+``.

    Where none has one, the topics do not tell devices apart: one bridge writes them all.
    """
    own = tuple(_filled(topic, identity) for topic in topics if "+" in topic.split("/"))
    if not own:
        return BrokerUser(kind, tuple(topics), reads)
    return BrokerUser(f"{kind}.{quote(identity, safe='')}", own, reads)


def _filled(topic: str, identity: str) -> str:
    levels = topic.split("/")
    levels[levels.index("+")] = identity
    return "/".join(levels)


class Registry:
    """Every driver found, by family and by kind."""

    def __init__(self, drivers: Iterable[Driver]) -> None:
        self.by_family: dict[str, Driver] = {}
        self.by_kind: dict[str, Driver] = {}
        for driver in drivers:
            self._add(driver)

    def _add(self, driver: Driver) -> None:
        for family in driver.families:
            if family in self.by_family:
                raise ValueError(
                    f"two drivers serve the family {family!r}: {self.by_family[family].kind}, {driver.kind}"
                )
            self.by_family[family] = driver
        self.by_kind.setdefault(driver.kind, driver)

    @property
    def pages(self) -> dict[str, str]:
        """Kind of device -> the page of docs/devices that says what an installer sets."""
        return {kind: driver.page or kind for kind, driver in self.by_kind.items() if kind != LINE}

    @property
    def paths(self) -> dict[str, str]:
        """URL path -> family, of all drivers."""
        return {path: family for driver in self.by_family.values() for path, family in driver.paths.items()}

    def transports_of(self, devices: Iterable[str], addressed: Iterable[str] | None = None) -> frozenset[str]:
        """The transports that these devices, by identity, are reached by; none for those at the broker alone.

        ``addressed`` are those whose address is listed (None: all are): a kind that also speaks at the broker opens no
        port before an address says that one of its devices comes another way.
        """
        kinds = {device.partition(":")[0] for device in devices}
        drivers = {id(driver): driver for driver in self.by_family.values()}.values()
        if addressed is not None:
            elsewhere = {device.partition(":")[0] for device in addressed}
            kinds -= {driver.kind for driver in drivers if driver.topics} - elsewhere
        return frozenset(name for driver in drivers if driver.kind in kinds for name in driver.transports)

    @property
    def lines(self) -> tuple[tuple[str, Line], ...]:
        """The kind and the line of every family that is spoken over TCP."""
        drivers = {id(driver): driver for driver in self.by_family.values()}.values()
        return tuple((driver.kind, line) for driver in drivers for line in driver.lines)

    def card_list_of(self, device: str) -> CardListCodec | None:
        """How the card list in a device is spoken of; None where its kind has none."""
        driver = self.by_kind.get(device.partition(":")[0])
        return driver.card_list if driver else None

    def claim(self, announced: Announced) -> Known | None:
        """The device as the list would name it; None where no driver knows its make. Of several the exact one."""
        drivers = {id(driver): driver for driver in self.by_family.values()}.values()
        found = [known for driver in drivers if (known := driver.claims(announced)) is not None]
        return min(found, key=lambda known: not known.exact, default=None)

    def page_of(self, device: str) -> str:
        """The page of its family in docs/devices; "" for a kind that there is not."""
        driver = self.by_kind.get(device.partition(":")[0])
        return driver.page_path if driver else ""

    def of_kind(self, device: str) -> list[Driver]:
        """Every driver of a device's kind, each once."""
        kind = device.partition(":")[0]
        found = {id(driver): driver for driver in self.by_family.values() if driver.kind == kind}
        return list(found.values())

    @property
    def topics(self) -> dict[str, str]:
        """MQTT topic filter -> family, of all drivers."""
        drivers = {id(driver): driver for driver in self.by_family.values()}.values()
        return {topic: family for driver in drivers for topic, family in driver.topics.items()}

    def topics_with(self, further: Mapping[str, str]) -> dict[str, str]:
        """The topics of all drivers, and those that an installer set otherwise. Raises ValueError."""
        for topic, family in further.items():
            if family not in self.by_family:
                raise ValueError(
                    f"{topic!r}: no driver serves {family!r}; there are {', '.join(sorted(self.by_family))}"
                )
        return {**self.topics, **further}

    def families_of(self, kinds: Iterable[str]) -> frozenset[str]:
        """The families in which devices of these kinds speak."""
        wanted = frozenset(kinds)
        return frozenset(family for family, driver in self.by_family.items() if driver.kind in wanted)

    def decode(self, message: Message, site: Site) -> Reading:
        """What a message says. Raises BadMessage, also for a family no driver serves."""
        driver = self.by_family.get(message.family)
        if driver is None:
            raise BadMessage(f"no driver serves {message.family!r}; there are {', '.join(sorted(self.by_family))}")
        return driver.decode(message, site)

    def answer(self, message: Message, site: Site) -> Answer | None:
        """What the sender of a durable message is told; None for nothing. Raises BadMessage."""
        driver = self.by_family.get(message.family)
        return driver.answer(message, site) if driver else None

    def asks(self, message: Message) -> str | None:
        """The card that a message asks about; None for every other message."""
        driver = self.by_family.get(message.family)
        return driver.asks(message) if driver else None

    def encode(self, command: Command, site: Site, topic_hint: str = "", family: str = "") -> Outgoing:
        """What carries out a command; ``family``: that the device was last heard in. Raises CannotEncode."""
        kind = command.device.partition(":")[0]
        driver = self.by_family.get(family)
        if driver is None or driver.kind != kind:
            driver, topic_hint = self.by_kind.get(kind), topic_hint if not family else ""
        if driver is None:
            raise CannotEncode(f"no driver for {command.device!r}")
        return driver.encode(command, site, topic_hint)


@cache
def discover() -> Registry:
    """The drivers of every module in ``edge.devices`` that has a ``DRIVER``: a new file is enough."""
    import edge.devices as folder

    modules = (importlib.import_module(f"edge.devices.{found.name}") for found in pkgutil.iter_modules(folder.__path__))
    return Registry(module.DRIVER for module in modules if hasattr(module, "DRIVER"))


def picture(role: str, body: bytes, media_type: str = "image/jpeg") -> tuple[Media, Picture]:
    """A picture's entry in its event, and its bytes for the media store."""
    name = content_name(body)
    return Media(role=role, type=media_type, bytes=len(body), sha256=name), Picture(name, body)


class JudgedTime(msgspec.Struct, frozen=True):
    """A device's time after judgement: fields of Event."""

    time: datetime | None
    time_quality: str
    device_time: str | None = None


_CLOCK_LIMIT = timedelta(minutes=10)
_ZONE_TOLERANCE = timedelta(minutes=10)


def judge_time(
    sent: datetime | None,
    received_at: datetime | None,
    site: Site,
    *,
    as_sent: object = None,
    replay: bool = False,
    queued_since: datetime | None = None,
    limit: timedelta = _CLOCK_LIMIT,
) -> JudgedTime:
    """Whether a device's time (aware) can be believed, held against the moment of receipt.

    Off by about the site's offset from UTC: a zone fault, corrected. Off by more than ``limit``: the time of receipt
    counts and the device's is kept as sent. A replayed record is old by nature and is not judged. A message that a
    broker queued may be as old as ``queued_since``.
    """
    if sent is None:
        return JudgedTime(None, "replay" if replay else "gateway")
    sent = sent.astimezone(UTC)
    if replay:
        ahead = received_at is not None and sent > received_at + limit
        kept = str(as_sent if as_sent is not None else sent.isoformat())
        return JudgedTime(None, "replay", kept) if ahead else JudgedTime(sent, "replay")
    if received_at is None or (queued_since or received_at) - limit <= sent <= received_at + limit:
        return JudgedTime(sent, "ok")
    kept = str(as_sent if as_sent is not None else sent.isoformat())
    offset = received_at.astimezone(site.zone).utcoffset() or timedelta()
    for shift in (offset, -offset):
        if offset and abs(sent - received_at + shift) <= _ZONE_TOLERANCE:
            return JudgedTime(sent + shift, "assumed_zone", kept)
    return JudgedTime(None, "device_clock_bad", kept)
