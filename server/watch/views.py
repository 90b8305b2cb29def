"""What the officer's page shows: plates masked in lists, and whole on a page of their own, which is noted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from domain.plates import mask
from domain.watch.entries import Entry, State
from domain.watch.matching import read_instead
from server.store.engine import stamp
from server.store.watch_hit_rows import HitView
from server.store.watch_order_rows import Ordered
from server.store.watch_rows import Kept
from server.watch.sealing import Seal

_PLATES = ("TargetFeature", "PlateNo")


class EntryView(msgspec.Struct, frozen=True):
    """An entry with its words, while it has them."""

    kept: Kept
    entry: Entry | None
    state: State

    @property
    def plate(self) -> str:
        return mask(self.entry.plate) if self.entry else ""

    def plain(self, *, whole: bool) -> dict[str, Any]:
        """For a script."""
        kept = self.kept
        words = (
            {"unit": self.entry.unit, "document": self.entry.document, "purpose": self.entry.purpose}
            if self.entry
            else {}
        )
        plate = (self.entry.plate if whole else self.plate) if self.entry else None
        times = {"begins": stamp(kept.begins_at), "ends": stamp(kept.ends_at), "made_at": stamp(kept.made_at)}
        of = {"complex": kept.complex, "id": kept.id, "disposition": kept.disposition, "state": self.state}
        return {**of, "plate": plate, **words, **times, "made_by": kept.made_by}


def entry_view(seal: Seal, kept: Kept, now: datetime) -> EntryView:
    entry = seal.opened(kept.sealed, kept.begins_at, kept.ends_at) if kept.sealed else None
    if kept.withdrawn_at is not None:
        return EntryView(kept, None, "withdrawn")
    bare = Entry(plate="", unit="", document="", purpose="", begins=kept.begins_at, ends=kept.ends_at)
    state = bare.state(now)
    return EntryView(kept, entry if state != "over" else None, state)  # also before its words are taken out


def entry_views(seal: Seal, kept: Sequence[Kept], now: datetime) -> list[EntryView]:
    return [entry_view(seal, one, now) for one in kept]


class HitShown(msgspec.Struct, frozen=True):
    """A hit with what was looked for and what was read."""

    hit: HitView
    entry: Entry | None

    @property
    def plate(self) -> str:
        return mask(self.entry.plate) if self.entry else ""

    @property
    def read(self) -> str:
        """What the camera took it for."""
        return read_instead(self.entry.plate, self.hit.differs or "") if self.entry else ""

    def plain(self, *, whole: bool) -> dict[str, Any]:
        """For a script; ``read`` is what the camera took it for, ``how`` whether that is sure."""
        hit = self.hit
        of = {"complex": hit.complex, "id": hit.id, "entry": hit.entry, "disposition": hit.disposition, "how": hit.how}
        where = {"device": hit.device, "lane": hit.lane, "place": hit.place, "direction": hit.direction}
        times = {"at": stamp(hit.at), "received_at": stamp(hit.received_at), "time_quality": hit.time_quality}
        times["lateness"] = hit.lateness
        plates = {"plate": self.entry.plate if self.entry else None, "read": self.read or None, "picture": hit.shown}
        return {**of, **where, **times, "seen": hit.seen_at is not None, **(plates if whole else {"plate": self.plate})}


def hit_shown(seal: Seal, hit: HitView, now: datetime) -> HitShown:
    is_open = hit.sealed is not None and now < hit.ends_at
    return HitShown(hit, seal.opened(hit.sealed, hit.begins_at, hit.ends_at) if is_open and hit.sealed else None)


class RefusedOrder(msgspec.Struct, frozen=True):
    """An order of a platform that was not taken: what it said, with the plate masked, and why."""

    platform: str
    order: Ordered
    said: dict[str, str]

    @property
    def plain(self) -> dict[str, Any]:
        """For a script."""
        of = {"platform": self.order.platform, "disposition": self.order.disposition, "why": self.order.why}
        return {**of, "at": stamp(self.order.at), "times": self.order.times, "said": self.said}


def refused_order(seal: Seal, order: Ordered, platform: str) -> RefusedOrder:
    said = msgspec.json.decode(seal.opened_words(order.sealed), type=dict[str, str]) if order.sealed else {}
    masked = {name: mask(value) if name in _PLATES else value for name, value in said.items()}
    return RefusedOrder(platform, order, masked)
