"""States of matters as they are kept. One that cannot be read (of a newer program that was taken back, of a damaged
row) is said and stands alone: nothing else waits for it."""

from __future__ import annotations

import msgspec
import structlog

from domain.duty.state import State, decode_state

log = structlog.get_logger()


class UnreadableState(ValueError):
    """What is kept of a matter is no state."""


def read_state(incident: str, body: bytes) -> State:
    """Raises UnreadableState."""
    try:
        return decode_state(body)
    except msgspec.MsgspecError as error:
        raise UnreadableState(f"the state of {incident}: {error}") from error


def readable(incident: str, body: bytes) -> State | None:
    """The state; None where it cannot be read, which is said."""
    try:
        return read_state(incident, body)
    except UnreadableState as error:
        log.error("matter_set_aside", incident=incident, error=str(error))
        return None
