"""Who did what: one function, called in the transaction of what it records.

    async with db.write() as connection:
        …                                                       # what is done
        record(connection, person.actor, "plate.shown", now, on=Subject("session", id), complex_id=…, reason=…)

The row is there if and only if what it tells of is.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.audit import ACTIONS
from server.store import audit_rows
from server.store.engine import stamp

_MOST_SIGNS, _MOST_DETAILS = 500, 8_000
SHELL, GATEWAY, NOBODY = "command line", "gateway", "nobody"  # roles of those who are no account


class Actor(NamedTuple):
    """Who does it, in which role, and from where."""

    who: str
    role: str
    account: int | None = None
    address: str | None = None
    session: str | None = None  # the beginning of a login's digest: which of the person's logins


class Subject(NamedTuple):
    """What it is done to."""

    kind: str
    ref: str


def command_line(by: str = "") -> Actor:
    """Whoever types on the server's machine."""
    return Actor(by or getpass.getuser(), SHELL, address=socket.gethostname())


def gateway_actor(identity: str, address: str | None = None) -> Actor:
    return Actor(identity, GATEWAY, address=address)


def nobody(address: str | None, who: str = "") -> Actor:
    """Someone who is not signed in."""
    return Actor(who, NOBODY, address=address)


def record(
    connection: AsyncConnection,
    by: Actor,
    action: str,
    now: datetime,
    *,
    on: Subject | None = None,
    complex_id: str | None = None,
    reason: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Append a row with this transaction's commit. ``connection`` is of ``Database.write``.

    ``details`` name what was done, never what was masked: no plate, no name, no card. Raises ValueError for an action
    that ``domain.audit.ACTIONS`` does not have.
    """
    if action not in ACTIONS:
        raise ValueError(f"no such action: {action!r}; add it to domain/audit.py")
    entry = audit_rows.Entry(
        at=stamp(now),
        action=action,
        who=_text(by.who) or "",
        role=by.role,
        account=by.account,
        complex=_text(complex_id),
        kind=on.kind if on else None,
        ref=_text(on.ref) if on else None,
        reason=_text(reason),
        address=_text(by.address),
        session=by.session,
        details=_json(details),
    )
    audit_rows.add(connection, entry)


def _text(text: str | None) -> str | None:
    """As both engines keep it: PostgreSQL takes no NUL, and neither a half of a sign."""
    if text is None:
        return None
    return text[:_MOST_SIGNS].replace("\0", "\ufffd").encode(errors="replace").decode()


def _json(details: Mapping[str, Any] | None) -> str | None:
    if not details:
        return None
    text = msgspec.json.encode(details, order="deterministic").decode()
    if len(text) > _MOST_DETAILS:
        raise ValueError(f"the details of an audit row have {len(text)} signs, at most {_MOST_DETAILS}")
    return text.replace("\\u0000", "\ufffd")
