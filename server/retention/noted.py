"""The one place where an act on people's data is recorded: holds, look-ups, exports, corrections, erasures."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from server.audit import Actor, Subject, record

log = structlog.get_logger()


async def note(
    connection: AsyncConnection, act: str, by: Actor, detail: Mapping[str, Any], now: datetime, reason: str = ""
) -> None:
    """Record an act in the transaction that does it. ``detail`` never names whom it is about."""
    ref = str(detail.get("id") or detail.get("number") or detail.get("kind") or "")
    record(connection, by, f"retention.{act}", now, on=Subject("retention", ref), reason=reason or None, details=detail)
    log.info("retention", act=act, by=by.who, at=now.isoformat(timespec="milliseconds"), **detail)
