"""rules: a complex's own alert rules by version; alerts know their fact, whichever rule of whichever version fired."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"


def upgrade() -> None:
    texts = ("complex", "since", "reason", "made_at", "made_by")
    op.create_table(
        "rule_version",
        *(sa.Column(name, sa.String(), nullable=False) for name in texts),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "version"),
    )
    for table in ("alert", "duty_alert"):
        op.add_column(table, sa.Column("fact", sa.String()))
        op.create_index(f"{table}_fact", table, ["fact"])


def downgrade() -> None:
    for table in ("duty_alert", "alert"):
        op.drop_index(f"{table}_fact", table)
        op.drop_column(table, "fact")
    op.drop_table("rule_version")
