"""The tables of CAP-v1.2, section 3, as a check of their own: order, cardinality, words. Written from the standard."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

NAMESPACE = "{urn:oasis:names:tc:emergency:cap:1.2}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d"
NAME = r"[^\s,<&]+"


class Row(NamedTuple):
    """An element: what it may say, whether it must stand, and whether it may stand again."""

    name: str
    pattern: str = r"(?s).*"
    required: bool = False
    many: bool = False


def words(*names: str) -> str:
    return "|".join(names)


ALERT = (
    Row("identifier", NAME, required=True),
    Row("sender", NAME, required=True),
    Row("sent", TIME, required=True),
    Row("status", words("Actual", "Exercise", "System", "Test", "Draft"), required=True),
    Row("msgType", words("Alert", "Update", "Cancel", "Ack", "Error"), required=True),
    Row("source"),
    Row("scope", words("Public", "Restricted", "Private"), required=True),
    Row("restriction"),
    Row("addresses"),
    Row("code", many=True),
    Row("note"),
    Row("references", rf"{NAME},{NAME},{TIME}( {NAME},{NAME},{TIME})*"),
    Row("incidents"),
    Row("info", many=True),
)
_CATEGORIES = words(
    "Geo", "Met", "Safety", "Security", "Rescue", "Fire", "Health", "Env", "Transport", "Infra", "CBRNE", "Other"
)
_RESPONSES = words("Shelter", "Evacuate", "Prepare", "Execute", "Avoid", "Monitor", "Assess", "AllClear", "None")
INFO = (
    Row("language", r"[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*"),
    Row("category", _CATEGORIES, required=True, many=True),
    Row("event", required=True),
    Row("responseType", _RESPONSES, many=True),
    Row("urgency", words("Immediate", "Expected", "Future", "Past", "Unknown"), required=True),
    Row("severity", words("Extreme", "Severe", "Moderate", "Minor", "Unknown"), required=True),
    Row("certainty", words("Observed", "Likely", "Possible", "Unlikely", "Unknown"), required=True),
    Row("audience"),
    Row("eventCode", many=True),
    Row("effective", TIME),
    Row("onset", TIME),
    Row("expires", TIME),
    Row("senderName"),
    Row("headline"),
    Row("description"),
    Row("instruction"),
    Row("web", r"https?://\S+"),
    Row("contact"),
    Row("parameter", many=True),
    Row("resource", many=True),
    Row("area", many=True),
)
AREA = (Row("areaDesc", required=True), Row("polygon", many=True), Row("circle", many=True), Row("geocode", many=True))


def wrong(alert: Element) -> list[str]:
    """What does not hold of a message."""
    found = [] if alert.tag == f"{NAMESPACE}alert" else [f"the root is {alert.tag}"]
    found += _wrong(alert, ALERT)
    if _text(alert, "scope") == "Restricted" and not _text(alert, "restriction"):
        found.append("restriction is wanted where the scope is Restricted")
    if _text(alert, "msgType") in ("Update", "Cancel", "Ack", "Error") and not _text(alert, "references"):
        found.append("references are wanted of what refers to another message")
    for info in alert.findall(f"{NAMESPACE}info"):
        found += _wrong(info, INFO)
        for area in info.findall(f"{NAMESPACE}area"):
            found += _wrong(area, AREA)
    return found


def _text(parent: Element, name: str) -> str:
    return parent.findtext(f"{NAMESPACE}{name}") or ""


def _wrong(parent: Element, rows: Sequence[Row]) -> list[str]:
    by_name, order = {row.name: row for row in rows}, [row.name for row in rows]
    names = [child.tag.removeprefix(NAMESPACE) for child in parent]
    found = [f"{name} is not known" for name in names if name not in by_name]
    if not found and sorted(names, key=order.index) != names:
        found.append(f"out of order: {names}")
    found += [f"{row.name} is missing" for row in rows if row.required and row.name not in names]
    found += [f"{row.name} stands twice" for row in rows if not row.many and names.count(row.name) > 1]
    for child, name in zip(parent, names, strict=True):
        row = by_name.get(name)
        if row and not len(child) and not re.fullmatch(row.pattern, child.text or ""):
            found.append(f"{name} says {child.text!r}")
    return found
