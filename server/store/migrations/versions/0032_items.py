"""items: what people ask for and what becomes of it, who did what, its pictures; codes of places to report by."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
_TABLES = ("item", "item_act", "item_picture", "snap_place")
_INDEXES = (
    ("item_here", "item", ("complex", "list", "asked_at"), False),
    ("item_newest", "item", ("asked_at",), False),
    ("item_code", "item", ("code",), True),
    ("item_alert", "item", ("alert",), False),
    ("item_over", "item", ("over_at",), False),
    ("item_snap", "item", ("snap", "asked_at"), False),
    ("item_picture_here", "item_picture", ("complex", "sha256"), False),
    ("snap_place_token", "snap_place", ("token",), True),
)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def upgrade() -> None:
    op.create_table(
        "item",
        sa.Column("id", sa.String(), primary_key=True),
        *_text("complex", "list", "origin", "category", "status", "place", "unit", "doer", "asked_at", "due_at"),
        *_text("done_at", "over_at", nullable=True),
        sa.Column("stars", sa.Integer()),
        *_text("alert", "snap", "code", "phone", nullable=True),
        sa.Column("state", sa.LargeBinary(), nullable=False),
        *_text("blanked_at", nullable=True),
        *_text("updated_at"),
    )
    op.create_table(
        "item_act",
        *_text("item"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_text("complex", "at", "by", "role", "what", "unit", "words"),
        sa.PrimaryKeyConstraint("item", "number"),
    )
    op.create_table(
        "item_picture", *_text("item", "sha256", "complex", "purpose"), sa.PrimaryKeyConstraint("item", "sha256")
    )
    op.create_table(
        "snap_place",
        *_text("complex", "token", "place", "made_at", "made_by"),
        *_text("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("complex", "token"),
    )
    for name, table, columns, unique in _INDEXES:
        op.create_index(name, table, list(columns), unique=unique)


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
