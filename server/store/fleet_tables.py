"""The tables of the fleet: how each gateway is, how it was, its tags, and wishes that are rolled out in stages."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
)
from sqlalchemy.types import JSON

from server.store.tables import Position, metadata

_HELLO = (("lag", BigInteger), ("disk_free", Float), ("clock_ms", Float), ("devices_down", Integer))

gateway_health = Table(  # what the last hello came to, so that a page over all of them reads one narrow row each
    "gateway_health",
    metadata,
    Column("gateway", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("version", String, nullable=False),
    *(Column(name, kind) for name, kind in _HELLO),  # none: it did not say
    Column("clock_ok", Integer),
    Column("dropped", BigInteger),  # messages of devices that flooded, since the agent started
    Column("dropped_day", BigInteger),
    Column("events_day", BigInteger),  # of the last twenty-four hours
    Column("events_mean", BigInteger),  # a day, of its last week
    Column("returned", String),  # why it runs an earlier version again
    Column("counted_since", String),  # from when on gateway_online knows of it; none: it has not said hello since
    Column("devices", Integer),  # how many it listed
    Column("trouble", Integer, nullable=False),  # 0 fine, 1 to be looked at, 2 bad; silence is counted by the reader
)
gateway_past = Table(  # a hello each half hour, for a week: a place is used again after that, so it is bounded
    "gateway_past",
    metadata,
    Column("gateway", String, nullable=False),
    Column("place", Integer, nullable=False),
    Column("at", String, nullable=False),
    Column("version", String, nullable=False),
    *(Column(name, kind) for name, kind in _HELLO),
    Column("head", BigInteger, nullable=False),  # events it ever made, over its streams
    Column("dropped", BigInteger),
    PrimaryKeyConstraint("gateway", "place"),
)
gateway_online = Table(  # a day of UTC, for 400 days: a place is used again after that, so it is bounded
    "gateway_online",
    metadata,
    Column("gateway", String, nullable=False),
    Column("place", Integer, nullable=False),
    Column("day", String, nullable=False),
    Column("hours", JSON, nullable=False),  # hour -> seconds: it was heard, its devices known of, they were online
    PrimaryKeyConstraint("gateway", "place"),
    Index("gateway_online_day", "day"),
)
gateway_tag = Table(
    "gateway_tag",
    metadata,
    Column("gateway", String, ForeignKey("gateway.id"), nullable=False),
    Column("tag", String, nullable=False),
    PrimaryKeyConstraint("gateway", "tag"),
    Index("gateway_tag_tag", "tag"),
)
gateway_found = Table(  # devices that its gateway found and nobody listed: all it told last, and nothing older
    "gateway_found",
    metadata,
    Column("gateway", String, ForeignKey("gateway.id"), nullable=False),
    Column("device", String, nullable=False),  # as a device list would name it
    # address: as the list wants it; host: where it was seen; by: the ways it was found by, with commas between
    *(Column(name, String, nullable=False) for name in ("address", "host", "name", "model", "by")),
    Column("exact", Integer, nullable=False),  # 0: the id is a proposal
    Column("page", String, nullable=False),  # of the documents
    Column("seen_at", String, nullable=False),
    PrimaryKeyConstraint("gateway", "device"),
)
rollout = Table(  # one document for many complexes, stage by stage
    "rollout",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON
    Column("state", String, nullable=False),  # running | stopped | done | aborted | back
    Column("stage", Integer, nullable=False),  # from 0
    Column("stage_since", String, nullable=False),
    Column("health_s", Integer, nullable=False),  # so long a stage must hold before the next
    Column("silent_s", Integer, nullable=False),  # so long without a sign is a failure
    Column("most_failed", Integer, nullable=False),  # above it the rollout stops by itself
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("reason", String),  # why it stopped
    Index("rollout_made", "made_at"),
)
rollout_target = Table(
    "rollout_target",
    metadata,
    Column("rollout", String, ForeignKey("rollout.id"), nullable=False),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("stage", Integer, nullable=False),
    Column("version_before", Integer),  # of the document; none: there was none
    Column("version", Integer),  # as it was published; none: not yet
    Column("put_at", String),
    Column("done_at", String),
    Column("state", String, nullable=False),  # waiting | put | away | done | failed | back | kept
    Column("reason", String),
    PrimaryKeyConstraint("rollout", "complex"),
)
rollout_step = Table(  # who did what with it, and when
    "rollout_step",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("rollout", String, ForeignKey("rollout.id"), nullable=False),
    Column("at", String, nullable=False),
    Column("who", String, nullable=False),
    Column("what", String, nullable=False),  # made | stage | stopped | resumed | aborted | back | done
    Column("note", String, nullable=False),
    Index("rollout_step_rollout", "rollout", "number"),
    sqlite_autoincrement=True,
)
