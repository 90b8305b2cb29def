"""a ledger by complex; payments, refunds, shifts with their cash, deposits."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _number(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def upgrade() -> None:
    _ledger()
    _payments()
    _cash()


def _ledger() -> None:
    op.create_table(
        "ledger_head",
        *_text("complex"),
        *_number("number"),
        *_text("hash"),
        _complex(),
        sa.PrimaryKeyConstraint("complex"),
    )
    op.create_table(
        "journal",
        *_text("complex"),
        *_number("number"),
        *_text("source", "kind", "source_id", "occurred_at", "booked_at", "business_day"),
        *_text("meant_day", nullable=True),
        *_text("memo"),
        *_number("corrects", nullable=True),
        *_text("prev_hash", "hash"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "number"),
        sa.UniqueConstraint("complex", "source", "kind", "source_id"),
    )
    op.create_index("journal_day", "journal", ["complex", "business_day"])
    op.create_table(
        "journal_line",
        *_text("complex"),
        *_number("number"),
        sa.Column("place", sa.Integer(), nullable=False),
        *_text("account"),
        *_number("fen"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "number", "place"),
    )
    op.create_index("journal_line_account", "journal_line", ["complex", "account"])
    op.create_table(
        "ledger_balance",
        *_text("complex", "account", "business_day"),
        *_number("fen"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "account", "business_day"),
    )
    op.create_table(
        "ledger_day",
        *_text("complex", "day", "locked_at", "locked_by"),
        *_number("number"),
        *_text("hash"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "day"),
    )


def _payments() -> None:
    op.create_table(
        "payment",
        *_text("complex", "out_trade_no", "channel", "kind"),
        *_text("session", "lane", "shift", nullable=True),
        *_number("amount_fen"),
        *_text("status", "asked_at"),
        *_text("quoted_at", "paid_at", "provider_no", nullable=True),
        sa.Column("receipt", sa.Integer(), nullable=True),
        *_text("by", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "out_trade_no"),
    )
    op.create_index("payment_session", "payment", ["complex", "session"])
    op.create_index("payment_paid", "payment", ["complex", "paid_at"])
    op.create_index("payment_pending", "payment", ["status", "asked_at"])
    op.create_table(
        "refund",
        *_text("complex", "out_refund_no", "out_trade_no", "channel"),
        *_number("amount_fen"),
        *_text("status", "reason", "proposed_at", "proposed_by"),
        *_text("approved_at", "approved_by", "done_at", "provider_no", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "out_refund_no"),
    )
    op.create_index("refund_of", "refund", ["complex", "out_trade_no"])


def _cash() -> None:
    op.create_table(
        "cash_shift",
        *_text("complex", "id"),
        *_text("lane", nullable=True),
        *_text("person", "opened_at"),
        *_number("opening_float_fen"),
        *_text("closed_at", nullable=True),
        *_number("counted_fen", nullable=True),
        *_number("payouts_fen"),
        *_text("note", "signed_at", "signed_by", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("cash_shift_opened", "cash_shift", ["complex", "opened_at"])
    op.create_table(
        "cash_deposit",
        *_text("complex", "id"),
        *_text("shift", nullable=True),
        *_number("amount_fen"),
        *_text("at", "by", "document"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )


def downgrade() -> None:
    ledger = ("ledger_day", "ledger_balance", "journal_line", "journal", "ledger_head")
    for table in ("cash_deposit", "cash_shift", "refund", "payment", *ledger):
        op.drop_table(table)
