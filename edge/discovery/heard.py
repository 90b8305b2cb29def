"""Which devices a message speaks of: what its driver says of births, and who its events are of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import structlog

from domain.events import Event
from edge.devices._fields import fields
from edge.devices.announced import Announced, Known, shown
from edge.devices.driver import PEER, BadMessage, Message, Registry, Site

log = structlog.get_logger()

_MOST = 1_000  # of one message
_HOME_ASSISTANT = "homeassistant/"
_BY_ADDRESS = frozenset({"tcp", "udp"})  # topics of transports that say where a packet came from
# A topic below which a device told to Home Assistant publishes, the short names of its documents too.
_TOPICS = ("state_topic", "stat_t", "availability_topic", "avty_t", "json_attributes_topic", "topic", "t")
_decode = msgspec.json.Decoder(dict[str, Any]).decode


def devices_in(message: Message, registry: Registry, site: Site) -> list[Known]:
    """Never raises: a driver's defect is shown where its message is taken in."""
    driver = registry.by_family.get(message.family)
    if driver is None:
        return []
    try:
        return [*list(driver.births(message))[:_MOST], *_of_events(message, registry, site)]
    except Exception as error:  # noqa: BLE001 - as said; looking for devices must not end by one message
        log.info("birth_not_read", family=message.family, topic=message.topic[:200], error=repr(error)[:200])
        return []


def _of_events(message: Message, registry: Registry, site: Site) -> Iterator[Known]:
    try:
        reading = registry.decode(message, site)
    except BadMessage:
        return
    for event in (*reading.events, *reading.at_rest)[:_MOST]:
        if ":" in event.device and event.kind != "unknown":
            yield Known(event.device, host=_host(message), model=_model(event))


def _host(message: Message) -> str:
    way, _, source = message.topic.partition("/")
    return message.headers.get(PEER, "") or (source if way in _BY_ADDRESS else "")


def _model(event: Event) -> str:
    """Where a sign of life says what it is of."""
    said = [event.ext.get("model"), event.raw_codes.get("chargePointVendor"), event.raw_codes.get("chargePointModel")]
    return " ".join(text for word in said if (text := shown(word)))


def told_to_home_assistant(
    topic: str, payload: bytes, registry: Registry, family_of: Callable[[str], str | None]
) -> Known | None:
    """A device of one of our families that a birth for Home Assistant (``homeassistant/…/config``) tells of."""
    if not topic.startswith(_HOME_ASSISTANT) or not topic.endswith("/config"):
        return None
    try:
        said = _decode(payload)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    base, device = shown(said.get("~"), 200), _device(said)
    for name in _TOPICS:
        where = shown(said.get(name), 400).replace("~", base)
        if where and family_of(where):
            return registry.claim(msgspec.structs.replace(device, topic=where))
    return None


def _device(said: dict[str, Any]) -> Announced:
    told = fields(said.get("device") or said.get("dev"))
    word: Callable[[str, str], str] = lambda whole, short: shown(told.get(whole) or told.get(short))  # noqa: E731
    return Announced(
        by="home-assistant",
        vendor=word("manufacturer", "mf"),
        name=word("name", "name"),
        model=word("model", "mdl"),
    )
