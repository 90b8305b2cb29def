"""Tables beside payments: what was asked of a provider, codes to pay by, what providers told, their bills, and who
stands at a lane just now."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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


def _complex() -> Column[str]:
    return Column("complex", String, ForeignKey("complex.id"), nullable=False)


payment_order = Table(  # beside a payment: how it was asked for, and how far everybody has been told
    "payment_order",
    metadata,
    _complex(),
    Column("out_trade_no", String, nullable=False),
    Column("merchant", String, nullable=False),
    Column("way", String, nullable=False),  # code | page | inside
    Column("address", String, nullable=False),  # of who asked, for the provider alone; blank once it is over
    Column("url", String),  # where the payer goes
    Column("call", JSON),  # what the provider's own browser is asked to do
    Column("expires_at", String, nullable=False),
    Column("checks", Integer, nullable=False),  # how often the provider was asked
    Column("check_at", String),  # when it is asked next; none: no more
    Column("told", String),  # the order by which a gateway hears of it
    Column("tells", Integer, nullable=False),
    Column("tell_at", String),  # when the gateway is looked after next; none: it knows, or need not
    PrimaryKeyConstraint("complex", "out_trade_no"),
    Index("payment_order_named", "out_trade_no"),
    Index("payment_order_check", "check_at"),
    Index("payment_order_tell", "tell_at"),
)
pay_code = Table(  # in the address of a page that pays: of a complex, or of one of its lanes
    "pay_code",
    metadata,
    _complex(),
    Column("code", String, nullable=False),
    Column("lane", String, nullable=False),  # "": the whole complex
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("ended_at", String),
    PrimaryKeyConstraint("complex", "code"),
    Index("pay_code_named", "code", unique=True),
)
provider_notice = Table(  # what a provider told and we took, each once
    "provider_notice",
    metadata,
    _complex(),
    Column("channel", String, nullable=False),
    Column("id", String, nullable=False),  # the provider's own
    Column("out_trade_no", String, nullable=False),
    Column("kind", String, nullable=False),  # payment | refund
    Column("received_at", String, nullable=False),
    PrimaryKeyConstraint("complex", "channel", "id"),
)
provider_bill = Table(  # a changed bill is another row, never another content
    "provider_bill",
    metadata,
    Column("channel", String, nullable=False),
    Column("merchant", String, nullable=False),
    Column("day", String, nullable=False),
    Column("kind", String, nullable=False),  # trade | fund
    Column("sha256", String, nullable=False),  # of nothing: there was no trade that day
    Column("name", String, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("checked", String, nullable=False),  # which text the provider's hash was of
    Column("fetched_at", String, nullable=False),
    Column("taken_at", String),  # as a file of its day; none: it waits for that
    Column("refused", String),  # why it is none of its day's files
    PrimaryKeyConstraint("channel", "merchant", "day", "kind", "sha256"),
)
lane_car = Table(  # the last read of a lane that its gateway decides; a plate only while it is asked to pay
    "lane_car",
    metadata,
    Column("complex", String, nullable=False),
    Column("lane", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("direction", String, nullable=False),
    Column("plate", String, nullable=False),
    Column("at", String, nullable=False),
    PrimaryKeyConstraint("complex", "lane"),
)
