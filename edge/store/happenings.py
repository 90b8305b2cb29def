"""What can befall the gateway's own store: said once in the log, shown to people, and sent to the centre."""

from __future__ import annotations

import msgspec


class Happened(msgspec.Struct, frozen=True):
    """What befell the store, and why: ``full``, ``reopened`` after a fault, ``set_aside`` as corrupt."""

    what: str
    detail: str


class LetGo(msgspec.Struct):
    """What went for want of room: of which class, how much, and which sequences (records only)."""

    what: str  # sent_pictures | routine_pictures | acknowledged | routine
    count: int = 0
    size_bytes: int = 0
    first: int = 0
    last: int = 0


class Salvaged(msgspec.Struct):
    """Of a set-aside store: records carried over, records the centre had already, and those that were unreadable."""

    recovered: int = 0
    known: int = 0
    unreadable: int = 0
