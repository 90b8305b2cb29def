"""orders of providers, codes to pay by, notices, bills, and who stands at a lane."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def upgrade() -> None:
    _orders()
    op.create_table(
        "pay_code",
        *_text("complex", "code", "lane", "made_at", "made_by"),
        *_text("ended_at", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "code"),
    )
    op.create_index("pay_code_named", "pay_code", ["code"], unique=True)
    op.create_table(
        "provider_notice",
        *_text("complex", "channel", "id", "out_trade_no", "kind", "received_at"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "channel", "id"),
    )
    op.create_table(
        "provider_bill",
        *_text("channel", "merchant", "day", "kind", "sha256", "name"),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        *_text("checked", "fetched_at"),
        sa.PrimaryKeyConstraint("channel", "merchant", "day", "kind", "sha256"),
    )
    op.create_table(
        "lane_car",
        *_text("complex", "lane", "gateway", "direction", "plate", "at"),
        sa.PrimaryKeyConstraint("complex", "lane"),
    )


def _orders() -> None:
    op.create_table(
        "payment_order",
        *_text("complex", "out_trade_no", "merchant", "way", "address"),
        *_text("url", nullable=True),
        sa.Column("call", sa.JSON(), nullable=True),
        *_text("expires_at"),
        sa.Column("checks", sa.Integer(), nullable=False),
        *_text("check_at", "told", nullable=True),
        sa.Column("tells", sa.Integer(), nullable=False),
        *_text("tell_at", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "out_trade_no"),
    )
    op.create_index("payment_order_named", "payment_order", ["out_trade_no"])
    op.create_index("payment_order_check", "payment_order", ["check_at"])
    op.create_index("payment_order_tell", "payment_order", ["tell_at"])


def downgrade() -> None:
    for name in ("lane_car", "provider_bill", "provider_notice", "pay_code", "payment_order"):
        op.drop_table(name)
