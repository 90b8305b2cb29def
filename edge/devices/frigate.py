"""Frigate NVR over MQTT: tracked objects, plates, motion, snapshots, and whether it and its cameras are there."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from domain.events import Event
from edge.devices._fields import media_type
from edge.devices._frigate_objects import KIND, read_object
from edge.devices._frigate_updates import read_review, read_trigger, read_update
from edge.devices.driver import (
    BadMessage,
    BrokerUser,
    CannotEncode,
    Command,
    Driver,
    Message,
    Publish,
    Reading,
    Site,
    picture,
)

FAMILY = "frigate"
_PREFIX = "frigate"
_SWITCH_PHASES = MappingProxyType({"ON": "start", "OFF": "end"})
_NO_SOUND = frozenset({"all", "state", "set"})  # below audio/ they switch or sum up the detector
_SWITCHES = MappingProxyType({"camera.detect": "detect", "camera.recordings": "recordings"})
_MAX_WORD = 64


def decode(message: Message, site: Site) -> Reading:
    """What Frigate says; nothing for its counters, settings and statistics. Raises BadMessage."""
    match message.topic.split("/")[1:]:
        case []:
            raise BadMessage("Frigate's messages are told apart by topic, and this one has none")
        case [name] if name in _READERS:
            return _READERS[name](message, site)
        case ["available"]:
            return _available(message)
        case [camera, "motion"]:
            return _motion(message, camera)
        case [camera, "status", role]:
            return Reading([_event(message, "availability", camera, point=role, state=_word(message))])
        case [camera, label, "snapshot"]:
            return _snapshot(message, camera, label)
        case [camera, "audio", sound] if sound not in _NO_SOUND:
            return _sound(message, camera, sound)
        case [camera, "classification", model]:
            return Reading([_event(message, "detection", camera, phase="update", label=model, state=_word(message))])
        case _:
            return Reading([])


def _event(message: Message, kind: str, camera: str, **rest: Any) -> Event:
    """What a plain topic says, it says without a time."""
    return Event(kind=kind, device=f"{KIND}:{camera}", time_quality="gateway", retained=message.retained, **rest)


def _word(message: Message) -> str:
    """The one word of a plain topic. Raises BadMessage."""
    try:
        word = message.payload.decode().strip()
    except UnicodeDecodeError as error:
        raise BadMessage(f"{message.topic}: not text: {error}") from error
    if not word or len(word) > _MAX_WORD or not word.isprintable():
        raise BadMessage(f"{message.topic}: {word[:_MAX_WORD]!r} is no state")
    return word


def _available(message: Message) -> Reading:
    """``offline`` is the will, ``stopped`` a regular end: both mean that nobody watches."""
    word = _word(message)
    if word not in ("online", "offline", "stopped"):
        raise BadMessage(f"{message.topic}: {word!r} is neither online nor offline nor stopped")
    event = Event(
        kind="availability",
        device=KIND,
        time_quality="gateway",
        retained=message.retained,
        state="online" if word == "online" else "offline",
        reason="stopped" if word == "stopped" else None,
    )
    return Reading([event])


def _motion(message: Message, camera: str) -> Reading:
    phase = _SWITCH_PHASES.get(_word(message))
    if phase is None:
        raise BadMessage(f"{message.topic}: neither ON nor OFF")
    return Reading([_event(message, "detection", camera, label="motion", phase=phase)])


def _sound(message: Message, camera: str, sound: str) -> Reading:
    """A sound it knows, by name; the levels beside them are numbers and say nothing."""
    phase = _SWITCH_PHASES.get(_word(message))
    if phase is None:
        return Reading([])
    return Reading([_event(message, "detection", camera, label=sound, phase=phase, trigger="audio")])


def _snapshot(message: Message, camera: str, label: str) -> Reading:
    """The picture itself; none where the retained one was cleared."""
    if not message.payload:
        return Reading([])
    kind = media_type(message.payload)
    if kind is None:
        raise BadMessage(f"{message.topic}: {len(message.payload)} bytes that are no picture")
    entry, kept = picture("scene", message.payload, kind)
    return Reading([_event(message, "detection", camera, label=label, phase="update", media=[entry])], [kept])


def encode(command: Command, site: Site, topic_hint: str) -> Publish:
    """``camera.detect`` and ``camera.recordings``, ``on`` true or false. Raises CannotEncode."""
    switch, on = _SWITCHES.get(command.name), command.args.get("on")
    if switch is None:
        raise CannotEncode(f"Frigate has no {command.name!r}; it has {', '.join(sorted(_SWITCHES))}")
    if not isinstance(on, bool):
        raise CannotEncode(f"{command.name} needs on, true or false, not {on!r}")
    camera = command.device.partition(":")[2]
    if not camera or not frozenset("/+#\0").isdisjoint(camera):
        raise CannotEncode(f"{command.device!r} names no camera of Frigate")
    prefix = topic_hint.partition("/")[0] or _PREFIX
    return Publish(f"{prefix}/{camera}/{switch}/set", b"ON" if on else b"OFF")


def _user(camera: str) -> BrokerUser:
    """Cameras speak RTSP to Frigate; it alone is at the broker, for all of them."""
    return BrokerUser(KIND, (f"{_PREFIX}/#",), (f"{_PREFIX}/+/+/set",))


_READERS: MappingProxyType[str, Callable[[Message, Site], Reading]] = MappingProxyType(
    {
        "events": read_object,
        "reviews": read_review,
        "tracked_object_update": read_update,
        "triggers": read_trigger,
    }
)

DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    topics=MappingProxyType({f"{_PREFIX}/#": FAMILY}),
    broker_user=_user,
    page="frigate.md",
)
