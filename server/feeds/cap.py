"""An alert in the Common Alerting Protocol 1.2 (OASIS, CAP-v1.2): one message, for who takes alerts of any maker."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

import msgspec

from domain.masking import masked_text

NAMESPACE = "urn:oasis:names:tc:emergency:cap:1.2"
TYPE = "application/cap+xml"
_RESTRICTION = "只限有权处置的单位"
_SEVERITY = MappingProxyType({"critical": "Extreme", "high": "Severe", "medium": "Moderate", "low": "Minor"})
_CATEGORY = MappingProxyType(
    {"security": "Security", "fire": "Fire", "safety": "Safety", "device": "Infra", "care": "Health"}
)
_TYPE_OF: Mapping[str, str] = MappingProxyType({"closed": "Update", "false": "Cancel"})
_NOT_IN_A_NAME = re.compile(r"[\s,<&]")  # CAP 3.2.1: neither in an identifier nor in a sender
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says. ``sender`` names this centre for ever; ``sent`` is when the alert came, ``now`` this
    message's; ``status`` is the alert's; texts of devices and people are masked here."""

    identifier: str
    sender: str
    sent: datetime
    now: datetime
    status: str
    severity: str
    category: str
    is_late: bool
    event: str
    description: str
    onset: datetime
    area: str
    web: str = ""


def sender_of(public_url: str) -> str:
    return f"gatehouse@{urlsplit(public_url).hostname or 'localhost'}"


def cap_alert(told: Told) -> bytes:
    """The XML, its elements in the order that the schema wants."""
    root, kind = Element("alert", xmlns=NAMESPACE), _TYPE_OF.get(told.status, "Alert")
    is_first = kind == "Alert"
    name, sender = (_NOT_IN_A_NAME.sub("_", text) for text in (told.identifier, told.sender))
    _put(root, "identifier", name if is_first else f"{name}.{told.status}")
    _put(root, "sender", sender)
    _put(root, "sent", _time(told.sent if is_first else told.now))
    _put(root, "status", "Actual")
    _put(root, "msgType", kind)
    _put(root, "scope", "Restricted")
    _put(root, "restriction", _RESTRICTION)
    if not is_first:
        _put(root, "references", f"{sender},{name},{_time(told.sent)}")
    _info(SubElement(root, "info"), told, is_over=not is_first)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="utf-8")


def _info(info: Element, told: Told, *, is_over: bool) -> None:
    _put(info, "language", "zh-CN")
    _put(info, "category", _CATEGORY.get(told.category, "Other"))
    _put(info, "event", masked_text(told.event))
    if is_over:
        _put(info, "responseType", "AllClear")
    _put(info, "urgency", _urgency(told, is_over=is_over))
    _put(info, "severity", _SEVERITY.get(told.severity, "Unknown"))
    _put(info, "certainty", "Unlikely" if told.status == "false" else "Observed")
    _put(info, "onset", _time(told.onset))
    _put(info, "description", masked_text(told.description))
    if told.web:
        _put(info, "web", told.web)
    _put(SubElement(info, "area"), "areaDesc", masked_text(told.area))


def _urgency(told: Told, *, is_over: bool) -> str:
    if is_over or told.is_late:
        return "Past"
    return "Immediate" if told.severity in ("critical", "high") else "Expected"


def _put(parent: Element, name: str, text: str) -> None:
    SubElement(parent, name).text = _NOT_IN_XML.sub("\ufffd", text)


def _time(at: datetime) -> str:
    """With an offset in digits: CAP 3.3.2 has no Z."""
    text = at.isoformat(timespec="seconds")
    return f"{text[:-6]}-00:00" if text.endswith("+00:00") else text
