"""How alarm inputs stand towards platforms of GB/T 28181, and what those subscribed to: kept over a restart."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.create_table(
        "platform_guard",
        sa.Column("platform", sa.String(), sa.ForeignKey("platform.id"), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("is_armed", sa.Integer(), nullable=False),
        sa.Column("is_alarming", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "code"),
    )
    op.create_table(
        "platform_dialog",
        sa.Column("platform", sa.String(), sa.ForeignKey("platform.id"), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("ends_at", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("platform", "subject"),
    )


def downgrade() -> None:
    op.drop_table("platform_dialog")
    op.drop_table("platform_guard")
