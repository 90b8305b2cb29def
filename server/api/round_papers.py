"""Rounds on paper: labels of checkpoints to print, the history, and the history as a workbook."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.rounds.walk import TINTS
from server.api.noted import note
from server.api.places import found_place
from server.api.rounds import day_in
from server.api.who import PATROLLING, ROSTERING, Rostering, Watching
from server.audit import Subject
from server.auth import Person
from server.patrol import days
from server.patrol.days import Round
from server.store import patrol_rows
from server.store.area_views import PlaceView
from server.web import titles
from server.web.answers import house_of, page
from server.web.formats import zone_of
from server.web.languages import N_, translate
from server.web.qr import qr_of
from server.web.sheets import Column, Kind, Row, as_download, sheet

router = APIRouter(prefix="/rounds")

USUAL_DAYS, MOST_SHOWN = 7, 500
HEADS: tuple[tuple[str, Kind], ...] = (
    (N_("应开始"), "time"),
    (N_("路线"), "text"),
    (N_("状态"), "text"),
    (N_("谁"), "text"),
    (N_("开始"), "time"),
    (N_("走完"), "time"),
    (N_("到了"), "number"),
    (N_("检查点"), "number"),
    (N_("没到"), "text"),
    (N_("没按顺序"), "text"),
    (N_("提前结束"), "time"),
    (N_("原因"), "text"),
    (N_("离线打卡传到"), "time"),
)


@router.get("/{complex_id}/labels")
async def labels(request: Request, complex_id: str, person: Rostering) -> Response:
    """A sheet to print and cut: of each checkpoint its name, its QR code, and the code to type."""
    house = house_of(request)
    async with house.db.read() as connection:
        place = await found_place(connection, person, complex_id)
        points = await patrol_rows.points(connection, complex_id)
    base = house.config.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    found = [_label(one.name, one.code, f"{base}/rounds/at/{one.code}") for one in points]
    rights = {"may_walk": person.may(*PATROLLING), "may_edit": True}
    return page(request, person, "rounds_labels.html", place=place, labels=found, **rights)


def _label(name: str, code: str, url: str) -> dict[str, Any]:
    signs = "-".join(code[start : start + 3] for start in range(0, len(code), 3))
    return {"name": name, "code": signs, "url": url, "qr": qr_of(url)}


class Chosen(msgspec.Struct, frozen=True):
    """Which days, and how rounds stand: ``tint`` "" asks nothing."""

    first: date
    last: date
    tint: str

    @property
    def filters(self) -> dict[str, str]:
        return {"since": self.first.isoformat(), "until": self.last.isoformat(), "tint": self.tint}


def _chosen(request: Request, place: PlaceView, since: str, until: str, tint: str) -> Chosen:
    """At most LONGEST_DAYS, the last week where nothing is said."""
    last = day_in(until) or house_of(request).now().astimezone(zone_of(place.timezone)).date()
    first = day_in(since) or last - timedelta(days=USUAL_DAYS - 1)
    first = min(last, max(first, last - timedelta(days=days.LONGEST_DAYS - 1)))
    return Chosen(first, last, tint if tint in TINTS.values() else "")


async def _rounds(request: Request, connection: AsyncConnection, place: PlaceView, chosen: Chosen) -> list[Round]:
    """What was to be walked by now, and what was walked; the newest first."""
    zone, now = zone_of(place.timezone), house_of(request).now()
    found = await days.rounds_of(connection, place.id, zone, (chosen.first, chosen.last), now)
    past = [one for one in found if one.at <= now or one.walk is not None]
    return [one for one in reversed(past) if chosen.tint in ("", one.judged.tint)]


@router.get("/{complex_id}/history")
async def history(
    request: Request, complex_id: str, person: Watching, since: str = "", until: str = "", tint: str = ""
) -> Response:
    """Round by round."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        chosen = _chosen(request, place, since, until, tint)
        found = await _rounds(request, connection, place, chosen)
    return page(
        request,
        person,
        "rounds_history.html",
        place=place,
        rounds=found[:MOST_SHOWN],
        tally=days.tally(found),
        is_cut=len(found) > MOST_SHOWN,
        filters=chosen.filters,
        may_walk=person.may(*PATROLLING),
        may_edit=person.may(*ROSTERING),
    )


@router.get("/{complex_id}/history.xlsx")
async def history_sheet(
    request: Request, complex_id: str, person: Watching, since: str = "", until: str = "", tint: str = ""
) -> Response:
    """The same as a workbook; who took it is in the audit."""
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        chosen = _chosen(request, place, since, until, tint)
        found = await _rounds(request, connection, place, chosen)
    await note(request, person, "round.sheet_taken", on=Subject("complex", complex_id), complex_id=complex_id)
    columns = [Column(translate(person.lang, title), kind) for title, kind in HEADS]
    file = await sheet(translate(person.lang, N_("巡逻")), columns, (_row(person, place, one) for one in found))
    return as_download(file, f"gatehouse-rounds-{complex_id}.xlsx")


def _row(person: Person, place: PlaceView, one: Round) -> Row:
    zone, walk, slot = zone_of(place.timezone), one.walk, one.judged.slot
    told = (walk.begun_at, one.through_at, walk.ended_at, walk.came_at) if walk else (None, None, None, None)
    times = [at and at.astimezone(zone) for at in (slot and slot.due_at, *told)]
    state = translate(person.lang, titles.word("round", one.judged.state))
    people, reason = (", ".join(walk.people), walk.reason) if walk else ("", "")
    counts = (one.read, len(one.route.points), ", ".join(one.missing), ", ".join(one.strays))
    return (times[0], one.route.name, state, people, times[1], times[2], *counts, times[3], reason, times[4])
