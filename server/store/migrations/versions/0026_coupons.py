"""coupons: who gives them, what was given to which stay, what merchants owe; what a charge has of them."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
_TABLES = ("coupon_issuer", "coupon_allotment", "coupon", "merchant_bill")


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def upgrade() -> None:
    _issuers()
    _coupons()
    change = sa.Column("discount_change_fen", sa.Integer(), nullable=False, server_default="0")
    op.add_column("charge", change)


def _issuers() -> None:
    op.create_table(
        "coupon_issuer",
        *_text("complex", "id"),
        *_text("household", nullable=True),
        *_text("name"),
        *_text("digest", nullable=True),
        *_text("made_at", "made_by"),
        *_text("ended_at", "ended_by", "ended_why", nullable=True),
        _complex(),
        sa.ForeignKeyConstraint(["household"], ["household.id"]),
        sa.PrimaryKeyConstraint("complex", "id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("coupon_issuer_household", "coupon_issuer", ["household"])
    op.create_table(
        "coupon_allotment",
        *_text("complex", "id", "issuer", "name", "kind"),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("per_day", sa.Integer()),
        sa.Column("per_month", sa.Integer(), nullable=False),
        *_text("from_day"),
        *_text("until_day", nullable=True),
        *_text("made_at", "made_by"),
        *_text("ended_at", "ended_by", "ended_why", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("coupon_allotment_issuer", "coupon_allotment", ["complex", "issuer"])


def _coupons() -> None:
    op.create_table(
        "coupon",
        *_text("complex", "id", "issuer", "allotment"),
        sa.Column("passage", sa.LargeBinary(), nullable=False),
        *_text("session", nullable=True),
        *_text("given_at", "given_by"),
        *_text("undone_at", "undone_by", "undone_why", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("coupon_passage", "coupon", ["complex", "passage"])
    op.create_index("coupon_session", "coupon", ["complex", "session"])
    op.create_index("coupon_given", "coupon", ["complex", "allotment", "given_at"])
    op.create_table(
        "merchant_bill",
        *_text("complex", "issuer", "month"),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        *_text("made_at", "made_by"),
        *_text("out_trade_no", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "issuer", "month"),
    )


def downgrade() -> None:
    op.drop_column("charge", "discount_change_fen")
    for table in reversed(_TABLES):
        op.drop_table(table)
