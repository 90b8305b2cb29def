"""The board of what goes on: by level and age, what the top did not take first."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from domain.duty.plan import LEVELS
from server.api.who import ROSTERING, Watching
from server.duty.preview import next_move
from server.store import duty_views, place_views
from server.store.duty_views import MOST_ROWS
from server.web.answers import house_of, page

router = APIRouter()


@router.get("/board")
async def board(request: Request, person: Watching, level: str = "", complex: str = "") -> Response:
    """Counts by level, then matter by matter: whose it is, since when, and what comes next."""
    house, chosen = house_of(request), level if level in LEVELS else ""
    async with house.db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
        matters = await duty_views.board(connection, person.scope, chosen, complex)
        tallies = await duty_views.tallies(connection, person.scope, complex)
        machines = {one: await house.acting.duties.of(connection, one) for one in {row.complex for row in matters}}
    following = {row.incident: next_move(machines[row.complex], row.state, house.now()) for row in matters}
    return page(
        request,
        person,
        "board.html",
        matters=matters,
        tallies=tallies,
        following=following,
        levels=LEVELS,
        complexes=complexes,
        filters={"level": chosen, "complex": complex},
        is_cut=len(matters) == MOST_ROWS,
        may_roster=person.may(*ROSTERING),
    )
