"""The tables of reconciliation: files given for a day, its reports, and items open until somebody closes them."""

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
from sqlalchemy.types import JSON

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
# What was given on the page for a day. Its bytes are here until the day is signed, or for a while: goods' names hold
# plates (server/store/upload_rows.py). Under ``none:CHANNEL`` stands the word that a channel has no bill that day.
bill_upload = Table(
    "bill_upload",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("day", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("name", String, nullable=False),
    Column("told", JSON, nullable=False),  # what it is: kind, channel, merchant, day, rows, sums
    Column("size_bytes", BigInteger, nullable=False),
    Column("body", LargeBinary),  # zlib
    Column("given_at", String, nullable=False),
    Column("given_by", String, nullable=False),
    Column("removed_at", String),
    Column("removed_by", String),
    PrimaryKeyConstraint("complex", "day", "sha256"),
    Index("bill_upload_given", "given_at"),
)
bill_setting = Table(  # of a complex: what its bank and its sheds call their columns, prices of charging, merchants
    "bill_setting",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("value", JSON, nullable=False),
    Column("set_at", String, nullable=False),
    Column("set_by", String, nullable=False),
    PrimaryKeyConstraint("complex", "name"),
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
    Column("though", JSON),  # why it was signed while gateways had not told everything, and which
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
    Column("act", String),  # domain.reconciliation.acts, where a person closed it on a page
    Column("journal", BigInteger),  # what that booked
    Column("acts", Integer, nullable=False, server_default="0"),  # how often: an act after an undone one is another
    PrimaryKeyConstraint("complex", "channel", "key"),
    Index("bill_item_open", "complex", "closed_at", "since"),
)
