"""What was found as blocks of edge.toml, ready to be put in: each says how it was found, and what to read."""

from __future__ import annotations

from collections.abc import Iterable

from edge.discovery.found import Found

_HEAD = "# Found by gatehouse-edge discover. Say what each is for: name, place, lane, direction (docs/edge.md).\n"


def blocks(found: Iterable[Found]) -> str:
    """Raises nothing: what somebody else wrote is quoted."""
    made = [_block(one) for one in found]
    return _HEAD + "\n".join(made) if made else "# Nothing was found that is not listed.\n"


def _block(one: Found) -> str:
    told = ", ".join(word for word in (one.model, one.host) if word)
    lines = [f"# {told}; by {', '.join(one.by)}; {one.page}" if told else f"# by {', '.join(one.by)}; {one.page}"]
    if not one.exact:
        lines.append("# The id is a proposal: that page says what it must be.")
    lines += ["[[devices]]", f"id = {_quoted(one.id)}", f"name = {_quoted(one.name)}", 'place = ""']
    if one.address:
        lines.append(f"address = {_quoted(one.address)}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    """A basic string of TOML: what it does not take as it is, by its number."""
    made = "".join(f"\\{sign}" if sign in '"\\' else sign if sign.isprintable() else _escaped(sign) for sign in text)
    return f'"{made}"'


def _escaped(sign: str) -> str:
    return f"\\U{ord(sign):08X}" if not 0xD800 <= ord(sign) <= 0xDFFF else "?"
