"""The tables of reconciliation: files that were read, a day's reports, and items open until somebody closes them."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

# A file is known by its hash. Its bytes are not kept: goods' names hold plates, and the provider keeps it for months.
bill_file = Table(
    "bill_file",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("day", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("name", String, nullable=False),
    Column("read_at", String, nullable=False),
    Column("read_by", String, nullable=False),
    PrimaryKeyConstraint("complex", "day", "sha256"),
)
# Append-only: a bill that has changed makes the next version, and a version that is signed stays as it was signed.
bill_report = Table(
    "bill_report",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("day", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("hash", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # the report in JSON, plates masked
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("signed_at", String),
    Column("signed_by", String),
    PrimaryKeyConstraint("complex", "day", "version"),
)
bill_item = Table(
    "bill_item",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("channel", String, nullable=False),
    Column("key", String, nullable=False),
    Column("since", String, nullable=False),  # the day it was first found
    Column("day", String, nullable=False),  # the last day that told of it
    Column("class", String, nullable=False),
    Column("bill_fen", BigInteger),
    Column("local_fen", BigInteger),
    Column("action", String, nullable=False),
    Column("note", String, nullable=False),
    Column("closed_at", String),
    Column("closed_by", String),
    Column("closing", String),  # a later bill, or how a person closed it
    Column("document", String),  # the journal or paper that it rests on
    PrimaryKeyConstraint("complex", "channel", "key"),
    Index("bill_item_open", "complex", "closed_at", "since"),
)
