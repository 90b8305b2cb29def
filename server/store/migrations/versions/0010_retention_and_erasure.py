"""what is let go when its term is over, what is held, and whose data were erased."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = (
    "correction",
    "erased_picture",
    "erasure",
    "erasure_salt",
    "legal_hold",
    "withheld",
    "retention_cursor",
    "expired",
    "expired_day",
    "expired_range",
    "unkept_object",
    "picture_use",
)


def upgrade() -> None:
    _let_go()
    _held_and_erased()
    op.create_table(
        "correction",
        sa.Column("number", _POSITION, primary_key=True, autoincrement=True),
        *_words("complex", "origin", "field", "value", "reason", "made_by", "made_at"),
    )
    op.create_index("correction_origin", "correction", ["origin"])


def _let_go() -> None:
    op.create_table(
        "picture_use",
        *_words("complex", "sha256"),
        _number("position", _POSITION),
        sa.PrimaryKeyConstraint("complex", "sha256", "position"),
    )
    op.create_index("picture_use_position", "picture_use", ["position"])
    op.create_table("unkept_object", sa.Column("sha256", sa.String(), primary_key=True))
    op.create_table(
        "expired_range",
        *_words("gateway", "stream", "epoch"),
        *(_number(name) for name in ("first", "last")),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "first"),
    )
    op.create_table(
        "expired_day",
        *_words("gateway", "stream", "epoch"),
        _number("day", sa.Integer()),
        _number("count"),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch", "day"),
    )
    op.create_table(
        "expired", *_words("day", "class", "what"), _number("count"), sa.PrimaryKeyConstraint("day", "class", "what")
    )
    op.create_table(
        "retention_cursor", *_words("class", "shard"), _number("position"), sa.PrimaryKeyConstraint("class", "shard")
    )
    op.create_table(
        "withheld", sa.Column("position", _POSITION, primary_key=True, autoincrement=False), *_words("shard")
    )


def _held_and_erased() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("number", _POSITION, primary_key=True, autoincrement=True),
        *_words("complex", "plate", "card", "person", "device"),
        *_perhaps("since", "until"),
        *_words("reason", "document", "placed_by", "placed_at"),
        *_perhaps("ends_at", "lifted_at", "lifted_by", "lifted_why"),
    )
    op.create_table(
        "erasure_salt",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "erasure",
        sa.Column("id", sa.String(), primary_key=True),
        *_words("kind", "complex", "key", "until", "reason", "document", "asked_by", "asked_at", "state"),
        *_perhaps("done_at"),
        sa.Column("report", sa.JSON(), nullable=True),
    )
    op.create_table("erased_picture", sa.Column("sha256", sa.String(), primary_key=True), *_words("erasure"))


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _perhaps(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=True) for name in names]


def _number(name: str, kind: Any = None) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger() if kind is None else kind, nullable=False)
