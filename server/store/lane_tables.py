"""Tables of the parking projection beside its passages: how a car was let through, and what charge points drew."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

# Openings by hand stand in lane_opening too (server/projections/parking.py), and both are needed: that has every one
# that a person made or tried, inwards also, for who opens how often and why; this has only how each exit came about,
# by the passage's own id, so that reconciliation finds exactly one reason for each car that left.
# By a passage's id where a car was read, else by that of the opening or the alarm. No plate: the passage has it.
lane_decision = Table(
    "lane_decision",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("kind", String, nullable=False),  # plate | by_hand | at_the_arm | tailgate
    Column("occurred_at", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("reason", String, nullable=False),  # the gateway's word; of a person, theirs, plates masked
    Column("by", String, nullable=False),
    PrimaryKeyConstraint("complex", "id"),
    Index("lane_decision_at", "complex", "occurred_at"),
)
# A record each of a start and of a stop, as charge points sent them: a stop may come twice, or before its start.
charging_record = Table(
    "charging_record",
    metadata,
    Column("complex", String, nullable=False),
    Column("id", LargeBinary, nullable=False),
    Column("device", String, nullable=False),
    Column("point", String, nullable=False),
    Column("state", String, nullable=False),  # started | stopped
    Column("occurred_at", String, nullable=False),
    Column("transaction", BigInteger),
    Column("meter_wh", BigInteger),
    PrimaryKeyConstraint("complex", "id"),
    Index("charging_record_at", "complex", "occurred_at"),
)
