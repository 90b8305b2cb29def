"""desired state, what gateways made of it, orders and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _desired()
    _orders()


def _desired() -> None:
    op.create_table(
        "desired_state",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("made_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("complex", "kind", "version"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "gateway_applied",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("applied_at", sa.String(), nullable=True),
        sa.Column("refused_version", sa.Integer(), nullable=True),
        sa.Column("refused_reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("gateway", "kind"),
    )


def _orders() -> None:
    op.create_table(
        "gateway_order",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("args", sa.JSON(), nullable=False),
        sa.Column("issued_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("issued_by", sa.String(), nullable=False),
        sa.Column("handed_at", sa.String(), nullable=True),
        sa.Column("received_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("gateway_order_open", "gateway_order", ["gateway", "received_at", "expires_at"])
    op.create_table(
        "order_result",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("gateway", "id"),
    )


def downgrade() -> None:
    for table in ("order_result", "gateway_order", "gateway_applied", "desired_state"):
        op.drop_table(table)
