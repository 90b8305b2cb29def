"""The table of a complex's alert rules, version by version."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

rule_version = Table(  # append-only: what was published stays, for it judged facts; what is taken back is a higher one
    "rule_version",
    metadata,
    Column("complex", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("since", String, nullable=False),  # facts received from then on are judged by it
    Column("body", LargeBinary, nullable=False),  # domain.alerts.document as JSON: what differs from the built-in set
    Column("reason", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    PrimaryKeyConstraint("complex", "version"),
)
