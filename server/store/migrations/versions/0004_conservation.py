"""what gateways state day by day, what is counted here, and what does not add up."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0002"

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("conservation_finding", "batch_day", "carried", "untaken", "statement", "statement_head")


def upgrade() -> None:
    _statements()
    op.create_table(
        "untaken",
        *_words("gateway"),
        _number("day", sa.Integer()),
        *_words("reason"),
        _number("count"),
        sa.PrimaryKeyConstraint("gateway", "day", "reason"),
    )
    op.create_table(
        "carried",
        *_words("gateway", "stream", "epoch"),
        _number("day", sa.Integer()),
        _number("count"),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "day"),
    )
    op.create_table(
        "batch_day",
        *_words("gateway", "stream", "epoch"),
        _number("day", sa.Integer()),
        _number("position", _POSITION),
        _number("first"),
        _number("count", sa.Integer()),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "day", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("batch_day_sequence", "batch_day", ["gateway", "stream", "epoch", "first"])
    op.create_table(
        "conservation_finding",
        *_words("gateway", "stream"),
        _number("day", sa.Integer()),
        sa.Column("differences", sa.JSON(), nullable=False),
        *_words("found_at", "seen_at"),
        sa.Column("cleared_at", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("gateway", "stream", "day"),
    )


def _statements() -> None:
    op.create_table(
        "statement_head",
        *_words("gateway"),
        sa.Column("zone", sa.String(), nullable=True),
        sa.Column("streams", sa.JSON(), nullable=True),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("made_at", "received_at", "wanted_at")),
        sa.PrimaryKeyConstraint("gateway"),
    )
    op.create_table(
        "statement",
        *_words("gateway", "stream", "epoch"),
        _number("day", sa.Integer()),
        *(_number(name) for name in ("produced", "held", "unsent", "trimmed", "dropped", "through")),
        *_words("made_at", "received_at"),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "day"),
    )


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _number(name: str, kind: Any = None) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger() if kind is None else kind, nullable=False)
