"""Takes passwords out of a message before it is kept: some cameras send their own with every heart-beat."""

from __future__ import annotations

import re

_WORD = rb"[\w.-]{0,40}(?:pass_?wd|password|passwort|passphrase|pwd|secret)[\w.-]{0,40}"
_JSON = re.compile(rb'("' + _WORD + rb'"\s*:\s*)(?:"(?:[^"\\]|\\.)*"?|[^\s,"}\]]+)', re.IGNORECASE)
_FORM = re.compile(rb'(name="?' + _WORD + rb'"?[^\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n)[^\r\n]*', re.IGNORECASE)
_QUERY = re.compile(rb"((?:^|[?&])" + _WORD + rb"=)[^&\s]*", re.IGNORECASE)
_XML = re.compile(rb"(<(?:\w+:)?" + _WORD + rb"(?:\s[^>]*)?>)[^<]*", re.IGNORECASE)
_HIDDEN = rb"\1***"


def without_passwords(payload: bytes) -> bytes:
    """The same message with what stands in fields that are called passwords replaced, in whatever it is written."""
    hidden = _JSON.sub(rb'\1"***"', payload)
    for pattern in (_FORM, _QUERY, _XML):
        hidden = pattern.sub(_HIDDEN, hidden)
    return hidden
