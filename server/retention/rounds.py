"""A whole round of retention: the log, what lies beside it, the bytes of pictures, the engine's room."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from domain.audit import KEEP_YEARS
from domain.places import Place
from domain.retention import CLASSES, LOG_CLASSES, Terms
from server import audit_book
from server.audit import nobody
from server.centre_log import CentreLog
from server.media import MediaBox
from server.retention import holds
from server.retention.beside import Beside
from server.retention.expiry import Expiry
from server.store.engine import Database, stamp
from server.store.retention_tables import expired, withheld
from server.store.schema import batch

log = structlog.get_logger()

ROUND_S, _FIRST_S = 3_600.0, 60.0
_DAYS_SHOWN = 400


class Retention:
    """What one process does for all: see ``behind``."""

    def __init__(
        self,
        db: Database,
        batches: CentreLog,
        media: MediaBox,
        terms: Terms,
        places: Mapping[str, Place],
        now: Callable[[], datetime],
    ) -> None:
        self._db, self._log, self._media, self._now = db, batches, media, now
        self.terms = terms
        self.expiry, self._beside = Expiry(db, terms, places, now), Beside(db, terms)

    async def round(self, progress: Callable[[], None] = lambda: None) -> Counter[str]:
        """Let go of everything that is due; what went, in numbers."""
        went = await self.expiry.round(progress)
        went += await self._beside.round(self._now())
        went["audit"] = await self._audit()
        await self.forget_pictures()
        await self._log.give_back()
        return +went

    async def _audit(self) -> int:
        """Contents of the audit's oldest rows; their digests stay, so that the chain holds. Only where its term is no
        longer than the three years that contents are kept at least."""
        if self.terms.audit > KEEP_YEARS * 366:
            return 0
        try:
            async with self._db.write() as connection:
                return await audit_book.blank(connection, nobody(None, "retention"), self._now())
        except DBAPIError as refused:  # by the database's clock it is not old enough: ours is ahead
            log.error("audit_not_blanked", error=str(refused.orig), clock=self._now().isoformat())
            return 0

    async def forget_pictures(self) -> None:
        """The bytes of pictures that nobody has any more."""
        gone = 1
        while gone:
            gone = await self._media.forget_unkept()

    async def run(self) -> None:
        """A round an hour until cancelled, the first soon after the start. What fails is told, and comes again."""
        await asyncio.sleep(_FIRST_S)
        while True:
            try:
                went = await self.round()
                if went:
                    log.info("let_go", **went)
            except Exception as error:  # noqa: BLE001 - the edge of a loop: told, and tried again within the hour
                log.error("retention_waits", error=repr(error))
            await asyncio.sleep(ROUND_S)

    async def status(self) -> dict[str, Any]:
        """Terms, the oldest batch there is, holds in force, what waits for one, and what went by day and class."""
        async with self._db.read() as connection:
            oldest = (await connection.execute(select(func.min(batch.c.received_at)))).scalar()
            held = len((await connection.execute(select(withheld.c.position))).all())
            in_force = await holds.in_force(connection, self._now())
            query = select(expired).order_by(expired.c.day.desc(), expired.c["class"], expired.c.what)
            rows = (await connection.execute(query.limit(_DAYS_SHOWN))).mappings().all()
        cutoffs = {name: stamp(self.terms.cutoff(name, self._now())) for name in LOG_CLASSES}
        return {
            "terms": {name: self.terms.days(name) for name in CLASSES},
            "cutoffs": cutoffs,
            "oldest_batch": oldest,
            "withheld_batches": held,
            "holds_in_force": len(in_force),
            "expired": [dict(row) for row in rows],
        }
