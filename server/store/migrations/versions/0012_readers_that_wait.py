"""readers that wait at a record, and records that were set aside for a reader."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "reader_wait",
        *_words("reader", "shard"),
        _number("position"),
        *_words("error", "since", "seen_at"),
        _number("attempts"),
        sa.PrimaryKeyConstraint("reader", "shard"),
    )
    op.create_table(
        "set_aside",
        *_words("reader", "shard"),
        _number("position"),
        *_words("complex", "gateway", "stream", "epoch"),
        _number("first"),
        _number("last"),
        *_words("error", "reason", "by", "at"),
        sa.PrimaryKeyConstraint("reader", "shard", "position"),
    )


def downgrade() -> None:
    op.drop_table("set_aside")
    op.drop_table("reader_wait")


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)
