"""devices that gateways found and nobody listed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    words = ("address", "host", "name", "model", "by")
    op.create_table(
        "gateway_found",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in words),
        sa.Column("exact", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(), nullable=False),
        sa.Column("seen_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"]),
        sa.PrimaryKeyConstraint("gateway", "device"),
    )


def downgrade() -> None:
    op.drop_table("gateway_found")
