"""What one plate, card or person may ask for, each act recorded: the command line and the page do the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from domain.subjects import Subject
from server.retention import corrections, told
from server.retention import export as exports
from server.retention.corrections import Correction
from server.retention.erase import Report
from server.retention.export import FoundAll
from server.retention.holds import Why
from server.retention.noted import note
from server.store.engine import Database
from server.store.retention_tables import erasure

if TYPE_CHECKING:
    from server.house import House

Tell = Callable[[str], None]


def _scope(complex_id: str) -> list[str]:
    return [complex_id] if complex_id else []


async def _noted(house: House, act: str, subject: Subject, why: Why) -> None:
    async with house.db.write() as connection:
        detail = {"kind": subject.kind, "reason": why.reason, "document": why.document}
        await note(connection, act, why.who, detail, house.now())


async def look(house: House, subject: Subject, complex_id: str, why: Why, tell: Tell) -> FoundAll:
    """Find everything that names them."""
    await _noted(house, "subject_looked_up", subject, why)
    return await exports.find(house.db, subject, _scope(complex_id), lambda: tell("reading the log"))


async def export(house: House, subject: Subject, complex_id: str, why: Why, tell: Tell) -> bytes:
    """The same as a file."""
    await _noted(house, "subject_exported", subject, why)
    found = await exports.find(house.db, subject, _scope(complex_id), lambda: tell("reading the log"))
    return await exports.export(found, house.media, subject, house.now())


async def correct(house: House, subject: Subject, complex_id: str, said: Correction, why: Why, tell: Tell) -> int:
    """Say beside a record what it should read. Raises NoRecord."""
    tell("looking for the record")
    return await corrections.correct(house.db, subject, _scope(complex_id), said, why, house.now())


async def erase(house: House, subject: Subject, complex_id: str, why: Why, tell: Tell, identity: str = "") -> Report:
    """Erase up to now, here; gateways and receivers are told. ``identity``: of one that was begun."""
    feeds = [(webhook.name, webhook.kinds) for webhook in house.config.webhooks]
    return await house.eraser.erase(subject, complex_id, why, feeds, tell, identity)


async def status(db: Database, identity: str) -> dict[str, Any] | None:
    """An erasure with what each gateway has answered; None for no such erasure."""
    async with db.read() as connection:
        row = (await connection.execute(select(erasure).where(erasure.c.id == identity))).mappings().first()
        if row is None:
            return None
        said = await told.answers(connection, identity, row["complex"])
    shown = ("id", "kind", "complex", "reason", "document", "asked_by", "asked_at", "state", "done_at")
    return {**{name: row[name] for name in shown}, **(row["report"] or {}), "gateways": said}


async def recent(db: Database, limit: int = 50) -> list[dict[str, Any]]:
    """The newest erasures with their answers."""
    async with db.read() as connection:
        query = select(erasure.c.id).order_by(erasure.c.asked_at.desc()).limit(limit)
        ids = (await connection.execute(query)).scalars().all()
    return [found for identity in ids if (found := await status(db, identity)) is not None]
