"""The tables of tariffs: versions of a complex's tariff, and places that passes share."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table, Text

from server.store.tables import metadata


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in names]


def _complex() -> Column[str]:
    return Column("complex", String, ForeignKey("complex.id"), nullable=False)


# Append-only: what was proposed is never written again; a change is the next number.
tariff_version = Table(
    "tariff_version",
    metadata,
    _complex(),
    Column("number", Integer, nullable=False),  # from 1
    *_words("state"),  # draft | proposed | published | withdrawn
    Column("words", Text, nullable=False),  # of the notice that people read
    Column("body", Text, nullable=False),  # the plans, YAML as it was written
    *_words("default_class", "change"),  # entry | split
    Column("since", String),  # from when on; none: from its publication
    *_words("made_at", "made_by", "changed_at", "changed_by"),
    Column("proposed_at", String),
    Column("proposed_by", String),
    Column("published_at", String),
    Column("published_by", String),
    Column("withdrawn_at", String),
    Column("withdrawn_by", String),
    Column("reason", String),  # why it was sent back or withdrawn
    PrimaryKeyConstraint("complex", "number"),
)
pass_place = Table(  # places that the plates of several passes share: the first so many cars inside use them
    "pass_place",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("household", String, ForeignKey("household.id"), nullable=False),
    *_words("name"),
    Column("places", Integer, nullable=False),
    *_words("beyond"),  # stop | keep: whether a car beyond them is billed until one is free, or until it leaves
    Column("ended_at", String),
    Column("ended_by", String),
    *_words("made_at", "made_by"),
    PrimaryKeyConstraint("complex", "id"),
    Index("pass_place_household", "household"),
)
