"""what libraries above subscribed to is handed over line by line; their watch lists, and whom hits are owed to."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"


def upgrade() -> None:
    op.add_column("handover", sa.Column("line", sa.String()))
    op.add_column("handover", sa.Column("fact", sa.LargeBinary()))
    op.create_index("handover_lines", "handover", ["platform", "state", "line", "offered_at"])
    op.create_index("handover_fact", "handover", ["fact"])
    op.add_column("viid_subscription", sa.Column("told", sa.String()))
    op.create_table(
        "watch_order",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("platform", "disposition", "state", "at")),
        sa.Column("sealed", sa.LargeBinary()),
        sa.Column("why", sa.String()),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "disposition"),
    )
    op.create_table(
        "watch_owed",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("platform", "complex", "hit", "entry")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("disposition", "state", "at", "due_at")),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("answered_at", sa.String()),
        sa.PrimaryKeyConstraint("platform", "complex", "hit"),
    )
    op.create_index("watch_owed_waits", "watch_owed", ["platform", "state", "due_at"])


def downgrade() -> None:
    for table in ("watch_owed", "watch_order"):
        op.drop_table(table)
    op.drop_column("viid_subscription", "told")
    for index in ("handover_fact", "handover_lines"):
        op.drop_index(index, "handover")
    for column in ("fact", "line"):
        op.drop_column("handover", column)
