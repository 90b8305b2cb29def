"""public revenue by its path, with documents; what a complex publishes, and the months as they were frozen."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
_TABLES = ("revenue_entry", "revenue_step", "revenue_document", "public_account", "public_month")


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _number(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=nullable) for name in names]


def _long(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def upgrade() -> None:
    _entries()
    _account()


def _entries() -> None:
    op.create_table(
        "revenue_entry",
        *_text("complex"),
        *_number("number"),
        *_text("side", "kind", "title"),
        *_long("planned_fen"),
        *_number("earmark", nullable=True),
        *_text("state"),
        *_number("round"),
        *_text("made_at", "made_by"),
        *_long("actual_fen", nullable=True),
        *_text("day", nullable=True),
        *_long("journal", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "number"),
    )
    op.create_index("revenue_entry_state", "revenue_entry", ["complex", "state"])
    op.create_table(
        "revenue_step",
        *_text("complex"),
        *_number("entry", "number"),
        *_text("action"),
        *_number("round"),
        *_text("at", "by", "role", "note"),
        *_number("votes_for", "votes_against", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "entry", "number"),
    )
    op.create_table(
        "revenue_document",
        *_text("complex"),
        *_number("entry"),
        *_text("sha256", "type"),
        *_long("size_bytes"),
        *_text("purpose", "title"),
        *_number("is_public"),
        *_text("added_at", "added_by"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "entry", "sha256"),
    )
    op.create_index("revenue_document_of", "revenue_document", ["complex", "sha256"])


def _account() -> None:
    op.create_table(
        "public_account",
        *_text("complex"),
        *_number("is_open", "is_indexed", "shows_unpaid"),
        *_text("review_1", "review_2", "review_3", "changed_at", "changed_by"),
        _complex(),
        sa.PrimaryKeyConstraint("complex"),
    )
    op.create_table(
        "public_month",
        *_text("complex", "month"),
        *_number("version"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        *_text("hash"),
        *_long("ledger_number"),
        *_text("ledger_hash", "proposed_at", "proposed_by"),
        *_text("published_at", "published_by", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "month", "version"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
