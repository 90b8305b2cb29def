"""Fire transmitters 用户信息传输装置 of GB/T 26875.3-2011: they connect to us, and repeat what is not confirmed."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import msgspec

from domain.events import Event
from domain.ids import derive
from edge.devices import _gb26875_frame as frames
from edge.devices import _gb26875_tables as tables
from edge.devices._arguments import whole_in
from edge.devices._fields import keep_raw
from edge.devices._gb26875_frame import Frame
from edge.devices._gb26875_objects import KIND, READERS, Heard, configuration, objects
from edge.devices.driver import Answer, BadMessage, CannotEncode, Command, Driver, Message, Packet, Reading, Site
from edge.devices.tcp_line import Line

FAMILY = "gb26875"
_PORT = 26_875
_SILENT_S = 600.0  # many say nothing of themselves for minutes
_VERSION = b"\x01\x00"
_NOBODY = bytes(6)
_UNANSWERED = frozenset({frames.CONFIRM, frames.RESPONSE, frames.DENY})  # an answer to an answer would never end
_MAX_SEQUENCE = 65_535


def decode(message: Message, site: Site) -> Reading:
    """What a transmitter says. Raises BadMessage."""
    frame = frames.opened(message.payload)
    if frame.command in (frames.CONFIRM, frames.DENY):
        return Reading([_result(frame, message)])
    if len(frame.body) < 2:  # a sign of life, or a vendor's handshake
        return Reading([_heard(frame, [], message, site).event("availability", b"", state="online")])
    if frame.command not in (frames.SEND, frames.RESPONSE):
        return _unknown(frame, message, site, f"command {frame.command}")
    return _objects(frame, message, site)


def _objects(frame: Frame, message: Message, site: Site) -> Reading:
    kind = frame.body[0]
    if kind in (tables.SYSTEM_CONFIG, tables.OWN_CONFIG):
        return Reading(configuration(_heard(frame, [], message, site)))
    found = objects(frame)
    if found is None:
        return _unknown(frame, message, site, f"type {kind}")
    heard = _heard(frame, [label for _, label in found], message, site)
    return Reading([event for body, label in found for event in READERS[kind](heard, body, label)])


def _heard(frame: Frame, labels: list[bytes], message: Message, site: Site) -> Heard:
    clock = frames.clock_of([frame.time, *labels], site.zone, message.received_at)
    return Heard(frame, message, site, clock)


def _unknown(frame: Frame, message: Message, site: Site, code: str) -> Reading:
    raw, kept = keep_raw(message, "binary")
    codes = {"command": frame.command, "type": frame.body[0], "objects": frame.body[1], "bytes": len(frame.body)}
    return Reading([_heard(frame, [], message, site).event("unknown", b"", code=code, raw=raw, raw_codes=codes)], kept)


def _result(frame: Frame, message: Message) -> Event:
    """Its answer to what we told it."""
    return Event(
        kind="command_result",
        device=f"{KIND}:{frame.identity}",
        time_quality="gateway",
        ok=frame.command == frames.CONFIRM,
        request_id=message.request_id or None,
        seq=frame.sequence,
    )


def answer(message: Message, site: Site) -> Answer | None:
    """The confirmation of a frame, with the transmitter's own time: it sets no clock by it. Raises BadMessage."""
    frame = frames.opened(message.payload)
    if frame.command in _UNANSWERED:
        return None
    turned = msgspec.structs.replace(frame, source=frame.target, target=frame.source)
    told = msgspec.structs.replace(turned, command=frames.CONFIRM, body=b"")
    return Answer(frames.frame(told), "application/octet-stream")


def encode(command: Command, site: Site, topic_hint: str) -> Packet:
    """The frame for a transmitter. Raises CannotEncode."""
    make = _COMMANDS.get(command.name)
    if make is None:
        raise CannotEncode(f"fire transmitters have no {command.name!r}; they have {', '.join(sorted(_COMMANDS))}")
    try:
        target = frames.address_bytes(command.device.partition(":")[2])
    except ValueError as error:
        raise CannotEncode(f"{command.device!r}: {error}") from error
    now = frames.bcd_time(command.issued_at.astimezone(site.zone))
    sequence = whole_in(command, "seq", 0, _MAX_SEQUENCE, int.from_bytes(derive(command.request_id)[:2]))
    told, body = make(now)
    return Packet(frames.frame(Frame(sequence, _VERSION, now, _NOBODY, target, told, body)), command.request_id)


def _acknowledge(now: bytes) -> tuple[int, bytes]:
    return frames.CONFIRM, b""


def _set_clock(now: bytes) -> tuple[int, bytes]:
    return frames.CONTROL, bytes((tables.SET_CLOCK, 1)) + now


_COMMANDS: MappingProxyType[str, Callable[[bytes], tuple[int, bytes]]] = MappingProxyType(
    {"ack": _acknowledge, "clock.set": _set_clock}
)


def _identity_of(frame: bytes) -> str | None:
    """Never raises: rubbish names nobody."""
    try:
        return frames.opened(frame).identity
    except BadMessage:
        return None


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    answer=answer,
    encode=encode,
    transports=("tcp",),
    lines=(
        Line(
            family=FAMILY,
            role="listen",
            port=_PORT,
            cut=frames.cut,
            max_frame_bytes=frames.MAX_FRAME_BYTES,
            identity_of=_identity_of,
            token_of=frames.sequence_of,
            silent_s=_SILENT_S,
        ),
    ),
    page="gb26875.md",
)
