"""The tables of retention and of subjects' rights: what was let go, what is held, whose data were erased."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table
from sqlalchemy.types import JSON

from server.store.tables import Position, metadata


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in names]


picture_use = Table(  # a projection: which batch names which picture; one that no batch names goes
    "picture_use",
    metadata,
    *_words("complex", "sha256"),
    Column("position", Position, nullable=False),
    PrimaryKeyConstraint("complex", "sha256", "position"),
    Index("picture_use_position", "position"),
)
unkept_object = Table(  # pictures whose last owner is gone and whose bytes are about to go
    "unkept_object",
    metadata,
    Column("sha256", String, primary_key=True),
)
expired_range = Table(  # sequences the centre let go when their term was over: neither lost nor asked for again
    "expired_range",
    metadata,
    *_words("gateway", "stream", "epoch"),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "first"),
)
expired_day = Table(  # how many records of each day lay in batches that are let go: received, for the comparison
    "expired_day",
    metadata,
    *_words("gateway", "stream", "epoch"),
    Column("day", Integer, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "day"),
)
expired = Table(  # what went, for people: on which day, of which class, what
    "expired",
    metadata,
    *_words("day", "class", "what"),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "class", "what"),
)
retention_cursor = Table(  # up to which position of a shard a class has been looked at
    "retention_cursor",
    metadata,
    *_words("class", "shard"),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("class", "shard"),
)
withheld = Table(  # batches in which something is due and held: looked at again in each round
    "withheld",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=False),
    *_words("shard"),
)
legal_hold = Table(
    "legal_hold",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    *_words("complex", "plate", "card", "person", "device"),  # "": no criterion
    Column("since", String),  # when what is held happened
    Column("until", String),
    *_words("reason", "document", "placed_by", "placed_at"),
    Column("ends_at", String),  # it is lifted by itself then
    Column("lifted_at", String),
    Column("lifted_by", String),
    Column("lifted_why", String),
)
erasure_salt = Table(
    "erasure_salt",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
)
erasure = Table(  # whose data were erased, by a keyed digest: so that nothing brings them back
    "erasure",
    metadata,
    Column("id", String, primary_key=True),
    *_words("kind", "complex", "key", "until", "reason", "document", "asked_by", "asked_at", "state"),
    Column("done_at", String),
    Column("report", JSON),  # counts only
)
erased_picture = Table(  # pictures that are not taken in again
    "erased_picture",
    metadata,
    Column("sha256", String, primary_key=True),
    *_words("erasure"),
)
correction = Table(  # what a person says of a record, beside it: the record stays as it was read
    "correction",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    *_words("complex", "origin", "field", "value", "reason", "made_by", "made_at"),
    Index("correction_origin", "origin"),
)
PICTURE_TABLES = (picture_use,)
