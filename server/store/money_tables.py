"""The tables of money: a ledger by complex, and what was asked, paid, given back, counted and taken to the bank.

A complex's journals are numbered by themselves, so that they travel with it. Nothing here holds a plate: a payment
names a session, and that its plate, for who may see it.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)

from server.store.tables import metadata


def _complex() -> Column[str]:
    return Column("complex", String, ForeignKey("complex.id"), nullable=False)


ledger_head = Table(  # the end of each complex's chain
    "ledger_head",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("hash", String, nullable=False),
)
journal = Table(  # append-only: a correction is another journal
    "journal",
    metadata,
    _complex(),
    Column("number", BigInteger, nullable=False),  # from 1, without a gap
    Column("source", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("source_id", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("booked_at", String, nullable=False),
    Column("business_day", String, nullable=False),
    Column("meant_day", String),  # the day it belongs to, where that was locked already
    Column("memo", String, nullable=False),
    Column("corrects", BigInteger),
    Column("prev_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    PrimaryKeyConstraint("complex", "number"),
    UniqueConstraint("complex", "source", "kind", "source_id"),
    Index("journal_day", "complex", "business_day"),
)
journal_line = Table(
    "journal_line",
    metadata,
    _complex(),
    Column("number", BigInteger, nullable=False),
    Column("place", Integer, nullable=False),
    Column("account", String, nullable=False),
    Column("fen", BigInteger, nullable=False),  # debit +, credit -
    PrimaryKeyConstraint("complex", "number", "place"),
    Index("journal_line_account", "complex", "account"),
)
ledger_balance = Table(  # a cache: sums of lines by day, which `ledger rebuild` makes anew and compares
    "ledger_balance",
    metadata,
    _complex(),
    Column("account", String, nullable=False),
    Column("business_day", String, nullable=False),
    Column("fen", BigInteger, nullable=False),
    PrimaryKeyConstraint("complex", "account", "business_day"),
)
ledger_day = Table(  # days that are locked: nothing is booked on them any more
    "ledger_day",
    metadata,
    _complex(),
    Column("day", String, nullable=False),
    Column("locked_at", String, nullable=False),
    Column("locked_by", String, nullable=False),
    Column("number", BigInteger, nullable=False),  # the chain as it was then
    Column("hash", String, nullable=False),
    PrimaryKeyConstraint("complex", "day"),
)
payment = Table(  # what somebody was asked for, and whether it came; our merchant order number names it
    "payment",
    metadata,
    _complex(),
    Column("out_trade_no", String, nullable=False),
    Column("channel", String, nullable=False),  # wechat | alipay | cash
    Column("kind", String, nullable=False),  # session | debt | pass | ev | merchant
    Column("session", String),  # hex
    Column("lane", String),
    Column("shift", String),  # of cash
    Column("amount_fen", BigInteger, nullable=False),
    Column("status", String, nullable=False),  # pending | paid | closed
    Column("asked_at", String, nullable=False),
    Column("quoted_at", String),  # the fee was reckoned up to this moment
    Column("paid_at", String),
    Column("provider_no", String),
    Column("receipt", Integer),  # numbered by complex, without a gap
    Column("gate_receipt", String),  # the number that a gateway gave, where a guard took it at the gate
    Column("code", String),  # by which its holder may check the receipt
    Column("by", String),  # the account that took it
    PrimaryKeyConstraint("complex", "out_trade_no"),
    Index("payment_code", "code", unique=True),
    Index("payment_session", "complex", "session"),
    Index("payment_paid", "complex", "paid_at"),
    Index("payment_receipt", "complex", "receipt"),
    Index("payment_shift", "complex", "shift"),
    Index("payment_asked", "complex", "asked_at"),
    Index("payment_pending", "status", "asked_at"),
)
refund = Table(
    "refund",
    metadata,
    _complex(),
    Column("out_refund_no", String, nullable=False),
    Column("out_trade_no", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("status", String, nullable=False),  # proposed | refused | processing | success | failed
    Column("reason", String, nullable=False),
    Column("proposed_at", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("approved_at", String),
    Column("approved_by", String),
    Column("done_at", String),
    Column("provider_no", String),
    PrimaryKeyConstraint("complex", "out_refund_no"),
    Index("refund_of", "complex", "out_trade_no"),
    Index("refund_number", "out_refund_no"),
)
cash_shift = Table(
    "cash_shift",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("lane", String),
    Column("person", String, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("opening_float_fen", BigInteger, nullable=False),
    Column("closed_at", String),
    Column("counted_fen", BigInteger),
    Column("expected_fen", BigInteger),  # what should have been counted, as it was closed
    Column("counts", String),  # by notes and coins: {"10000": 3, ...} as JSON
    Column("payouts_fen", BigInteger, nullable=False),
    Column("note", String),
    Column("signed_at", String),
    Column("signed_by", String),
    PrimaryKeyConstraint("complex", "id"),
    Index("cash_shift_opened", "complex", "opened_at"),
)
cash_deposit = Table(  # cash that was taken to the bank
    "cash_deposit",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("shift", String),
    Column("amount_fen", BigInteger, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("document", String, nullable=False),
    PrimaryKeyConstraint("complex", "id"),
)
session_act = Table(  # what was decided about a session's money: each is a journal, named by its id
    "session_act",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("session", String, nullable=False),
    Column("kind", String, nullable=False),  # debt | waive | write_off | discount
    Column("debit", String, nullable=False),
    Column("credit", String, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("approved_by", String),
    Column("reason", String),
    PrimaryKeyConstraint("complex", "id"),
    Index("session_act_session", "complex", "session"),
    Index("session_act_kind", "complex", "kind"),
)
session_proposal = Table(  # somebody would let a debt off: another person decides
    "session_proposal",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("session", String, nullable=False),
    Column("kind", String, nullable=False),  # waive | write_off
    Column("amount_fen", BigInteger, nullable=False),
    Column("reason", String, nullable=False),
    Column("proposed_at", String, nullable=False),
    Column("proposed_by", String, nullable=False),
    Column("decided_at", String),
    Column("decided_by", String),
    Column("decision", String),  # approved | refused
    PrimaryKeyConstraint("complex", "id"),
    Index("session_proposal_session", "complex", "session"),
)
reminder = Table(  # that somebody was asked for a debt, and how
    "reminder",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("session", String, nullable=False),
    Column("way", String, nullable=False),  # paper | phone | visit
    Column("at", String, nullable=False),
    Column("by", String, nullable=False),
    Column("owed_fen", BigInteger, nullable=False),
    PrimaryKeyConstraint("complex", "id"),
    Index("reminder_session", "complex", "session"),
)
lane_exit = Table(  # why a gateway let a car out, as it said; no plate: a session names its exit by lane and time
    "lane_exit",
    metadata,
    _complex(),
    Column("lane", String, nullable=False),
    Column("at", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("by", String),
    PrimaryKeyConstraint("complex", "lane", "at"),
)
pass_term = Table(  # what was paid for days of a pass: earned a day after another
    "pass_term",
    metadata,
    _complex(),
    Column("id", String, nullable=False),
    Column("vehicle_pass", String),  # none: it was sold by itself
    Column("out_trade_no", String, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("first_day", String, nullable=False),
    Column("last_day", String, nullable=False),
    Column("earned_through", String),  # the last day whose part is income
    PrimaryKeyConstraint("complex", "id"),
    Index("pass_term_unearned", "complex", "earned_through"),
)
