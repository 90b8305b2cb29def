"""What an upper platform sees of us as a tree: folders before what lies in them, each item once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.gb28181.codes import BUSINESS_GROUP, VIRTUAL_GROUP, need_code, read_code
from domain.gb28181.xml import Element, element

Change = Literal["ON", "OFF", "VLOST", "DEFECT", "ADD", "DEL", "UPDATE"]


class Item(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A folder or a device. No address and no password of a camera is ever in it.

    ``parent``: the folder it lies in; empty, or one that is not there: it lies at the top.
    """

    code: str
    name: Annotated[str, Meta(min_length=1, max_length=60)]
    parent: str = ""
    address: Annotated[str, Meta(max_length=60)] = ""
    manufacturer: Annotated[str, Meta(max_length=30)] = "NA"
    model: Annotated[str, Meta(max_length=30)] = "NA"
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    is_online: bool = True

    def __post_init__(self) -> None:
        need_code("code", self.code)
        if self.parent:
            need_code("parent", self.parent)

    @property
    def is_folder(self) -> bool:
        return read_code(self.code).is_folder


def in_order(items: Iterable[Item]) -> list[Item]:
    """Every item once, folders before devices, each after what it lies in; without its parent it lies at the top."""
    known = {item.code: item for item in items}
    inside: dict[str, list[Item]] = {}
    for item in known.values():
        inside.setdefault(_parent(item, known), []).append(item)
    found: dict[str, Item] = {}
    # Folders that lie in each other in a ring are under no top: shown at the top, rather than not at all.
    for top in (*inside.get("", []), *known.values()):
        _walk(top, inside, found)
    return sorted(found.values(), key=lambda item: not item.is_folder)


def within(items: Iterable[Item], code: str) -> list[Item]:
    """What lies in a folder or a device, at any depth, and it itself; ``items`` in order."""
    inside = {code}
    found: list[Item] = []
    for item in items:
        if item.code in inside or item.parent in inside:
            inside.add(item.code)
            found.append(item)
    return found


def item_element(item: Item, ours: str, groups: dict[str, str], change: Change | None = None) -> Element:
    """One item as it stands in a DeviceList. ``groups``: the business group that each folder belongs to."""
    has_children = "1" if item.is_folder else "0"
    return element(
        "Item",
        element("DeviceID", item.code),
        element("Event", change) if change else None,
        element("Name", item.name),
        element("Manufacturer", item.manufacturer),
        element("Model", item.model),
        element("CivilCode", read_code(item.code).district),
        element("Address", item.address) if item.address else None,
        element("Parental", has_children),
        element("ParentID", item.parent or ours),
        element("BusinessGroupID", groups[item.code]) if item.code in groups else None,
        element("SafetyWay", "0"),
        element("RegisterWay", "1"),
        element("Secrecy", "0"),
        element("Status", "ON" if item.is_online else "OFF"),
        element("Longitude", f"{item.longitude:.6f}") if item.longitude is not None else None,
        element("Latitude", f"{item.latitude:.6f}") if item.latitude is not None else None,
    )


def groups_of(items: Sequence[Item]) -> dict[str, str]:
    """The business group (215) above each virtual organisation (216); ``items`` in order."""
    groups: dict[str, str] = {}
    for item in items:
        if read_code(item.parent).kind == BUSINESS_GROUP if item.parent else False:
            groups[item.code] = item.parent
        elif item.parent in groups:
            groups[item.code] = groups[item.parent]
    return {code: group for code, group in groups.items() if read_code(code).kind == VIRTUAL_GROUP}


def changes(before: Iterable[Item], after: Iterable[Item]) -> list[tuple[Item, Change]]:
    """What became of the tree; what went is told by its last form."""
    old, new = ({item.code: item for item in items} for items in (before, after))
    gone: list[tuple[Item, Change]] = [(item, "DEL") for code, item in old.items() if code not in new]
    return gone + [(item, change) for code, item in new.items() if (change := _change(old.get(code), item))]


def _change(old: Item | None, new: Item) -> Change | None:
    if old is None:
        return "ADD"
    if old == new:
        return None
    if msgspec.structs.replace(old, is_online=new.is_online) != new:
        return "UPDATE"
    return "ON" if new.is_online else "OFF"


def _parent(item: Item, known: dict[str, Item]) -> str:
    above = known.get(item.parent)
    fits = above is not None and above is not item and (above.is_folder or not item.is_folder)
    return item.parent if fits else ""


def _walk(top: Item, inside: dict[str, list[Item]], found: dict[str, Item]) -> None:
    waiting = [(top, "")]
    while waiting:
        item, parent = waiting.pop()
        if item.code not in found:
            found[item.code] = item if item.parent == parent else msgspec.structs.replace(item, parent=parent)
            waiting.extend((child, item.code) for child in reversed(inside.get(item.code, [])))
