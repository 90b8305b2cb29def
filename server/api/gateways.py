"""The fleet to look at: every gateway in a line, the worst first, filtered and paged here; and the tree of areas."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from server.api.who import Overseeing
from server.auth import Person
from server.house import House
from server.store import fleet_views, reader_rows
from server.store.fleet_views import Filter, Sort
from server.web.answers import house_of, page

router = APIRouter()

SILENT_AFTER = timedelta(seconds=60)
PAGE = 100
_MOST_SKIP = 100_000
_MOST_SIGNS = 200

Word = Annotated[str, Field(max_length=_MOST_SIGNS)]


class Asked(BaseModel):
    """What the page's address says of which gateways, and in which order."""

    q: Word = ""
    area: Word = ""
    complex: Word = ""
    version: Word = ""
    tag: Word = ""
    rank: Word = ""
    sort: Sort = "worst"
    skip: Annotated[int, Field(ge=0, le=_MOST_SKIP)] = 0

    @property
    def words(self) -> dict[str, str]:
        """All of it that chooses gateways."""
        return {name: word for name, word in self if name not in ("sort", "skip")}

    def filter(self, house: House, person: Person) -> Filter:
        words = {("text" if name == "q" else name): word.strip() for name, word in self.words.items()}
        return Filter(person.scope, house.now() - SILENT_AFTER, **words)

    @property
    def said(self) -> dict[str, str]:
        """What of it stands in links."""
        return {name: word for name, word in self.words.items() if word}


@router.get("/gateways")
async def gateways(request: Request, person: Overseeing, said: Annotated[Asked, Query()]) -> Response:
    """A page of the fleet."""
    house = house_of(request)
    which = said.filter(house, person)
    async with house.db.read() as connection:
        found = await fleet_views.rows(connection, which, said.sort, said.skip, PAGE + 1)
        context: dict[str, Any] = {
            "counts": await fleet_views.counts(connection, which),
            "tree": await fleet_views.branch(connection, Filter(which.scope, which.silent_before), ""),
            "versions": await fleet_views.versions(connection, person.scope),
            "tags": await fleet_views.tags(connection, person.scope),
            "waiting": await reader_rows.waiting_count(connection, person.scope),
        }
    is_more = len(found) > PAGE
    shown = {
        "rows": found[:PAGE],
        "said": said.said,
        "asked": said.words,
        "sort": said.sort,
        "skip": said.skip,
        "page_size": PAGE,
    }
    return page(request, person, "gateways.html", **shown, **context, is_more=is_more, ranks=fleet_views.RANKS)


@router.get("/gateways/tree")
async def tree(request: Request, person: Overseeing, area: Annotated[str, Query(max_length=_MOST_SIGNS)]) -> Response:
    """What lies below an area, for the tree to grow by."""
    house = house_of(request)
    async with house.db.read() as connection:
        found = await fleet_views.branch(connection, Asked().filter(house, person), area)
    return page(request, person, "fleet_branch.html", tree=found)
