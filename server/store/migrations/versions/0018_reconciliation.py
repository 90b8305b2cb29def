"""bills that were read, a day's reports, and items until they are closed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def upgrade() -> None:
    op.create_table(
        "bill_file",
        *_text("complex", "day", "sha256", "name", "read_at", "read_by"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "day", "sha256"),
    )
    op.create_table(
        "bill_report",
        *_text("complex", "day"),
        sa.Column("version", sa.Integer(), nullable=False),
        *_text("hash"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        *_text("made_at", "made_by"),
        *_text("signed_at", "signed_by", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "day", "version"),
    )
    op.create_table(
        "bill_item",
        *_text("complex", "channel", "key", "since", "day", "class"),
        sa.Column("bill_fen", sa.BigInteger(), nullable=True),
        sa.Column("local_fen", sa.BigInteger(), nullable=True),
        *_text("action", "note"),
        *_text("closed_at", "closed_by", "closing", "document", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "channel", "key"),
    )
    op.create_index("bill_item_open", "bill_item", ["complex", "closed_at", "since"])


def downgrade() -> None:
    for table in ("bill_item", "bill_report", "bill_file"):
        op.drop_table(table)
