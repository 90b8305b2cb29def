"""The tables of upper platforms: whom we owe records, on which legal basis, what was handed over, who looked back."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import Position, metadata

platform = Table(  # a platform above this centre; off until somebody turns it on, and silent until a basis is recorded
    "platform",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("kind", String, nullable=False),  # gat1400 | gb28181 | mqtt | webhook
    Column("address", String, nullable=False),
    Column("settings", LargeBinary, nullable=False),  # JSON, as its protocol wants it; never a secret
    Column("secret_file", String, nullable=False),  # beside server.toml; "" where it needs none
    Column("area", String, nullable=False),  # whose complexes; "" of the whole city
    Column("is_on", Integer, nullable=False),
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("session", String, nullable=False),  # off | silent: no basis | open | ill
    Column("session_at", String, nullable=False),
    Column("answer", String),  # what the far end said last
    Column("answered_at", String),
)
platform_basis = Table(  # why records may go there; ended, never changed
    "platform_basis",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("platform", String, ForeignKey("platform.id"), nullable=False),
    Column("unit", String, nullable=False),  # who asked for it
    Column("document", String, nullable=False),  # its number
    Column("classes", String, nullable=False),  # separated by a space
    Column("since", String, nullable=False),
    Column("until", String, nullable=False),
    Column("identity_fields", Integer, nullable=False),  # whether it speaks of who somebody is
    Column("recorded_at", String, nullable=False),
    Column("recorded_by", String, nullable=False),
    Column("ended_at", String),
    Column("ended_by", String),
    Column("ended_why", String),
    Index("platform_basis_of", "platform"),
)
platform_class = Table(  # a class that is switched off, or on again; without a row it is on where the basis has it
    "platform_class",
    metadata,
    Column("platform", String, ForeignKey("platform.id"), nullable=False),
    Column("data_class", String, nullable=False),
    Column("is_on", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    PrimaryKeyConstraint("platform", "data_class"),
)
platform_guard = Table(  # how a platform of GB/T 28181 armed one of our devices; without a row it is armed, and quiet
    "platform_guard",
    metadata,
    Column("platform", String, ForeignKey("platform.id"), nullable=False),
    Column("code", String, nullable=False),  # the device's, of twenty digits
    Column("is_armed", Integer, nullable=False),
    Column("is_alarming", Integer, nullable=False),
    PrimaryKeyConstraint("platform", "code"),
)
platform_dialog = Table(  # what such a platform subscribed to: the dialog goes on over a restart of ours
    "platform_dialog",
    metadata,
    Column("platform", String, ForeignKey("platform.id"), nullable=False),
    Column("subject", String, nullable=False),  # Alarm | Catalog
    Column("ends_at", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON: addresses, tags, what it wants to hear
    PrimaryKeyConstraint("platform", "subject"),
)
handover = Table(  # a record that a platform is owed, and what became of it
    "handover",
    metadata,
    Column("platform", String, nullable=False),
    Column("id", LargeBinary, nullable=False),  # the fact's, or of fact and line: the same over retries
    Column("complex", String, nullable=False),
    Column("device", String, nullable=False),
    Column("data_class", String, nullable=False),
    Column("number", Position, nullable=False),
    Column("urgent", Integer, nullable=False),
    Column("offered_at", String, nullable=False),
    # waiting | sent: no answer yet | accepted | refused | withheld | elsewhere: by the cell its complex came from
    Column("state", String, nullable=False),
    Column("reason", String),
    Column("attempts", Integer, nullable=False),
    Column("answered_at", String),
    Column("body", LargeBinary),  # the fact as JSON, without what the basis does not cover; gone once accepted
    Column("line", String),  # on which subscription it is owed; without one it is owed for itself
    Column("fact", LargeBinary),  # the fact's own id, where the row is of a line
    PrimaryKeyConstraint("platform", "id"),
    Index("handover_waits", "platform", "state", "urgent", "number"),
    Index("handover_newest", "platform", "number"),
    Index("handover_day", "platform", "offered_at"),
    Index("handover_lines", "platform", "state", "line", "offered_at"),
    Index("handover_fact", "fact"),
)
retrieval = Table(  # somebody asks for records that are kept: who, on which basis, who allowed it, what they took
    "retrieval",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, nullable=False),
    Column("applicant", String, nullable=False),
    Column("unit", String, nullable=False),
    Column("document", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("since", String, nullable=False),
    Column("until", String, nullable=False),
    Column("classes", String, nullable=False),
    Column("state", String, nullable=False),  # asked | approved | refused
    Column("asked_at", String, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("decided_at", String),
    Column("decided_by", String),  # never who asked
    Column("viewed_at", String),
    Column("viewed_by", String),
    Column("exported_at", String),
    Column("exported_by", String),
    Column("sha256", String),  # of the package that was taken
    Index("retrieval_asked", "asked_at"),
    Index("retrieval_here", "complex", "asked_at"),
)
