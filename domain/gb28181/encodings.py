"""In which bytes a body is written, and how what others wrote is read although they declare what it is not."""

from __future__ import annotations

import re
from typing import Literal, get_args

Encoding = Literal["GB2312", "GB18030", "UTF-8"]

ENCODINGS: tuple[Encoding, ...] = get_args(Encoding)
_DECLARED = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""")
_MARK = b"\xef\xbb\xbf"
_CHINESE = frozenset({"gb2312", "gb_2312-80", "gbk", "cp936", "gb18030"})
# XML 1.0 has no way to write these, not even as a reference; halves of a pair are no signs at all.
_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Codecs of GB2312 in its own time took these signs for the two that everybody reads there since GBK: · and —.
_READ_AS_OTHERS = {0x30FB: "&#12539;", 0x2015: "&#8213;"}


def encoded(text: str, encoding: Encoding) -> bytes:
    """A sign that the declared encoding lacks becomes a reference to it, which every reader of XML resolves."""
    if encoding == "GB2312":
        text = text.translate(_READ_AS_OTHERS)
    return text.encode(encoding.lower(), "xmlcharrefreplace")


def writable(text: str) -> str:
    """Without the signs that no XML can hold."""
    return _UNWRITABLE.sub("\ufffd", text)


def decoded(body: bytes) -> str:
    """As GB2312, where something Chinese is declared and it fits; else as UTF-8; else as GB18030.

    GB18030 finds a sign for nearly all bytes: UTF-8 under its name would be read without a complaint, and wrongly.
    Text of GB18030 that is sound UTF-8 hardly ever is anything else.
    """
    bare = body.removeprefix(_MARK)
    for name in (*_declared(bare), "utf-8", "gb18030"):
        try:
            found = bare.decode(name)
        except UnicodeDecodeError:
            continue
        return bare.decode("gb18030") if name == "gb2312" else found  # which holds it whole, by today's signs
    return bare.decode("gb18030", "replace")


def _declared(body: bytes) -> list[str]:
    found = _DECLARED.match(body[:300])
    name = found[1].decode("ascii", "replace").lower() if found else ""
    return ["gb2312"] if name in _CHINESE else []
