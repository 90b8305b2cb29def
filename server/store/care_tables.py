"""The tables of care: households that asked to be looked after, and the visits that came of it."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

care_watch = Table(  # of movements the time of the latest is kept, and nothing else
    "care_watch",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),
    Column("household", String, nullable=False),
    Column("consent_by", String, nullable=False),  # who of the family agreed
    Column("consented_at", String, nullable=False),
    Column("until", String, nullable=False),
    Column("hours", Integer, nullable=False),  # domain.care.watch.Terms
    Column("quiet_from", String, nullable=False),
    Column("quiet_to", String, nullable=False),
    Column("device", String, nullable=False),  # its own door; "": by its cards
    Column("point", String, nullable=False),
    Column("digest", String, nullable=False, unique=True),  # of the family's link
    Column("counts_from", String, nullable=False),
    Column("moved_at", String),
    Column("heard_at", String),
    Column("off_at", String),  # the family switched it off
    Column("ended_at", String),
    Column("ended_by", String),  # family | a person's name | "": its term
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    PrimaryKeyConstraint("complex", "id"),
    Index("care_watch_active", "ended_at", "complex"),
)
care_task = Table(  # somebody is to look: what came of it, in words
    "care_task",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),
    Column("watch", String, nullable=False),
    Column("since", String, nullable=False),  # nothing moved from then
    Column("due_at", String, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("alert", String, nullable=False),  # by which people are told
    Column("said_at", String),  # the log has it
    Column("result", String),  # well | helped | away | hospital | nobody | other
    Column("words", String),
    Column("done_at", String),
    Column("done_by", String),
    PrimaryKeyConstraint("complex", "id"),
    Index("care_task_open", "done_at", "complex"),
    Index("care_task_watch", "complex", "watch", "opened_at"),
)
