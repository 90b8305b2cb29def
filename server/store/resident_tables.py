"""The tables of residents: households and their people, what opens for them, visitors' links, groups and schedules."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import JSON

from server.store.tables import metadata


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in names]


def _complex() -> Column[str]:
    return Column("complex", String, ForeignKey("complex.id"), nullable=False)


def _of_a_list() -> list[Column[Any]]:
    """What an entry of a document has: since which version it stands there as it is now, and who made it."""
    return [Column("version", Integer), *_words("made_at", "made_by")]


household = Table(
    "household",
    metadata,
    Column("id", String, primary_key=True),
    _complex(),
    *_words("building", "unit", "room", "name"),  # "": none
    Column("phone", String),
    *_words("made_at", "made_by"),
    UniqueConstraint("complex", "building", "unit", "room"),
)
resident = Table(
    "resident",
    metadata,
    Column("id", String, primary_key=True),
    _complex(),
    Column("household", String, ForeignKey("household.id"), nullable=False),
    *_words("name"),
    Column("phone", String),
    *_words("made_at", "made_by"),
    Index("resident_household", "household"),
)
visitor_link = Table(  # by which a household makes visitors' passes; its token is kept as a digest
    "visitor_link",
    metadata,
    Column("id", String, primary_key=True),
    _complex(),
    Column("household", String, ForeignKey("household.id"), nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("groups", JSON, nullable=False),  # what its passes open; none: every door
    *_words("expires_at"),
    Column("ended_at", String),
    *_words("made_at", "made_by"),
    Index("visitor_link_household", "household"),
)
credential = Table(  # an entry of the document "credentials"; its id is the entry's
    "credential",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("household", String, ForeignKey("household.id"), nullable=False),
    Column("resident", String),  # whose of the household; none: nobody said
    *_words("kind"),  # card | pin | qr | token
    Column("number", String),  # of a card, as it was typed or read
    Column("canonical", String),  # the same as it is compared
    Column("digest", String),  # of what is no card
    Column("duress_digest", String),
    Column("link", String, ForeignKey("visitor_link.id")),  # of a visitor's code: by which link it was made,
    Column("pass_digest", String, unique=True),  # and under which token its page is found
    Column("doors", JSON, nullable=False),
    Column("groups", JSON, nullable=False),
    *_words("schedule", "holder", "name"),  # "": none
    Column("from_day", String),
    *_words("until_day"),
    *(Column(name, Integer, nullable=False) for name in ("first_card", "passes_lock_down")),
    Column("from_at", String),  # moments within its days
    Column("until_at", String),
    Column("used_at", String),  # of a code that opens once,
    Column("used_where", String),  # at which door,
    Column("used_by", String),  # and which gateway let it in
    Column("revoked_at", String),
    Column("revoked_by", String),
    *_of_a_list(),
    PrimaryKeyConstraint("complex", "id"),
    Index("credential_canonical", "complex", "canonical"),
    Index("credential_household", "household"),
)
vehicle_pass = Table(  # an entry of the document "passes"
    "vehicle_pass",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("household", String, ForeignKey("household.id"), nullable=False),
    *_words("plate", "canonical", "name", "until_day"),
    Column("from_day", String),  # none: since it was made
    Column("place", String),  # of pass_place, which it shares with others; none: its own
    Column("night_from", String),  # only from this hour to that, every night
    Column("night_to", String),
    Column("ended_at", String),
    Column("ended_by", String),
    Column("priced_terms", String),  # what of it the book of charges goes by: server/books/repricing.py
    *_of_a_list(),
    PrimaryKeyConstraint("complex", "id"),
    Index("vehicle_pass_canonical", "complex", "canonical"),
    Index("vehicle_pass_household", "household"),
)
access_group = Table(  # of the document "doors", as are schedules and holidays
    "access_group",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("doors", JSON, nullable=False),
    *_words("schedule"),  # "": always
    PrimaryKeyConstraint("complex", "id"),
)
access_schedule = Table(
    "access_schedule",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("hours", JSON, nullable=False),  # day of the week, or holiday -> hours
    PrimaryKeyConstraint("complex", "id"),
)
access_holiday = Table(
    "access_holiday",
    metadata,
    _complex(),
    *_words("day"),
    PrimaryKeyConstraint("complex", "day"),
)
access_list = Table(  # which versions of a complex's documents the rows here agree with; others wrote what is newer
    "access_list",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), primary_key=True),
    *_words("salt"),  # of the digests, in hex
    *(Column(name, Integer, nullable=False) for name in ("credentials", "doors", "passes")),
)
code_use = Table(  # codes that a gateway let in, until the list of the others says so
    "code_use",
    metadata,
    *_words("complex", "entry", "at", "place", "gateway"),
    PrimaryKeyConstraint("complex", "entry"),
)
swipe_wait = Table(  # a reader at which somebody waits for a card to enrol: its next unknown swipe is no alert
    "swipe_wait",
    metadata,
    *_words("complex", "device", "point", "since", "until"),
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    PrimaryKeyConstraint("complex", "device", "point"),
)
resident_import = Table(  # a workbook that was read and shown to who sent it, and waits for their word
    "resident_import",
    metadata,
    Column("account", Integer, ForeignKey("account.id"), primary_key=True),
    *_words("complex", "made_at"),
    Column("rows", LargeBinary, nullable=False),  # what was read, as JSON
)
