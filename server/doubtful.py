"""A doubtful passage as it is shown: pictures side by side, the cars it may have been and why, what is proposed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.doubts import Piece, compared
from domain.parking import Candidate, near_matches
from domain.plates import COLORS, PlateColor, colors_agree
from server.store import doubt_views, parking_views
from server.store.doubt_views import DoubtView, Reading
from server.store.engine import stamp
from server.store.schema import session

_MOST_OFFERS = 9  # as many as there are keys
_PROPOSED = {
    "no_entry": "no_entry",
    "duplicate_entry": "part",
    "color_differs": "seen",
    "suspect_fake": "seen",
    "clock_step": "seen",
    "tailgate": "void",
    "opened_by_hand": "seen",
}


class Offer(msgspec.Struct, frozen=True):
    """A car that it may have been: ``passage`` is what gets the plate, if it is chosen."""

    session: str
    plate: str
    color: PlateColor
    at: datetime | None
    lane: str | None
    distance: float
    pieces: list[Piece]
    color_agrees: bool
    passage: bytes
    picture: str | None


class Item(msgspec.Struct, frozen=True):
    """All that is shown of one. ``stay``: the pictures of the stay it is in, where that says more than offers."""

    view: DoubtView
    reading: Reading | None
    offers: list[Offer]
    stay: dict[str, Any] | None
    said: list[dict[str, Any]]
    here: set[str]
    proposed: str

    @property
    def is_car(self) -> bool:
        """Whether a car was read here, or seen; else it is only an alarm."""
        return self.reading is not None


async def item_of(connection: AsyncConnection, view: DoubtView) -> Item:
    reading = await doubt_views.reading(connection, view.complex, view.passage)
    offers = await _offers(connection, view) if reading else []
    stay = await _stay(connection, view.complex, view.session) if view.session else None
    said = await doubt_views.said(connection, view.complex, view.passage)
    names = {view.picture, *(offer.picture for offer in offers)}
    names |= {stay["entry_picture"], stay["exit_picture"]} if stay else set()
    here = await parking_views.pictures_here(connection, view.complex, sorted(name for name in names if name))
    return Item(view, reading, offers, stay, said, here, _proposed(view, offers))


def _proposed(view: DoubtView, offers: Sequence[Offer]) -> str:
    """What most people would say; the person decides."""
    if len(offers) == 1 and offers[0].color_agrees:
        return f"pick:{offers[0].session}"
    return next((_PROPOSED[kind] for kind in view.kinds if kind in _PROPOSED), "")


async def _offers(connection: AsyncConnection, view: DoubtView) -> list[Offer]:
    if not view.plate:
        return []
    if "no_entry" in view.kinds or ("tailgate" in view.kinds and view.direction == "out"):
        inside = await doubt_views.inside_at(connection, view.complex, view.occurred_at)
        near = near_matches(view.plate, inside)[:_MOST_OFFERS]
        return await _shown(connection, view, near, is_exit=False)
    if "duplicate_entry" in view.kinds and view.session:
        stay = await _stay(connection, view.complex, view.session)
        since = stay["begun_at"] if stay else stamp(view.occurred_at)
        exits = await doubt_views.unmatched_exits(connection, view.complex, since, view.occurred_at)
        return await _shown(connection, view, near_matches(view.plate, exits)[:_MOST_OFFERS], is_exit=True)
    return []


async def _shown(
    connection: AsyncConnection, view: DoubtView, near: Sequence[Candidate], *, is_exit: bool
) -> list[Offer]:
    """An entry that this exit belongs to gives it its plate; an exit that was this car's gets this one's."""
    ids = [one.session.id.decode() for one in near]
    query = select(session.c.id, session.c.entry_picture, session.c.exit_picture)
    rows = await connection.execute(query.where(session.c.complex == view.complex, session.c.id.in_(ids)))
    pictures = {row.id: row.exit_picture if is_exit else row.entry_picture for row in rows}
    return [_offer(view, one, pictures.get(one.session.id.decode()), is_exit=is_exit) for one in near]


def _offer(view: DoubtView, one: Candidate, picture: str | None, *, is_exit: bool) -> Offer:
    found, color = one.session, view.plate_color if view.plate_color in COLORS else "unknown"
    return Offer(
        session=found.id.decode(),
        plate=view.plate if is_exit else found.plate,
        color=color if is_exit else found.color,
        at=found.exited_at if is_exit else found.entered_at,
        lane=found.exit_lane if is_exit else found.entry_lane,
        distance=one.distance,
        pieces=compared(view.plate, found.plate),
        color_agrees=colors_agree(view.plate_color, found.color),
        passage=(found.exit_id or b"") if is_exit else view.passage,
        picture=picture,
    )


async def _stay(connection: AsyncConnection, complex_id: str, identity: str) -> dict[str, Any] | None:
    query = select(session).where(session.c.complex == complex_id, session.c.id == identity)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else {str(name): value for name, value in row.items()}
