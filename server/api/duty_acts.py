"""What people do to the matter of an alert beside taking and closing it: hand it over, call a unit, report one in."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import FormData
from starlette.responses import Response

from domain.duty.acts import Act, Call, HandOver, NotPossible, ReportIn
from domain.duty.plan import LEVELS, Level
from domain.duty.state import Owner, State
from server.api.who import ROSTERING, Answering
from server.auth import Form, Person, field
from server.duty.preview import next_move
from server.store import alert_views, duty_rows, duty_views
from server.store.alert_actions import Doer
from server.web.answers import house_of, see
from server.web.duty_lines import lines_of

router = APIRouter()

UNITS = ("派出所", "消防站", "微型消防站", "物业", "供电", "供水", "燃气", "城管", "急救")
WITHIN_MIN = (15, 30, 60, 120, 480)
_ALL = tuple(role for roles in duty_views.LEVEL_ROLES.values() for role in roles)


@router.post("/alerts/{identity}/duty")
async def act(request: Request, identity: str, person: Answering, form: Form) -> Response:
    """Does it and goes back to the alert."""
    house, asked = house_of(request), _asked(person, form)
    if not await _may(request, person, identity, asked):
        return see(f"/alerts/{identity}?refused=taken")
    try:
        done = await house.acting.help(Doer(person.actor, person.id), person.scope, identity, asked, house.now())
    except NotPossible:
        return see(f"/alerts/{identity}?refused=not_possible#duty")
    if not done:
        raise HTTPException(404, "no such alert, or nobody is asked about it")
    house.live.ring()
    return see(f"/alerts/{identity}#duty")


async def _may(request: Request, person: Person, identity: str, asked: Act) -> bool:
    """Whoever has it, or is asked; where it is another's, only those who keep the rota. Raises HTTPException."""
    async with house_of(request).db.read() as connection:
        view = await alert_views.one(connection, person.scope, identity)
        matter = await duty_rows.of_alert(connection, identity)
        if view is None or matter is None:
            raise HTTPException(404, "no such alert, or nobody is asked about it")
        await _check(connection, view.complex, asked)
    return is_theirs(person, matter.state)


async def _check(connection: AsyncConnection, complex_id: str, asked: Act) -> None:
    """Whom it is handed to answers at that level there. Raises HTTPException 422."""
    if isinstance(asked, HandOver) and asked.to.person:
        people = await duty_views.answerers(connection, complex_id, duty_views.LEVEL_ROLES[asked.to.level])
        if all(one.username != asked.to.person for one in people):
            raise HTTPException(422, "to: nobody of that level here has that name")


def is_theirs(person: Person, state: State) -> bool:
    return person.may(*ROSTERING) or state.status != "acknowledged" or state.owner.person == person.username


def _asked(person: Person, form: FormData) -> Act:
    """Raises HTTPException 422."""
    key, by = field(form, "request", 64), person.username
    if not key:
        raise HTTPException(422, "the request names no key")
    match field(form, "what", 16):
        case "hand_over":
            return HandOver(key=key, by=by, to=_owner(field(form, "to", 260)), words=field(form, "note", 500))
        case "call":
            minutes = field(form, "within", 4)
            if minutes not in {str(one) for one in WITHIN_MIN}:
                raise HTTPException(422, "within: one of the choices")
            return Call(key=key, by=by, unit=_unit(form), within_s=int(minutes) * 60)
        case "report_in":
            return ReportIn(key=key, by=by, unit=_unit(form))
        case _:
            raise HTTPException(422, "what: hand_over, call or report_in")


def _unit(form: FormData) -> str:
    unit = field(form, "unit", 60)
    if not unit:
        raise HTTPException(422, "unit: name the unit")
    return unit


def _owner(text: str) -> Owner:
    """As the choice of the page has it: ``complex`` or ``complex:li``."""
    level, _, who = text.partition(":")
    known: Level | None = next((one for one in LEVELS if one == level), None)
    if known is None:
        raise HTTPException(422, "to: choose whom")
    return Owner(known, who)


class Shown:
    """A matter as a template shows it."""

    def __init__(self, state: State, **more: object) -> None:
        self.state, self.lines = state, lines_of(state)
        self.next, self.choices = more["next"], more["choices"]
        self.steps, self.may_act = more["steps"], more["may_act"]
        self.units, self.within_min = UNITS, WITHIN_MIN


async def shown_of(
    request: Request, connection: AsyncConnection, person: Person, alert: str, *, may: bool
) -> Shown | None:
    """The matter of an alert, for its page; None where it is in none."""
    house = house_of(request)
    matter = await duty_rows.of_alert(connection, alert)
    if matter is None:
        return None
    state = matter.state
    machine = await house.acting.duties.of(connection, state.complex)
    people = await duty_views.answerers(connection, state.complex, _ALL)
    on_ladder: list[Level] = [rung.level for rung in machine.plan.ladder(state.category).rungs]
    choices = [(level, [one for one in people if one.role in duty_views.LEVEL_ROLES[level]]) for level in on_ladder]
    return Shown(
        state,
        next=next_move(machine, state, house.now()),
        choices=choices,
        steps=await duty_views.steps_of(connection, state.incident),
        may_act=may and is_theirs(person, state) and state.status != "ended",
    )
