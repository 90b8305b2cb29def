"""The little of XML that MANSCDP is: elements and text. A document type, and with it every entity, is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.parsers import expat

import msgspec

from domain.gb28181.encodings import Encoding, decoded, encoded, writable

MOST_BYTES = 256 * 1024  # a query of an upper platform is a few hundred
_MOST_ELEMENTS = 5_000
_MOST_DEPTH = 12
_CUTTABLE = frozenset({"Name", "Address", "Manufacturer", "Model", "AlarmDescription"})
_CUTS = (80, 60, 50, 40, 30, 20, 15, 10, 6)
_DECLARATION = re.compile(r"^\s*<\?xml[^>]{0,300}\?>")
_SPECIAL = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "\r": "&#13;"})


class BadXml(ValueError):
    """It is not the XML of MANSCDP; says what, and where."""


class Element(msgspec.Struct):
    """One element. Names are compared without regard to case: some platforms write ``info`` where others ``Info``."""

    name: str
    text: str = ""
    children: list[Element] = []
    attributes: dict[str, str] = {}

    def find(self, name: str) -> Element | None:
        return next(self.all(name), None)

    def all(self, name: str) -> Iterator[Element]:
        wanted = name.lower()
        return (child for child in self.children if child.name.lower() == wanted)

    def word(self, *path: str) -> str:
        """The text at the end of a path of names; empty where there is none."""
        here: Element | None = self
        for name in path:
            here = here.find(name) if here is not None else None
        return here.text if here is not None else ""


def element(name: str, *content: Element | str | None, **attributes: str) -> Element:
    """One element of others, or of a text; None is left out."""
    children = [one for one in content if isinstance(one, Element)]
    text = "".join(one for one in content if isinstance(one, str))
    return Element(name, text, children, attributes)


def written(root: Element, encoding: Encoding) -> bytes:
    """The body as it is sent, in the encoding that it declares."""
    return encoded(f'<?xml version="1.0" encoding="{encoding}"?>\r\n{_text_of(root)}\r\n', encoding)


def fitted(root: Element, encoding: Encoding, most_bytes: int) -> bytes:
    """As ``written``; where that is too long, names and words are cut, all to the same length, but not to nothing.

    Datagrams in pieces are lost on the way through many a firewall, and with them the whole catalogue.
    """
    body = written(root, encoding)
    for most_signs in _CUTS:
        if len(body) <= most_bytes:
            break
        body = written(_cut(root, most_signs), encoding)
    return body


def read(body: bytes) -> Element:
    """Raises BadXml."""
    if len(body) > MOST_BYTES:
        raise BadXml(f"{len(body)} bytes, at most {MOST_BYTES}")
    return _Reader().read(_DECLARATION.sub("", decoded(body), count=1))


def _cut(one: Element, most_signs: int) -> Element:
    text = one.text[:most_signs] if one.name in _CUTTABLE else one.text
    return Element(one.name, text, [_cut(child, most_signs) for child in one.children], one.attributes)


def _text_of(one: Element) -> str:
    attributes = "".join(f' {name}="{_escaped(value)}"' for name, value in one.attributes.items())
    inner = _escaped(one.text) + "".join(_text_of(child) for child in one.children)
    return f"<{one.name}{attributes}>{inner}</{one.name}>"


def _escaped(text: str) -> str:
    return writable(text).translate(_SPECIAL)


class _Reader:
    """Builds the elements, within bounds."""

    def __init__(self) -> None:
        self._open: list[Element] = []
        self._root: Element | None = None
        self._count = 0
        self._parser = expat.ParserCreate("utf-8")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._said
        self._parser.StartDoctypeDeclHandler = _refuse_doctype

    def read(self, text: str) -> Element:
        try:
            self._parser.Parse(text.encode("utf-8", "replace"), True)
        except expat.ExpatError as error:
            raise BadXml(f"not XML: {error}") from error
        if self._root is None:
            raise BadXml("no element in it")
        return self._root

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > _MOST_ELEMENTS or len(self._open) >= _MOST_DEPTH:
            raise BadXml(f"more than {_MOST_ELEMENTS} elements, or deeper than {_MOST_DEPTH}")
        one = Element(name.rpartition(":")[2], "", [], attributes)
        if self._open:
            self._open[-1].children.append(one)
        else:
            self._root = one
        self._open.append(one)

    def _end(self, _name: str) -> None:
        one = self._open.pop()
        one.text = one.text.strip()

    def _said(self, text: str) -> None:
        self._open[-1].text += text


def _refuse_doctype(name: str, _system: str | None, _public: str | None, _has_subset: bool) -> None:
    raise BadXml(f"a document type ({name[:40]!r}), which no message of GB/T 28181 needs")
