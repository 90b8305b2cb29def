"""What people look at, into the audit: before the answer leaves, and no answer where it cannot be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from server.audit import Subject, record
from server.auth import Person
from server.web.answers import house_of


async def note(
    request: Request,
    person: Person,
    action: str,
    on: Subject | None = None,
    complex_id: str | None = None,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """A row of its own, for what changes nothing else."""
    house = house_of(request)
    async with house.db.write() as connection:
        by, now = person.actor, house.now()
        record(connection, by, action, now, on=on, complex_id=complex_id, reason=reason, details=details)
