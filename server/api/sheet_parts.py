"""What the workbooks of parking and of its money share: who asks, headings, times by the complex's clock."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import NamedTuple

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth import Person
from server.web import titles
from server.web.device_titles import device_title
from server.web.formats import zone_of
from server.web.languages import N_, translate
from server.web.sheets import Kind, Row

Heads = tuple[tuple[str, Kind], ...]
WHOSE: Heads = ((N_("小区"), "text"), (N_("车牌"), "plate"))


class Asked(NamedTuple):
    """A workbook that somebody asks for: what they filtered by, and their language."""

    request: Request
    connection: AsyncConnection
    person: Person

    def of(self, name: str) -> str:
        return self.request.query_params.get(name, "")

    def word(self, vocabulary: str, name: str | None) -> str:
        return translate(self.person.lang, titles.word(vocabulary, name))

    def device_title(self, device: str, name: str | None) -> str:
        return device_title(device, name, lambda text: translate(self.person.lang, text))


class Table(NamedTuple):
    """A table of parking: its name, its headings, and what stands in it."""

    title: str
    heads: Heads
    rows: Callable[[Asked], AsyncIterator[Row]]


def local(at: datetime | None, zone: str | None) -> datetime | None:
    return at and at.astimezone(zone_of(zone))
