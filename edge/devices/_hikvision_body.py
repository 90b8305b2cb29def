"""What a Hikvision device wrote: JSON, XML in whatever charset, either of them in a multipart with its pictures."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

import msgspec

from edge.devices._fields import decode_json, fields, media_type
from edge.devices.driver import BadMessage, Message
from edge.multipart import Part, is_multipart, parts_of

_HEAD = b"\0 \t\r\n\xef\xbb\xbf"
_MAX_DEPTH = 12
_MAX_TEXT_BYTES = 1024 * 1024  # of the words; pictures are apart
_ENCODING = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_CHARSET = re.compile(r"charset\s*=\s*\"?([\w.:-]{1,40})", re.IGNORECASE)
_PREFIX = re.compile(r"(</?)[\w.-]+:(?=[\w.-])")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_CHINESE = frozenset({"gb2312", "gbk", "gb_2312-80", "cp936", "hz-gb-2312"})  # GB18030 reads them all
_decode_any = msgspec.json.Decoder().decode


class Said(msgspec.Struct, frozen=True):
    """The event's fields by their names, and the pictures that came with it."""

    fields: dict[str, Any]
    pictures: list[Part] = []
    encoding: str = "json"


def open_body(message: Message) -> Said:
    """Raises BadMessage where nothing in it is an event."""
    kind = message.headers.get("content-type", "")
    if not is_multipart(message.payload, kind):
        return _of_text(message.payload, kind)
    parts = parts_of(message.payload, kind)
    words = next((part for part in parts if _is_text(part)), None)
    if words is None:
        raise BadMessage(f"{len(parts)} parts, and none is XML or JSON")
    said = _of_text(words.body, words.headers.get("content-type", ""))
    pictures = [part for part in parts if part is not words and media_type(part.body)]
    return Said(said.fields, pictures, "multipart")


def _is_text(part: Part) -> bool:
    return part.body[:64].lstrip(_HEAD)[:1] in (b"{", b"<")


def _of_text(body: bytes, kind: str) -> Said:
    text = body.strip(_HEAD)
    if len(text) > _MAX_TEXT_BYTES:
        raise BadMessage(f"{len(text)} bytes of XML or JSON")
    if text.startswith(b"<"):
        return Said(_inner(_of_xml(text, kind)), encoding="xml")
    content = decode_json(_decode_any, _in_utf8(text, kind), "not an event of ISAPI")
    if not isinstance(content, dict):
        raise BadMessage("not an event of ISAPI: no JSON object")
    return Said(_inner(cast("dict[str, Any]", content)))


def _in_utf8(text: bytes, kind: str) -> bytes:
    try:
        text.decode()
    except UnicodeDecodeError:
        return _decoded(text, kind).encode()
    return text


def _inner(content: dict[str, Any]) -> dict[str, Any]:
    """Some firmware wraps the event in its name."""
    return fields(content.get("EventNotificationAlert")) or content


def _of_xml(text: bytes, kind: str) -> dict[str, Any]:
    from defusedxml import ElementTree  # no other family needs it
    from defusedxml.common import DefusedXmlException

    words = _DECLARATION.sub("", _decoded(text, kind))
    for said in (words, _PREFIX.sub(r"\1", words)):  # prefixes that nobody declared
        try:
            root = ElementTree.fromstring(said, forbid_dtd=True)
            return {_local(root.tag): _plain(root, 0)}
        except ElementTree.ParseError as error:
            failure = str(error)
        except DefusedXmlException as error:
            raise BadMessage("XML with a document type or entities, which no device needs") from error
        except (ValueError, LookupError) as error:
            raise BadMessage(f"not XML: {error}") from error
    raise BadMessage(f"not XML: {failure}")


def _decoded(text: bytes, kind: str) -> str:
    """By the charset that is declared, where it fits; else UTF-8, else GB18030, which knows nearly every byte."""
    declared, header = _ENCODING.search(text[:300]), _CHARSET.search(kind)
    names = [declared[1].decode("ascii", "replace")] if declared else []
    names += [header[1]] if header else []
    for name in [*names, "utf-8", "gb18030"]:
        try:
            words = text.decode("gb18030" if name.lower() in _CHINESE else codecs.lookup(name).name)
        except (LookupError, UnicodeError):
            continue
        if words[:1] in ("<", "{"):
            return words
    return text.decode("utf-8", "replace")


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _plain(element: Any, depth: int) -> Any:
    """An element as JSON would have it: its text, or its children by name, those that repeat as a list."""
    children: list[Any] = list(element)
    if not children or depth >= _MAX_DEPTH:
        return (element.text or "").strip()
    found: dict[str, Any] = {}
    for name, value in ((_local(str(child.tag)), _plain(child, depth + 1)) for child in children):
        if name in found:
            kept = found[name]
            found[name] = [*cast("list[Any]", kept), value] if isinstance(kept, list) else [kept, value]
        else:
            found[name] = value
    return found


def first_of(said: Mapping[str, Any], *names: str) -> Any:
    """The first of several names that stands there with something in it."""
    return next(_present(said, names), None)


def _present(said: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[Any]:
    return (said[name] for name in names if said.get(name) not in (None, ""))
