"""Where in a document something is wrong: the path of the key before what is wrong there, from msgspec's messages."""

from __future__ import annotations

import re

_WHERE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`\$(?P<path>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains (?P<what>unknown) field `(?P<key>.*)`")
_MISSING = re.compile(r"Object (?P<what>missing required) field `(?P<key>.*)`")
_NAMED = re.compile(r"`(?P<key>\w+)`:? (?P<what>.*)")  # checks of our own that name their key


def located(prefix: str, message: str) -> str:
    """``plans.small.charge.bands[1].from: what is wrong``, from msgspec's message and its path."""
    where = _WHERE.fullmatch(message)
    what, path = (where["what"], where["path"] or "") if where else (message, "")
    named = _UNKNOWN.fullmatch(what) or _MISSING.fullmatch(what) or _NAMED.fullmatch(what)
    return f"{prefix}{path}.{named['key']}: {named['what']}" if named else f"{prefix}{path}: {what}"
