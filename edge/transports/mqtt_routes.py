"""Which device family an MQTT topic belongs to, by the drivers' topic filters; each topic is looked up once."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from paho.mqtt.client import MQTTMessage
from paho.mqtt.matcher import MQTTMatcher

_MAX_REMEMBERED = 20_000


class Route(msgspec.Struct, frozen=True):
    """A topic as text, None where it is not UTF-8, and its family, None where it is nobody's."""

    topic: str | None
    family: str | None = None


class Routes:
    """The filters of every driver. ``topics`` maps a filter to a family."""

    def __init__(self, topics: Mapping[str, str], own: tuple[str, ...] = ()) -> None:
        """``own``: how topics begin that we publish ourselves; they are nobody's, whatever a filter says."""
        self._own = own
        self._matcher = MQTTMatcher()
        for topic_filter, family in topics.items():
            self._matcher[topic_filter] = family
        self._known: dict[bytes, Route] = {}

    def find(self, topic: bytes) -> Route:
        """The route of a topic as it came."""
        route = self._known.get(topic)
        if route is None:
            if len(self._known) >= _MAX_REMEMBERED:
                self._known.clear()
            route = self._known[topic] = self._match(topic)
        return route

    def _match(self, topic: bytes) -> Route:
        try:
            text = topic.decode()
        except UnicodeDecodeError:
            return Route(None)
        if self._own and text.startswith(self._own):
            return Route(text)
        return Route(text, next(self._matcher.iter_match(text), None))  # pyright: ignore


def topic_of(received: MQTTMessage) -> bytes:
    """An exception in on_message would leave paho at this packet for ever: not UTF-8 stays so."""
    try:
        return received.topic.encode()
    except UnicodeDecodeError:
        return b"\xff"
