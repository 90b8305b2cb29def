"""The tables of channels: how a person wants to be told, their browsers, whose screen stands open, what was sent."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata


def _account(*, is_key: bool = False) -> Column[int]:
    return Column("account", Integer, ForeignKey("account.id"), primary_key=is_key, nullable=False)


person_channel = Table(  # a channel as somebody set it; who set none has those that need nothing of them
    "person_channel",
    metadata,
    _account(),
    Column("channel", String, nullable=False),  # of server.toml, or screen
    Column("rank", Integer, nullable=False),  # the lowest comes first
    Column("is_on", Integer, nullable=False),
    Column("least", String, nullable=False),  # nothing milder goes by it
    Column("address", String, nullable=False),  # a telephone, an address; "" where it needs none
    PrimaryKeyConstraint("account", "channel"),
)
person_notice = Table(  # when somebody sleeps, and in which language they are told
    "person_notice",
    metadata,
    _account(is_key=True),
    Column("quiet_from", String, nullable=False),  # 23:00; "" never
    Column("quiet_to", String, nullable=False),
    Column("lang", String, nullable=False),
    Column("tested_at", String),  # when they last sent something to themselves
)
browser = Table(  # that somebody is pushed to; it says itself where and with which keys
    "browser",
    metadata,
    Column("digest", String, primary_key=True),  # of the endpoint
    _account(),
    Column("endpoint", String, nullable=False),
    Column("p256dh", String, nullable=False),
    Column("auth", String, nullable=False),
    Column("name", String, nullable=False),
    Column("made_at", String, nullable=False),
    Index("browser_account", "account"),
)
open_screen = Table(  # whose page of ours stands open, said again every few seconds
    "open_screen",
    metadata,
    _account(is_key=True),
    Column("until", String, nullable=False),
)
duty_delivery = Table(  # a step on its way to somebody by one channel
    "duty_delivery",
    metadata,
    Column("incident", String, nullable=False),
    Column("number", Integer, nullable=False),  # of the step
    Column("channel", String, nullable=False),  # "" where it is held, or where there is none
    Column("complex", String, nullable=False),
    Column("person", String, nullable=False),  # the username; "" of a desk or a unit
    Column("desk", String, nullable=False),  # the level or the unit; "" of a person
    Column("severity", String, nullable=False),
    # asked | sent | failed | seen, held: for a summary, summed: told of in one, void: it was no longer to be sent
    Column("state", String, nullable=False),
    Column("at", String, nullable=False),  # when it came into its state
    Column("error", String),  # domain.delivery.Refusal, no_channel, quiet or cap
    Column("words", String),  # what the far end said
    Column("attempts", Integer, nullable=False),
    Column("is_push", Integer, nullable=False),  # it makes a sound: the cap counts it
    Column("again_at", String),  # of what is asked: when it is tried again; of what is held: looked at again
    Column("next_at", String),  # when the next channel is tried
    Column("carrier", String),  # of what is summed: the push that tells of it, as INCIDENT/NUMBER/CHANNEL
    PrimaryKeyConstraint("incident", "number", "channel"),
    Index("duty_delivery_again", "state", "again_at"),
    Index("duty_delivery_next", "next_at"),
    Index("duty_delivery_whom", "person", "desk", "at"),
    Index("duty_delivery_carrier", "carrier"),
)
