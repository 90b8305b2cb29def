"""The tables of coupons: who gives them, what each may give, what was given to which stay, what merchants owe for it.

Nothing here holds a plate: a coupon names the passage that its stay began with.
"""

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

from server.store.tables import metadata


def _words(*names: str) -> list[Column[str]]:
    return [Column(name, String, nullable=False) for name in names]


def _complex() -> Column[str]:
    return Column("complex", String, ForeignKey("complex.id"), nullable=False)


def _ended() -> list[Column[str]]:
    return [Column(name, String) for name in ("ended_at", "ended_by", "ended_why")]


coupon_issuer = Table(  # a shop, which pays for what it gives; or a household, for its visitors
    "coupon_issuer",
    metadata,
    _complex(),
    *_words("id"),
    Column("household", String, ForeignKey("household.id")),  # none: a shop
    *_words("name"),
    Column("digest", String, unique=True),  # of the token of a shop's page; a household has its visitors' link
    *_words("made_at", "made_by"),
    *_ended(),
    PrimaryKeyConstraint("complex", "id"),
    Index("coupon_issuer_household", "household"),
)
coupon_allotment = Table(  # so many of a kind of coupon a day and a month
    "coupon_allotment",
    metadata,
    _complex(),
    *_words("id", "issuer", "name", "kind"),  # minutes | fen | percent | full
    Column("amount", Integer, nullable=False),
    Column("per_day", Integer),  # none: as many as the month has
    Column("per_month", Integer, nullable=False),
    *_words("from_day"),
    Column("until_day", String),
    *_words("made_at", "made_by"),
    *_ended(),
    PrimaryKeyConstraint("complex", "id"),
    Index("coupon_allotment_issuer", "complex", "issuer"),
)
coupon = Table(  # one was given to a stay
    "coupon",
    metadata,
    _complex(),
    *_words("id", "issuer", "allotment"),
    Column("passage", LargeBinary, nullable=False),  # that began the stay: the coupon follows it
    Column("session", String),  # whose stay it is now, as the book of charges folds it; none: the passage was no car
    *_words("given_at", "given_by"),
    *(Column(name, String) for name in ("undone_at", "undone_by", "undone_why")),
    PrimaryKeyConstraint("complex", "id"),
    Index("coupon_passage", "complex", "passage"),
    Index("coupon_session", "complex", "session"),
    Index("coupon_given", "complex", "allotment", "given_at"),
)
merchant_bill = Table(  # what a shop owes for the coupons of a month: each is a journal
    "merchant_bill",
    metadata,
    _complex(),
    *_words("issuer", "month"),
    Column("amount_fen", BigInteger, nullable=False),
    *_words("made_at", "made_by"),
    Column("out_trade_no", String),  # of the payment that settled it
    PrimaryKeyConstraint("complex", "issuer", "month"),
)
