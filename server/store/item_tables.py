"""The tables of items (需求、服务、任务): the record, what was done to it by whom, its pictures; codes at places."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

item = Table(  # what it says beside ``state`` is told from that, to be looked for
    "item",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, nullable=False),
    Column("list", String, nullable=False),  # need | service | task
    Column("origin", String, nullable=False),  # report | call | alert | work
    Column("category", String, nullable=False),
    Column("status", String, nullable=False),
    Column("place", String, nullable=False),
    Column("unit", String, nullable=False),  # a level, or a unit's name; "" until it is sent
    Column("doer", String, nullable=False),
    Column("asked_at", String, nullable=False),
    Column("due_at", String, nullable=False),
    Column("done_at", String),
    Column("over_at", String),
    Column("stars", Integer),
    Column("alert", String),
    Column("snap", String),  # by the code of which place it was reported
    Column("code", String),  # digest of the reporter's own: who works on it must not have it
    Column("phone", String),  # of the reporter, where they gave one
    Column("state", LargeBinary, nullable=False),  # domain.items.item.Item as JSON
    Column("blanked_at", String),  # when its words and pictures went
    Column("updated_at", String, nullable=False),
    Index("item_here", "complex", "list", "asked_at"),
    Index("item_newest", "asked_at"),
    Index("item_code", "code", unique=True),
    Index("item_alert", "alert"),
    Index("item_over", "over_at"),
    Index("item_snap", "snap", "asked_at"),
)
item_act = Table(  # every act with who and when, in order
    "item_act",
    metadata,
    Column("item", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("complex", String, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("role", String, nullable=False),
    Column("what", String, nullable=False),
    Column("unit", String, nullable=False),  # whom it was sent or handed to
    Column("words", String, nullable=False),
    PrimaryKeyConstraint("item", "number"),
)
item_picture = Table(  # which pictures an item holds in ``media``
    "item_picture",
    metadata,
    Column("item", String, nullable=False),
    Column("sha256", String, nullable=False),
    Column("complex", String, nullable=False),
    Column("purpose", String, nullable=False),  # asked | done
    PrimaryKeyConstraint("item", "sha256"),
    Index("item_picture_here", "complex", "sha256"),
)
snap_place = Table(  # in the address of the page where residents report; printed, so no secret
    "snap_place",
    metadata,
    Column("complex", String, nullable=False),
    Column("token", String, nullable=False),
    Column("place", String, nullable=False),  # "": the whole complex
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("ended_at", String),
    PrimaryKeyConstraint("complex", "token"),
    Index("snap_place_token", "token", unique=True),
)
