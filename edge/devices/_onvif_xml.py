"""ONVIF notifications as a camera gives them when it is asked (PullMessages): one ``NotificationMessage`` each.

Written from the ONVIF Core Specification (event handling, topic structure) and OASIS WS-BaseNotification 1.3. Names of
elements count without their namespaces: firmware binds prefixes as it likes.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from edge.devices._onvif_body import Seen, objects_in
from edge.devices._onvif_events import Notice, reading_of
from edge.devices._onvif_topics import bare
from edge.devices._times import iso_8601, judged
from edge.devices.driver import BadMessage, Message, Reading, Site

_MOST_ITEMS, _MOST_DEPTH = 64, 12


def decode(message: Message, site: Site, device: str) -> Reading:
    """What one notification of a device says. Raises BadMessage."""
    root = _read(message.payload)
    topic, said = _first(root, "Topic"), _inner(root)
    if topic is None or said is None:
        raise BadMessage("no notification of ONVIF: neither a Topic nor a Message in it")
    operation = said.get("PropertyOperation", "").lower()
    sent = said.get("UtcTime")
    data = {**_items(said, "Key"), **_items(said, "Data")}
    notice = Notice(
        device=device,
        levels=bare("".join(topic.itertext()).strip()),
        source=_items(said, "Source"),
        data=data,
        when=judged(iso_8601(sent, UTC), sent, message, site),
        retained=operation == "initialized",
        is_gone=operation == "deleted",
        objects=tuple(_objects(data)),
    )
    return reading_of(notice, message)


def _objects(data: dict[str, Any]) -> list[Seen]:
    """Those that are described; where none is, the one whose number stands among the simple items."""
    described: dict[str, Any] = {name: value for name, value in data.items() if isinstance(value, dict)}
    return objects_in(described) or objects_in(data)


def _read(body: bytes) -> Element:
    from defusedxml.common import DefusedXmlException  # boxes without such a camera do not load it
    from defusedxml.ElementTree import fromstring

    try:
        return fromstring(body, forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadMessage(f"it defines entities: {type(error).__name__}") from error
    except (ParseError, ValueError, LookupError) as error:
        raise BadMessage(f"no XML: {error}") from error


def _inner(root: Element) -> Element | None:
    """The ``tt:Message`` within the ``wsnt:Message``: the one that says something."""
    return next((part for part in _named(root, "Message") if part.attrib or _first(part, "Message") is None), None)


def _items(said: Element, name: str) -> dict[str, Any]:
    """What stands in Source, Key or Data: simple items by name, others as the JSON of ONVIF would have them."""
    group = next((part for part in said if _local(part) == name), None)
    found: dict[str, Any] = {}
    for item in list(group if group is not None else ())[:_MOST_ITEMS]:
        named = item.get("Name")
        if named and _local(item) == "SimpleItem":
            found[named] = item.get("Value")
        elif named and _local(item) == "ElementItem":
            found[named] = _plain(item, 0)
    return found


def _plain(element: Element, depth: int) -> Any:
    """An element as JSON: attributes as ``@x``, text as ``#text``, what comes several times as a list."""
    made: dict[str, Any] = {f"@{_bare(name)}": value for name, value in element.attrib.items()}
    for part in list(element)[:_MOST_ITEMS] if depth < _MOST_DEPTH else ():
        _add(made, _local(part), _plain(part, depth + 1))
    text = (element.text or "").strip()
    if not made:
        return text or None
    return {**made, "#text": text} if text else made


def _add(made: dict[str, Any], name: str, value: Any) -> None:
    if name not in made:
        made[name] = value
    elif isinstance(made[name], list):
        made[name].append(value)
    else:
        made[name] = [made[name], value]


def _named(within: Element, name: str) -> Iterator[Element]:
    return (part for part in within.iter() if _local(part) == name)


def _first(within: Element, name: str) -> Element | None:
    """Below it, not itself."""
    return next((part for part in _named(within, name) if part is not within), None)


def _local(element: Element) -> str:
    return _bare(element.tag)


def _bare(name: str) -> str:
    return name.rpartition("}")[2]
