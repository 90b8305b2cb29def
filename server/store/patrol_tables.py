"""The tables of rounds: checkpoints with their codes, routes version by version, and what people did on a round."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

patrol_point = Table(  # a checkpoint; one that was taken down keeps its name for the rounds that went by it
    "patrol_point",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),
    Column("name", String, nullable=False),
    Column("code", String, nullable=False, unique=True),  # on its label: domain.rounds.codes
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("ended_at", String),
    Column("ended_by", String),
    PrimaryKeyConstraint("complex", "id"),
)
patrol_route = Table(  # append-only: what is changed is a higher version
    "patrol_route",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # domain.rounds.plan.Route as JSON
    Column("made_at", String, nullable=False),  # from then on it counts
    Column("made_by", String, nullable=False),
    PrimaryKeyConstraint("complex", "id", "version"),
)
patrol_act = Table(  # append-only: what a phone told, once by its key
    "patrol_act",
    metadata,
    Column("complex", String, nullable=False),
    Column("key", String, nullable=False),
    Column("round", String, nullable=False),
    Column("route", String, nullable=False),
    Column("kind", String, nullable=False),  # begin | read | end
    Column("due_at", String),  # the planned round it is for; none: an extra one
    Column("point", String, nullable=False),  # "": of no checkpoint
    Column("reason", String, nullable=False),  # of an early end
    Column("at", String, nullable=False),  # by the centre's clock: domain.rounds.phone_time
    Column("is_sure", Integer, nullable=False),
    Column("phone_at", String, nullable=False),  # as the phone said
    Column("received_at", String, nullable=False),
    Column("by", String, nullable=False),
    PrimaryKeyConstraint("complex", "key"),
    Index("patrol_act_round", "complex", "round"),
    Index("patrol_act_when", "complex", "at"),
)
