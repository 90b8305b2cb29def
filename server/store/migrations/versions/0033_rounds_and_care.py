"""rounds: checkpoints, routes by version, what people did on a round; care: who asked for it, and visits."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
_TABLES = ("patrol_point", "patrol_route", "patrol_act", "care_watch", "care_task")
_INDEXES = (
    ("patrol_act_round", "patrol_act", ("complex", "round")),
    ("patrol_act_when", "patrol_act", ("complex", "at")),
    ("care_watch_active", "care_watch", ("ended_at", "complex")),
    ("care_task_open", "care_task", ("done_at", "complex")),
    ("care_task_watch", "care_task", ("complex", "watch", "opened_at")),
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
    _care()
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))


def _care() -> None:
    op.create_table(
        "care_watch",
        *_text("complex", "id", "household", "consent_by", "consented_at", "until"),
        sa.Column("hours", sa.Integer(), nullable=False),
        *_text("quiet_from", "quiet_to", "device", "point", "digest", "counts_from"),
        *_text("moved_at", "heard_at", "off_at", "ended_at", "ended_by", nullable=True),
        *_text("made_at", "made_by"),
        sa.PrimaryKeyConstraint("complex", "id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_table(
        "care_task",
        *_text("complex", "id", "watch", "since", "due_at", "opened_at", "alert"),
        *_text("said_at", "result", "words", "done_at", "done_by", nullable=True),
        sa.PrimaryKeyConstraint("complex", "id"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
