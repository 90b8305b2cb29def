"""The tables of watch lists: orders and entries, whose words lie sealed, their hits, and whom of them was told."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

watch_entry = Table(
    "watch_entry",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),
    Column("disposition", String, nullable=False),  # the order that it is of, as its sender calls it
    Column("sender_kind", String, nullable=False),  # account | platform
    Column("sender", String, nullable=False),
    Column("sealed", LargeBinary),  # plate, unit, document, purpose, by the data folder's key; gone once it has ended
    Column("begins_at", String, nullable=False),
    Column("ends_at", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("withdrawn_at", String),
    Column("withdrawn_by", String),
    Column("closed_at", String),  # its words are gone, and no gateway is given it any more
    PrimaryKeyConstraint("complex", "id"),
    Index("watch_entry_open", "closed_at", "complex"),
    Index("watch_entry_order", "sender_kind", "sender", "disposition"),
)
watch_hit = Table(
    "watch_hit",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),  # of the fact
    Column("entry", String, nullable=False),
    Column("how", String, nullable=False),  # exact | doubtful
    Column("at", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("time_quality", String, nullable=False),
    Column("device", String, nullable=False),
    Column("lane", String),
    Column("place", String),
    Column("direction", String),
    Column("differs", String),  # the sign that was read instead of another, domain.watch.matching.Found
    Column("confidence", Float),
    Column("passage", LargeBinary),  # whose reading it was, among the passages
    Column("label", String),  # what a library below us saw, where it is no passage,
    Column("picture", String),  # and the picture that came with it
    PrimaryKeyConstraint("complex", "id"),
    Index("watch_hit_entry", "complex", "entry", "at"),
)
watch_told = Table(  # whom a hit is for; nobody else sees it
    "watch_told",
    metadata,
    Column("complex", String, nullable=False),
    Column("hit", String, nullable=False),
    Column("account", String, nullable=False),
    Column("at", String, nullable=False),
    Column("seen_at", String),
    Column("sent_at", String),
    Column("attempts", Integer, nullable=False),
    PrimaryKeyConstraint("complex", "hit", "account"),
    Index("watch_told_account", "account", "at"),
    Index("watch_told_unsent", "sent_at", "attempts"),
)
watch_order = Table(  # what a platform ordered (a Disposition), and what became of it
    "watch_order",
    metadata,
    Column("platform", String, nullable=False),
    Column("disposition", String, nullable=False),
    Column("state", String, nullable=False),  # placed | refused | ended
    Column("at", String, nullable=False),  # when it was last said
    Column("sealed", LargeBinary),  # where hits of it go; of a refused one all that it said; gone with its entries
    Column("why", String),  # it was refused
    Column("times", Integer, nullable=False),  # it was said
    PrimaryKeyConstraint("platform", "disposition"),
)
watch_owed = Table(  # a hit that the platform which placed its order is owed
    "watch_owed",
    metadata,
    Column("platform", String, nullable=False),
    Column("complex", String, nullable=False),
    Column("hit", String, nullable=False),
    Column("entry", String, nullable=False),
    Column("disposition", String, nullable=False),
    Column("state", String, nullable=False),  # waiting | sent: no answer yet | accepted | refused | dropped
    Column("at", String, nullable=False),
    Column("due_at", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("reason", String),
    Column("answered_at", String),
    PrimaryKeyConstraint("platform", "complex", "hit"),
    Index("watch_owed_waits", "platform", "state", "due_at"),
)
TABLES = frozenset({"watch_entry", "watch_hit", "watch_told", "watch_order", "watch_owed"})
