"""The tables of our own view library: who is registered, answers used up, what libraries above subscribed to."""

from __future__ import annotations

from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

viid_session = Table(
    "viid_session",
    metadata,
    Column("peer", String, primary_key=True),  # its code of twenty digits
    Column("since", String, nullable=False),
    Column("heard_at", String, nullable=False),
    Column("address", String, nullable=False),  # it goes on only from where it registered
)
viid_nonce = Table(  # only those that a right password came with: what was shown once opens nothing again
    "viid_nonce",
    metadata,
    Column("nonce", String, primary_key=True),
    Column("until", String, nullable=False),
)
viid_subscription = Table(
    "viid_subscription",
    metadata,
    Column("peer", String, nullable=False),
    Column("id", String, nullable=False),  # 33 digits, the peer's own
    Column("begins_at", String, nullable=False),
    Column("ends_at", String, nullable=False),
    Column("interval_s", Integer, nullable=False),
    Column("body", String, nullable=False),  # domain.viid.subscriptions.Subscription as JSON
    Column("made_at", String, nullable=False),
    Column("cancelled_at", String),
    Column("cancelled_why", String),
    Column("reported_at", String),  # when the report began that is under way, or was the last
    Column("told", String),  # a digest of the directory that was last told of it
    PrimaryKeyConstraint("peer", "id"),
)
