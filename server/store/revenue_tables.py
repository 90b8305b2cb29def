"""The tables of public revenue: entries, their steps and documents; and what a complex publishes of its money."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)

from server.store.tables import metadata


def _complex() -> Column[str]:
    return Column("complex", String, ForeignKey("complex.id"), nullable=False)


revenue_entry = Table(  # something that comes in or goes out, from its draft to its result
    "revenue_entry",
    metadata,
    _complex(),
    Column("number", Integer, nullable=False),  # from 1, by complex
    Column("side", String, nullable=False),  # income | spending
    Column("kind", String, nullable=False),  # domain.revenue.kinds
    Column("title", String, nullable=False),
    Column("planned_fen", BigInteger, nullable=False),
    Column("earmark", Integer),  # of spending: the income that it is spent from
    Column("state", String, nullable=False),
    Column("round", Integer, nullable=False),  # a refusal begins the next
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("actual_fen", BigInteger),  # once it is done
    Column("day", String),
    Column("journal", BigInteger),  # that booked it
    PrimaryKeyConstraint("complex", "number"),
    Index("revenue_entry_state", "complex", "state"),
)
revenue_step = Table(  # append-only
    "revenue_step",
    metadata,
    _complex(),
    Column("entry", Integer, nullable=False),
    Column("number", Integer, nullable=False),
    Column("action", String, nullable=False),
    Column("round", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("role", String, nullable=False),
    Column("note", String, nullable=False),
    Column("votes_for", Integer),
    Column("votes_against", Integer),
    PrimaryKeyConstraint("complex", "entry", "number"),
)
revenue_document = Table(
    "revenue_document",
    metadata,
    _complex(),
    Column("entry", Integer, nullable=False),
    Column("sha256", String, nullable=False),  # in ``media``
    Column("type", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("purpose", String, nullable=False),  # plan | meeting | voucher | result
    Column("title", String, nullable=False),
    Column("is_public", Integer, nullable=False),  # 1: somebody said that it holds nothing personal
    Column("added_at", String, nullable=False),
    Column("added_by", String, nullable=False),
    PrimaryKeyConstraint("complex", "entry", "sha256"),
    Index("revenue_document_of", "complex", "sha256"),
)
public_account = Table(  # what a complex says of its public account; none: it has none
    "public_account",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), primary_key=True),
    Column("is_open", Integer, nullable=False),
    Column("is_indexed", Integer, nullable=False),  # search engines may list it
    Column("shows_unpaid", Integer, nullable=False),  # masked plates of who left without paying
    *(Column(f"review_{number}", String, nullable=False) for number in (1, 2, 3)),  # roles
    Column("changed_at", String, nullable=False),
    Column("changed_by", String, nullable=False),
)
public_month = Table(  # figures as they were frozen; a correction is another version
    "public_month",
    metadata,
    _complex(),
    Column("month", String, nullable=False),  # 2026-11
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON, with nothing personal
    Column("hash", String, nullable=False),  # of the body
    Column("ledger_number", BigInteger, nullable=False),  # the chain as it was then
    Column("ledger_hash", String, nullable=False),
    Column("proposed_at", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("published_at", String),
    Column("published_by", String),
    PrimaryKeyConstraint("complex", "month", "version"),
)
