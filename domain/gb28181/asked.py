"""What an upper platform says to us: its queries, its controls, its answers. Nothing in it is obeyed here."""

from __future__ import annotations

from typing import Literal

import msgspec

from domain.gb28181.xml import BadXml, Element, read

Wish = Literal["arm", "disarm", "reset_alarm", "open", "other"]

_GUARDS: dict[str, Wish] = {"setguard": "arm", "resetguard": "disarm"}
# No edition has one word for it: vendors write DoorCmd, OpenDoor, GateControl and more.
_OPENS = ("door", "open", "gate", "barrier", "unlock")
_MOST_SN = 4_294_967_295


class Query(msgspec.Struct, frozen=True):
    """Something is asked; the answer bears its SN."""

    command: str  # Catalog, DeviceInfo, DeviceStatus, Alarm, …
    sn: int
    target: str
    body: Element


class Control(msgspec.Struct, frozen=True):
    """Something shall be done. ``words``: the elements that said so, for the book."""

    sn: int
    target: str
    wish: Wish
    words: str


class Answer(msgspec.Struct, frozen=True):
    """The platform's word to something of ours."""

    command: str
    sn: int
    target: str
    result: str


class Notice(msgspec.Struct, frozen=True):
    """Something we are only told."""

    command: str
    target: str


Asked = Query | Control | Answer | Notice


def read_asked(body: bytes) -> Asked:
    """Raises BadXml."""
    root = read(body)
    command, target = root.word("CmdType"), root.word("DeviceID")
    if not command or not target:
        raise BadXml(f"<{root.name[:40]}> without CmdType or DeviceID")
    match root.name.lower():
        case "query":
            return Query(command, _sn(root), target, root)
        case "control":
            return Control(_sn(root), target, _wish(root), _words(root))
        case "response":
            return Answer(command, _sn(root), target, root.word("Result"))
        case "notify":
            return Notice(command, target)
        case _:
            raise BadXml(f"<{root.name[:40]}>: neither Query, Control, Notify nor Response")


def _sn(root: Element) -> int:
    text = root.word("SN")
    if not (text.isascii() and text.isdigit()) or len(text) > 10 or int(text) > _MOST_SN:
        raise BadXml(f"SN {text[:20]!r} is no number of 32 bits")
    return int(text)


def _wish(root: Element) -> Wish:
    if any(word in child.name.lower() for child in root.children for word in _OPENS):
        return "open"
    guard, alarm = root.word("GuardCmd").lower(), root.word("AlarmCmd").lower()
    if guard:
        return _GUARDS.get(guard, "other")
    return "reset_alarm" if alarm == "resetalarm" else "other"


def _words(root: Element) -> str:
    said = (f"{one.name}={one.text}" for one in root.children if one.name.lower() not in ("cmdtype", "sn", "deviceid"))
    return " ".join(said)[:200]
