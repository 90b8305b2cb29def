"""The tariff of a month changes in its middle: published by two people, told to the gateway, and known to the test."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from domain.tariff import LotTariff, read_tariff
from server import tariffs
from server.audit import Actor
from server.store import desired_rows
from server.store.tariff_rows import Text
from simulators.month.seed import ZONE
from simulators.month.words import Month
from tests.scenarios.month_site import MonthSite
from tests.scenarios.test_offline_month import TARIFF

_DEARER_FEN = 15
_NEWER = 1_000  # the gateway of a month began with a document that the rig numbered


def dearer() -> dict[str, Any]:
    """The other tariff: each unit of the day costs more."""
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(TARIFF))
    made["plans"]["small"]["charge"]["bands"][0]["charge"]["fen"] += _DEARER_FEN
    return made


def changes_at(month: Month) -> datetime:
    """Midnight in the middle of the month."""
    return datetime.combine(month.first + timedelta(days=month.days // 2), time(), ZONE)


def true_lot(month: Month) -> LotTariff:
    """The tariffs of the month, made beside the product."""
    later = LotTariff(read_tariff(dearer()), "small", since=changes_at(month))
    return LotTariff(read_tariff(TARIFF), "small", later=(later,))


async def publish_dearer(here: MonthSite, complex_id: str, month: Month) -> None:
    """One writes and proposes, another publishes; the gateway takes what it is then told."""
    house, wang = here.centre.house, Actor("wang", "clerk")
    said = Text(msgspec.json.encode(dearer()).decode(), "白天每半小时涨价", "small", since=changes_at(month))
    number = await tariffs.draft(house, wang, complex_id, said)
    await tariffs.propose(house, wang, complex_id, number)
    await tariffs.publish(house, Actor("zhao", "clerk"), complex_id, number)
    async with house.db.read() as connection:
        newest = (await desired_rows.newest_of(connection, [complex_id]))[complex_id]["tariffs"]
        document = await desired_rows.document(connection, complex_id, "tariffs", newest)
    assert await here.bench.desired.apply([replace(document, version=_NEWER)]), here.bench.desired.refused
    assert here.bench.desired.in_force.versions["tariffs"] == _NEWER
