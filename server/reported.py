"""What a resident reports that a patrol should go and see now: a fact of the centre's, and so an alert as any other.

It says where, and nothing of what was written or photographed: that stands in the report, which the alert leads to.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.words import alert_id
from domain.events import Event
from domain.ids import derive, fact_id
from domain.places import Place
from server.rule_book import RuleBook
from server.store.snap_rows import SnapPlace

LABELS: Mapping[str, str] = MappingProxyType({"flying_wire": "flying_wire"})  # category of an item -> as a camera says


def event_of(place: SnapPlace, category: str, code: str, now: datetime) -> Event | None:
    """Named by the reporter's code, of which the digest is given: a report that is sent twice is one fact."""
    label = LABELS.get(category)
    if label is None:
        return None
    return Event(
        kind="detection",
        device=f"report:{place.place}",
        place=place.place,
        time=now,
        recorded_at=now,
        source_event_id=derive("report", code).hex(),
        label=label,
    )


async def alert_of(connection: AsyncConnection, complex_id: str, event: Event, place: Place, now: datetime) -> str:
    """The alert that it will be by the complex's rules; "" where they want none."""
    fired = (await RuleBook().at(connection, complex_id, now)).fired(event, place)
    fact = derive(complex_id, (fact_id(event) or b"").hex())
    return "" if fired is None else alert_id(fired.rule, fact)
