"""WS-Discovery on the wire: the question (Probe), and what the answers say (ProbeMatches), however they are written.

Written from OASIS WS-Discovery 1.1 and the ONVIF Core Specification (device discovery; scopes). Names of elements count
without their namespaces: firmware mixes 2005/04 and 2009/01, and prefixes of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from edge.devices.announced import Announced, shown, text_of

PROBED = (
    'xmlns:dn="http://www.onvif.org/ver10/network/wsdl">dn:NetworkVideoTransmitter',
    'xmlns:tds="http://www.onvif.org/ver10/device/wsdl">tds:Device',
)
_PROBE = """<?xml version="1.0" encoding="UTF-8"?>
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing">
<s:Header><a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action>
<a:MessageID>urn:uuid:{number}</a:MessageID>
<a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To></s:Header>
<s:Body><d:Probe xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><d:Types {types}</d:Types></d:Probe></s:Body>
</s:Envelope>"""
_MOST_BYTES, _MOST_MATCHES, _MOST_SCOPES = 64 * 1024, 32, 64
_SCOPE = re.compile(r"onvif://www\.onvif\.org/([A-Za-z_]+)/(.+)", re.IGNORECASE)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-([0-9a-f]{12})", re.IGNORECASE)
_NOT_HEX = re.compile(r"[^0-9a-f]")
_NO_NODE = frozenset({"", "0" * 12, "f" * 12})


class BadAnswer(Exception):
    """Bytes that are no answer to a Probe; says why."""


def probes(numbers: tuple[str, str]) -> list[bytes]:
    """The question for video transmitters, and that for any ONVIF device: each with its number."""
    return [
        _PROBE.format(number=escape(number), types=types).encode()
        for number, types in zip(numbers, PROBED, strict=True)
    ]


def matches(answer: bytes, host: str, numbers: tuple[str, ...]) -> list[Announced]:
    """The ONVIF devices that an answer from ``host`` to one of our questions names. Raises BadAnswer."""
    root = _read(answer)
    relates = _text(root, "RelatesTo")
    if relates and not any(number in relates.casefold() for number in numbers):
        return []  # to somebody else's question
    named = (element for element in root.iter() if _local(element) == "ProbeMatch")
    found = (_announced(element, host) for element, _ in zip(named, range(_MOST_MATCHES), strict=False))
    return [announced for announced in found if announced is not None]


def _read(answer: bytes) -> Any:
    from defusedxml import ElementTree
    from defusedxml.common import DefusedXmlException

    if len(answer) > _MOST_BYTES:
        raise BadAnswer(f"{len(answer)} bytes")
    try:
        return ElementTree.fromstring(answer.strip(b"\0 \t\r\n"), forbid_dtd=True)
    except DefusedXmlException as error:
        raise BadAnswer(f"it defines entities: {type(error).__name__}") from error
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise BadAnswer(f"no XML: {error}") from error


def _local(element: Any) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _text(element: Any, name: str) -> str:
    """The text of the first element of a name below, "" for none."""
    found = next((inner for inner in element.iter() if _local(inner) == name), None)
    return (found.text or "").strip() if found is not None else ""


def _announced(match: Any, host: str) -> Announced | None:
    """None for what is no ONVIF device: printers and computers answer such questions too."""
    types, scopes = _text(match, "Types"), list(_scopes(_text(match, "Scopes")))
    if not scopes and not re.search(r"(^|[\s:])(NetworkVideoTransmitter|Device)(\s|$)", types):
        return None
    said = dict(reversed(scopes))  # the first of a key counts
    node = _UUID.search(_text(match, "Address"))
    at, port = _served(_text(match, "XAddrs"), host)
    return Announced(
        by="onvif",
        host=at,
        port=port,
        vendor=said.get("manufacturer", ""),
        name=said.get("name", ""),
        model=said.get("hardware", ""),
        mac=_mac(said.get("mac", "")),
        node=_mac(node[1] if node else ""),
        topic=shown(_text(match, "Address"), 64),
    )


def _scopes(text: str) -> Iterator[tuple[str, str]]:
    for word in text.split()[:_MOST_SCOPES]:
        if (scope := _SCOPE.fullmatch(word)) is not None:
            yield scope[1].casefold(), text_of(scope[2])


def _mac(text: str) -> str:
    digits = _NOT_HEX.sub("", text.casefold())
    return digits if len(digits) == 12 and digits not in _NO_NODE else ""


def _served(xaddrs: str, sender: str) -> tuple[str, int]:
    """Where it says it serves, if the answer came from there; else the first address it gives; else the sender."""
    said = [found for word in xaddrs.split()[:8] if (found := _at(word)) is not None]
    mine = next((found for found in said if found[0] == sender), None)
    return mine or (said[0] if said else (sender, 0))


def _at(url: str) -> tuple[str, int] | None:
    """Its IP address and port."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
        return str(ip_address(parts.hostname or "")), port
    except (ValueError, KeyError):
        return None
