"""gaps that gateways declare, and ranges that are asked for again."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "gap",
        *_range(),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("declared_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "first"),
    )
    op.create_table(
        "wanted",
        *_range(),
        sa.Column("since", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "first"),
    )


def downgrade() -> None:
    op.drop_table("wanted")
    op.drop_table("gap")


def _range() -> list[sa.Column[Any]]:
    words = [sa.Column(name, sa.String(), nullable=False) for name in ("gateway", "stream", "epoch")]
    return [*words, *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("first", "last"))]
