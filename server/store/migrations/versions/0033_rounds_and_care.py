"""rounds: checkpoints, routes by version, what people did on a round."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0031"
_TABLES = ("patrol_point", "patrol_route", "patrol_act")
_INDEXES = (
    ("patrol_act_round", "patrol_act", ("complex", "round")),
    ("patrol_act_when", "patrol_act", ("complex", "at")),
)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def upgrade() -> None:
    op.create_table(
        "patrol_point",
        *_text("complex", "id", "name", "code", "made_at", "made_by"),
        *_text("ended_at", "ended_by", nullable=True),
        sa.PrimaryKeyConstraint("complex", "id"),
        sa.UniqueConstraint("code"),
    )
    op.create_table(
        "patrol_route",
        *_text("complex", "id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        *_text("made_at", "made_by"),
        sa.PrimaryKeyConstraint("complex", "id", "version"),
    )
    op.create_table(
        "patrol_act",
        *_text("complex", "key", "round", "route", "kind"),
        *_text("due_at", nullable=True),
        *_text("point", "reason", "at"),
        sa.Column("is_sure", sa.Integer(), nullable=False),
        *_text("phone_at", "received_at", "by"),
        sa.PrimaryKeyConstraint("complex", "key"),
    )
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
