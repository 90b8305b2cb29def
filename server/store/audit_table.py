"""The table of the audit: who saw, changed and took out what. Triggers refuse to change it (migration 0006)."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table

from server.store.tables import Position, metadata

audit = Table(
    "audit",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=False),  # without a hole: the chain counts
    Column("at", String, nullable=False),
    Column("action", String, nullable=False),  # domain.audit.ACTIONS
    # From here to the nonce: what is blanked when it is old.
    Column("who", String),
    Column("role", String),
    Column("account", Integer),
    Column("complex", String),
    Column("kind", String),  # of what was seen or changed,
    Column("ref", String),  # and its id
    Column("reason", String),
    Column("address", String),
    Column("session", String),
    Column("details", String),  # JSON
    Column("nonce", String),
    Column("blanked_at", String),
    Column("digest", String, nullable=False),
    Column("previous", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("audit_at", "at"),
    Index("audit_who", "who", "number"),
    Index("audit_complex", "complex", "number"),
    Index("audit_action", "action", "number"),
)
