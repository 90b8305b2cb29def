"""What a library above ordered to be looked for, told back to it alone: with its words while it stands."""

from __future__ import annotations

from datetime import datetime

import msgspec

from domain.feeds.classes import DISPOSITION
from domain.viid.dispositions import Known, State, as_told
from domain.viid.envelopes import Fields
from domain.viid.statuses import INVALID_OPERATION
from server.audit import Actor, Subject, record
from server.store import watch_order_rows, watch_rows
from server.store.engine import Database
from server.store.watch_rows import Kept, Sender
from server.viid.door import Refused
from server.viid.equipment import reach_of
from server.viid.settings import Peer
from server.watch.sealing import Seal
from server.watch.views import EntryView, entry_view

NO_BASIS = "no legal basis in force of this library names watch lists"


class Told(msgspec.Struct, frozen=True):
    """What is kept of an order beside its entries, sealed: who asked, and how hits of it are told."""

    title: str
    receive_at: str
    applicant: str = ""


def sender_of(peer: Peer) -> Sender:
    return Sender("platform", peer.platform)


async def orders_told(db: Database, seal: Seal, peer: Peer, by: Actor, now: datetime) -> list[Fields]:
    """The newest first; that it asked is on record. Raises Refused where its basis names no watch lists."""
    async with db.write() as connection:
        reach = await reach_of(connection, peer, now)
        if reach is None or DISPOSITION not in reach.cover.classes:
            raise Refused(403, INVALID_OPERATION, NO_BASIS)
        kept = await watch_rows.of_sender(connection, sender_of(peer))
        sealed = await watch_order_rows.placed(connection, peer.platform)
        record(connection, by, "watch.asked", now, on=Subject("viid", peer.code), details={"told": len(kept)})
    return [as_told(_known(seal, one, sealed.get(one.disposition), now), peer.document_field) for one in kept]


def _known(seal: Seal, kept: Kept, sealed: bytes | None, now: datetime) -> Known:
    view = entry_view(seal, kept, now)
    bare = Known(id=kept.disposition, state=_state(view), begins_at=kept.begins_at, ends_at=kept.ends_at)
    if view.entry is None:
        return bare
    entry = view.entry
    words = {"plate": entry.plate, "unit": entry.unit, "document": entry.document, "purpose": entry.purpose}
    told = msgspec.json.decode(seal.opened_words(sealed), type=Told) if sealed else Told("", "")
    return msgspec.structs.replace(
        bare, **words, title=told.title, applicant=told.applicant, receive_at=told.receive_at
    )


def _state(view: EntryView) -> State:
    return view.state if view.state in ("withdrawn", "over") else "active"
