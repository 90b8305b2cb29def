"""Tables of parking beside its passages and stays: what people say of passages, doubts, openings by hand, how far."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, UniqueConstraint
from sqlalchemy.types import JSON

from server.store.tables import Position, metadata

# What people said of passages: written by them, not derived, so no rebuild touches it. Append-only.
passage_correction = Table(
    "passage_correction",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),  # the screen's own key: a tap sent twice is one correction
    Column("passage", LargeBinary, nullable=False),
    Column("what", String, nullable=False),  # domain.corrections.WHATS
    Column("plate", String),
    Column("plate_color", String),
    Column("direction", String),
    Column("time", String),
    Column("undoes", String),  # the id of another
    Column("reason", String, nullable=False),
    Column("by", String, nullable=False),  # a person's name, or automatic
    Column("at", String, nullable=False),
    Column("why", JSON),  # of an automatic one: what was read, what it was taken for, how far apart
    UniqueConstraint("complex", "id"),
    Index("passage_correction_passage", "complex", "passage"),
    Index("passage_correction_by", "complex", "at"),
)
# --- the parking projection ---
doubt = Table(  # of passages only what is open; an alarm that was looked at stays, settled
    "doubt",
    metadata,
    Column("complex", String, nullable=False),
    Column("passage", LargeBinary, nullable=False),  # or an alarm's or a barrier's event
    Column("kind", String, nullable=False),  # domain.doubts.KINDS
    Column("plate", String, nullable=False),
    Column("plate_color", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("picture", String),
    Column("session", String),
    Column("settled", Integer, nullable=False),
    PrimaryKeyConstraint("complex", "passage", "kind"),
    Index("doubt_session", "complex", "session"),
    Index("doubt_oldest", "complex", "settled", "occurred_at"),
)
lane_opening = Table(  # openings that a person made: from afar with a reason, or at the arm with none
    "lane_opening",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("by", String, nullable=False),  # "" where nobody knows
    Column("reason", String, nullable=False),
    Column("done", Integer, nullable=False),  # 0: it could not be sent
    PrimaryKeyConstraint("complex", "id"),
    Index("lane_opening_recent", "complex", "occurred_at"),
)
lane_watermark = Table(  # up to which moment, by its own clock, a gateway has told of its lanes
    "lane_watermark",
    metadata,
    Column("complex", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("told_until", String, nullable=False),
    PrimaryKeyConstraint("complex", "gateway"),
)
