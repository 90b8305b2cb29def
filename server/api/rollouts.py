"""Wishes for many gateways: choose them, see what would change, confirm, and watch the stages."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import msgspec
import yaml
from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from domain.desired import CONFIDENTIAL, KINDS, BadDesired
from server.api.gateways import SILENT_AFTER
from server.api.who import Operating, Publishing
from server.auth import Form, Person, field
from server.house import House
from server.rollouts import NotPossible
from server.store import fleet_views, place_tree, rollout_rows
from server.store.fleet_views import Filter
from server.store.rollout_rows import STAGES, Care, RolloutView
from server.web.answers import house_of, page, see

router = APIRouter(prefix="/gateways/rollouts")

_SHOWN = 50
_MOST_TEXT = 60_000
_WORDS = ("text", "area", "complex", "version", "tag")
_NUMBERS = {"health_s": 7 * 86_400, "silent_s": 7 * 86_400, "most_failed": 100_000}
_MINUTE_S = 60


@router.get("")
async def rollouts(request: Request, person: Operating) -> Response:
    """The last ones."""
    async with house_of(request).db.read() as connection:
        found = await rollout_rows.newest(connection, _SHOWN)
    return page(request, person, "rollouts.html", rollouts=found, stages=STAGES)


@router.get("/new")
async def choose(request: Request, person: Operating, complex: Annotated[str, Query(max_length=200)] = "") -> Response:
    """For which gateways, and what."""
    said = dict.fromkeys(_WORDS, "") | {"complex": complex, "kind": "policy", "body": ""}
    return await _form(request, person, said, Care(), "")


@router.post("/preview")
async def preview(request: Request, person: Operating, form: Form) -> Response:
    """What it would change, before anything does."""
    house, said = house_of(request), _said(form)
    try:
        body, care = _body(said["body"]), _care(form)
        chosen = await _chosen(house, person, said)
        found = await house.rollouts.preview(said["kind"], body, chosen)
    except (BadDesired, ValueError) as error:
        return await _form(request, person, said, Care(), str(error))
    parts = Counter(rollout_rows.stages("preview", found.changing).values())
    shown = {"preview": found, "said": said, "care": care, "parts": [parts[number] for number in range(len(STAGES))]}
    return page(request, person, "rollout_preview.html", **shown, stages=STAGES, most=_SHOWN)


@router.post("")
async def begin(request: Request, person: Publishing, form: Form) -> Response:
    """Confirmed: the first stage begins."""
    house, said = house_of(request), _said(form)
    try:
        body, care = _body(said["body"]), _care(form)
        found = await house.rollouts.preview(said["kind"], body, await _chosen(house, person, said))
        id_ = await house.rollouts.begin(said["kind"], body, found.changing, care, person.actor)
    except (BadDesired, ValueError, NotPossible) as error:
        return await _form(request, person, said, Care(), str(error))
    return see(f"/gateways/rollouts/{id_}")


@router.get("/{id_}")
async def rollout(request: Request, id_: str, person: Operating) -> Response:
    """How far it is, and who did what with it."""
    house = house_of(request)
    async with house.db.read() as connection:
        view = await _found(house, person, id_)
        targets = await rollout_rows.targets(connection, id_)
        steps = await rollout_rows.steps(connection, id_)
    by_stage = [Counter(one.state for one in targets if one.stage == number) for number in range(len(STAGES))]
    worth = [one for one in targets if one.state not in ("waiting", "done")][:_SHOWN]
    shown: dict[str, Any] = {"rollout": view, "by_stage": by_stage, "worth": worth, "steps": steps}
    return page(request, person, "rollout.html", **shown, stages=STAGES, total=len(targets))


@router.post("/{id_}/{what}")
async def turn(request: Request, id_: str, what: str, person: Publishing) -> Response:
    """Stop, resume, abort or take back."""
    house = house_of(request)
    await _found(house, person, id_)
    acts = {name: getattr(house.rollouts, name) for name in ("stop", "resume", "abort", "back")}
    if what not in acts:
        raise HTTPException(404, "no such action")
    try:
        await acts[what](id_, person.actor)
    except NotPossible as error:
        raise HTTPException(409, str(error)) from error
    return see(f"/gateways/rollouts/{id_}")


async def _found(house: House, person: Person, id_: str) -> RolloutView:
    """Raises HTTPException 404, also where it touches what the person may not see."""
    async with house.db.read() as connection:
        view = await rollout_rows.find(connection, id_)
        seen = view is not None and await rollout_rows.within_scope(connection, id_, person.scope)
    if view is None or not seen:
        raise HTTPException(404, "no such rollout")
    return view


async def _form(request: Request, person: Person, said: dict[str, str], care: Care, wrong: str) -> Response:
    house = house_of(request)
    async with house.db.read() as connection:
        versions = await fleet_views.versions(connection, person.scope)
        tags, areas = await fleet_views.tags(connection, person.scope), await place_tree.names(connection, person.scope)
    choices = {
        "versions": versions,
        "tags": tags,
        "areas": areas,
        "kinds": [kind for kind in KINDS if kind not in CONFIDENTIAL],
    }
    return page(request, person, "rollout_new.html", said=said, care=care, wrong=wrong, **choices)


def _said(form: Any) -> dict[str, str]:
    return {name: field(form, name, 200) for name in (*_WORDS, "kind")} | {"body": field(form, "body", _MOST_TEXT)}


def _body(text: str) -> object:
    """Raises ValueError."""
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(f"neither YAML nor JSON: {error}") from error


def _care(form: Any) -> Care:
    """Raises ValueError."""
    said = {name: field(form, name, 20) for name in _NUMBERS}
    numbers = {name: int(text) for name, text in said.items() if text}
    for name, number in numbers.items():
        if not 0 <= number <= _NUMBERS[name]:
            raise ValueError(f"{name}: {number}; 0 to {_NUMBERS[name]}")
    return msgspec.structs.replace(Care(), **numbers)


async def _chosen(house: House, person: Person, said: dict[str, str]) -> list[tuple[str, str]]:
    """Gateways and their complexes."""
    which = Filter(person.scope, house.now() - SILENT_AFTER, **{name: said[name] for name in _WORDS})
    async with house.db.read() as connection:
        return await fleet_views.ids(connection, which)
