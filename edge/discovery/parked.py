"""Devices that spoke to this gateway by whatever way and are not listed: their messages are parked, so they are known.

GA/T 1400 registrations, HTTP pushes, transmitters that connected, packets of controllers: all of them come in by the
transports. Reads the agent's file beside it, or without it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.devices.announced import Known
from edge.devices.driver import PEER, Message
from edge.discovery.discoverer import CannotLook, Discoverer, Search, Tell
from edge.discovery.heard import devices_in
from edge.intake.device_list import unlisted_in
from edge.intake.parked import UNKNOWN_DEVICE
from edge.status import beside

_MOST, _MOST_BYTES = 500, 64 * 1024
# The newest message of each device, by the sentence it was parked with: the bytes of the others are not read.
_NEWEST = """SELECT received_at, detail, family, topic, headers, sender,
        CASE WHEN length(payload) <= ? THEN payload ELSE x'' END
    FROM parked WHERE number IN (
        SELECT max(number) FROM parked WHERE reason = ? GROUP BY detail ORDER BY max(number) DESC LIMIT ?)
    ORDER BY number"""


async def look(search: Search, tell: Tell) -> None:
    """Raises CannotLook. A box on which no agent ran yet has heard nobody."""
    try:
        rows = await asyncio.to_thread(_rows, search.folder)
    except beside.NoLog:
        return
    except sqlite3.Error as error:
        raise CannotLook(f"the log in {search.folder} cannot be read: {error}; see gatehouse-edge doctor") from error
    for row in rows:
        at = datetime.fromisoformat(row[0])
        for known in _known(search, row, at):
            tell(known, at)


def _rows(folder: Path) -> Sequence[Sequence[Any]]:
    with beside.opened(folder) as db:
        return db.execute(_NEWEST, (_MOST_BYTES, UNKNOWN_DEVICE, _MOST)).fetchall()


def _known(search: Search, row: Sequence[Any], at: datetime) -> Iterator[Known]:
    """The device that the message was parked for, and what its driver says of it and others."""
    _, detail, family, topic, headers, sender, payload = row
    told = msgspec.json.decode(headers, type=dict[str, str])
    if identity := unlisted_in(detail):
        yield Known(identity, host=told.get(PEER, ""))
    if payload:
        message = Message(family, payload, topic, headers=told, received_at=at, sender=sender)
        yield from devices_in(message, search.registry, search.config.site)


DISCOVERER = Discoverer("heard", look)
