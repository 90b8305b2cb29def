"""What a Dahua device wrote: lines ``Code=…;data={…}``, lines ``Events[0].a.b=c``, JSON, or these with pictures."""

from __future__ import annotations

import re
from typing import Any, cast

import msgspec

from edge.devices._fields import decode_json, fields, items, media_type, whole
from edge.devices.driver import BadMessage, Message
from edge.multipart import Part, is_multipart, parts_of

_HEAD = b"\0 \t\r\n\xef\xbb\xbf"
_MAX_LINES = 20_000
_MAX_DEPTH = 8
_MAX_INDEX = 1_000
_NO_DATA: dict[str, Any] = {}
_CODE = re.compile(r"(?:^|(?<=\n))\s*Code=([\w-]{1,80})\s*;\s*action=(\w{1,40})(?:\s*;\s*index=(-?\d{1,9}))?\s*", re.I)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,4})\]")
_decode_any = msgspec.json.Decoder().decode


class Told(msgspec.Struct, frozen=True):
    """One event: its code, whether it starts, stops or just happens, at which channel or door, and what it says."""

    code: str
    action: str
    index: int | None
    fields: dict[str, Any]


class Said(msgspec.Struct, frozen=True):
    """What stands in a message: events, records of the past, or a JSON object of ITSAPI; and pictures."""

    told: list[Told] = []
    records: list[dict[str, Any]] = []
    whole: dict[str, Any] = _NO_DATA
    pictures: list[Part] = []
    encoding: str = "text"  # of the words
    is_heartbeat: bool = False


def open_body(message: Message) -> Said:
    """Raises BadMessage where nothing in it is ours."""
    kind = message.headers.get("content-type", "")
    if not is_multipart(message.payload, kind):
        return _of_text(message.payload)
    parts = parts_of(message.payload, kind)
    pictures = [part for part in parts if media_type(part.body)]
    words = [part for part in parts if part not in pictures and part.body.strip(_HEAD)]
    if not words:
        raise BadMessage(f"{len(parts)} parts, and none has words")
    return msgspec.structs.replace(_of_text(words[0].body), pictures=pictures)


def _of_text(body: bytes) -> Said:
    stripped = body.strip(_HEAD)
    if stripped[:1] == b"{":
        return _of_json(stripped)
    text = decoded(stripped)
    if text.lower() == "heartbeat":
        return Said(is_heartbeat=True)
    if _CODE.match(text):
        return Said(_of_codes(text))
    return _of_lines(text)


def decoded(body: bytes) -> str:
    """UTF-8, or what older firmware writes."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body.decode("gb18030", "replace")


def _of_json(body: bytes) -> Said:
    content = decode_json(_decode_any, _in_utf8(body), "not a message of Dahua's")
    whole_message = fields(content)
    events = [fields(entry) for entry in items(whole_message.get("Events"))]
    told = [entry for entry in events or [whole_message] if "Code" in entry]
    if told:
        return Said([_told(entry) for entry in told], encoding="json")
    return Said(whole=whole_message, encoding="json")


def _in_utf8(body: bytes) -> bytes:
    return decoded(body).encode("utf-8", "replace")


def _told(entry: dict[str, Any]) -> Told:
    action = entry.get("Action", entry.get("action", "Pulse"))
    inner = fields(entry.get("Data")) or fields(entry.get("data")) or entry
    return Told(str(entry["Code"])[:80], str(action)[:40], whole(entry.get("Index")), inner)


def _of_codes(text: str) -> list[Told]:
    found = list(_CODE.finditer(text))[:_MAX_LINES]
    ends = [*(match.start() for match in found[1:]), len(text)]
    return [_of_code(match, text[match.end() : end]) for match, end in zip(found, ends, strict=True)]


def _of_code(head: re.Match[str], rest: str) -> Told:
    rest = rest.strip().removeprefix(";").strip()
    inner = _NO_DATA
    if rest[:5].lower() == "data=":
        inner = fields(decode_json(_decode_any, rest[5:].strip().encode(), f"the data of {head[1]}"))
    elif rest:
        raise BadMessage(f"what follows {head[1]} is no data={{…}}")
    return Told(head[1], head[2], whole(head[3]), inner)


def _of_lines(text: str) -> Said:
    """``Events[0].EventBaseInfo.Code=…`` and ``records[0].CardNo=…``: the same tree as JSON, a leaf a line."""
    lines = text.splitlines()
    if len(lines) > _MAX_LINES:
        raise BadMessage(f"{len(lines)} lines; at most {_MAX_LINES}")
    tree: dict[str, Any] = {}
    for key, sign, value in (line.partition("=") for line in lines):
        if sign:
            _put(tree, key.strip(), value.strip())
    told = [_of_event(event) for event in _listed(tree.get("Events"))]
    records = _listed(tree.get("records"))
    if not told and not records and "found" not in tree:
        raise BadMessage(f"no Code=, Events[0] or records[0] in {len(lines)} lines")
    return Said(told, records)


def _of_event(event: dict[str, Any]) -> Told:
    base = fields(event.get("EventBaseInfo"))
    code, action = base.get("Code", event.get("Code")), base.get("Action", event.get("Action", "Pulse"))
    if not isinstance(code, str):
        raise BadMessage("an event without EventBaseInfo.Code")
    return Told(code[:80], str(action)[:40], whole(base.get("Index", event.get("Index"))), event)


def _put(tree: dict[str, Any], key: str, value: str) -> None:
    """``a[0].b`` = value. Lists are objects by number here: a message may begin with any."""
    steps = [name or number for name, number in _STEP.findall(key)]
    if not steps or len(steps) > _MAX_DEPTH:
        return
    for step in steps[:-1]:
        inner = tree.setdefault(step, {})
        if not isinstance(inner, dict):
            return
        tree = cast("dict[str, Any]", inner)
    tree.setdefault(steps[-1], value)


def _listed(value: object) -> list[dict[str, Any]]:
    """What stands under 0, 1, 2 …"""
    numbered = fields(value)
    numbers = sorted(int(key) for key in numbered if key.isascii() and key.isdecimal() and int(key) < _MAX_INDEX)
    return [fields(numbered[str(number)]) for number in numbers if fields(numbered.get(str(number)))]


def first_item(value: object) -> Any:
    """The first of a list, written either way."""
    if isinstance(value, list):
        listed = cast("list[Any]", value)
        return listed[0] if listed else None
    return fields(cast("object", value)).get("0") if isinstance(value, dict) else value
