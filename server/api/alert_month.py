"""A month of a complex on one sheet: its alerts, how soon they were taken, how far they climbed, what was false."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple
from urllib.parse import quote

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.alerts.words import CATEGORIES, SEVERITIES
from domain.duty.plan import LEVELS
from domain.items.figures import percentile
from domain.ledger.month import before, days_of, month_of
from server.api.alert_words import Word
from server.api.months import need_month
from server.api.places import found_place
from server.api.who import Watching
from server.overview import DEVICES_AT_LEAST, GATEWAYS_AT_LEAST
from server.store import alert_months, place_views
from server.store.alert_months import MatterRow, Noisy, Within
from server.store.device_names import names_of
from server.store.online_rows import Online
from server.web.answers import house_of, page, see
from server.web.formats import zone_of

router = APIRouter(prefix="/alerts/month")


class Spans(NamedTuple):
    """Of so many matters, the median and the 90th percentile by nearest rank, in seconds; None of none."""

    matters: int
    median_s: int | None
    p90_s: int | None


class Month(NamedTuple):
    """The figures of a month."""

    alerts: Mapping[tuple[str, str], int]  # category and severity -> how many
    matters: int
    taken: Spans
    ended: Spans
    climbed: Mapping[str, int]  # level -> matters that climbed there and no further
    at_top: int
    unanswered: int
    goes_on: int
    judged: int
    false: int
    noisiest: Sequence[Noisy]
    online: Online
    known_since: datetime | None

    @property
    def total(self) -> int:
        return sum(self.alerts.values())

    def of(self, category: str, severity: str = "") -> int:
        """``severity`` "": of all of them."""
        severities = (severity,) if severity else SEVERITIES
        return sum(self.alerts.get((category, one), 0) for one in severities)

    @property
    def false_percent(self) -> int | None:
        return round(100 * self.false / self.judged) if self.judged else None


def spans(seconds: Sequence[int]) -> Spans:
    ordered = sorted(map(float, seconds))
    if not ordered:
        return Spans(0, None, None)
    return Spans(len(ordered), int(percentile(ordered, 50)), int(percentile(ordered, 90)))


async def figures(connection: AsyncConnection, within: Within, now: datetime) -> Month:
    rows = await alert_months.matters(connection, within)
    judged, false = await alert_months.judged(connection, within)
    online, known_since = await alert_months.online(connection, within, now)
    return Month(
        alerts=await alert_months.alerts(connection, within),
        matters=len(rows),
        taken=spans([one.taken_s for one in rows if one.taken_s is not None]),
        ended=spans([one.ended_s for one in rows if one.ended_s is not None and one.ended_why in ("closed", "false")]),
        climbed=Counter(one.climbed_to for one in rows if one.climbed_to),
        at_top=sum(one.at_top for one in rows),
        unanswered=sum(one.ended_why == "unanswered" for one in rows),
        goes_on=sum(_goes_on(one) for one in rows),
        judged=judged,
        false=false,
        noisiest=await alert_months.noisiest(connection, within),
        online=online,
        known_since=known_since,
    )


def _goes_on(one: MatterRow) -> bool:
    return one.status != "ended"


@router.get("")
async def chooser(request: Request, person: Watching, complex: Word = "", month: Word = "") -> Response:
    """Which complex, and which month; the one there is, where it is only one."""
    async with house_of(request).db.read() as connection:
        complexes = await place_views.complexes_of(connection, person.scope)
    chosen = complex or (complexes[0].id if len(complexes) == 1 else "")
    if chosen and chosen in {one.id for one in complexes}:
        at = f"/alerts/month/{quote(chosen, safe='')}"
        return see(f"{at}/{month}" if _is_month(month) else at)
    return page(request, person, "alert_months.html", complexes=complexes)


def _is_month(text: str) -> bool:
    try:
        days_of(text)
    except ValueError:
        return False
    return True


@router.get("/{complex_id}")
async def this_month(request: Request, complex_id: str, person: Watching) -> Response:
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
    today = house_of(request).now().astimezone(zone_of(place.timezone)).date()
    return see(f"/alerts/month/{quote(complex_id, safe='')}/{month_of(today)}")


@router.get("/{complex_id}/{month}")
async def month_page(request: Request, complex_id: str, month: str, person: Watching) -> Response:
    """The sheet. A month begins and ends at the complex's midnights."""
    first, last = need_month(month)
    now = house_of(request).now()
    async with house_of(request).db.read() as connection:
        place = await found_place(connection, person, complex_id)
        zone = zone_of(place.timezone)
        midnights = (datetime.combine(day, time(), zone) for day in (first, last + timedelta(days=1)))
        found = await figures(connection, Within(complex_id, *midnights), now)
        complexes = await place_views.complexes_of(connection, person.scope)
        called = await names_of(connection, {(complex_id, one.device) for one in found.noisiest})
    words = {"categories": CATEGORIES, "severities": SEVERITIES, "levels": LEVELS}
    around = {
        "called": called,
        "month": month,
        "earlier": before(month),
        "later": before(month, -1),
        "complexes": complexes,
    }
    bounds = {"gateways_at_least": GATEWAYS_AT_LEAST, "devices_at_least": DEVICES_AT_LEAST}
    return page(request, person, "alert_month.html", place=place, found=found, **words, **around, **bounds)
