"""a visitor's pass for hours, when it was used, and readers at which a card to be enrolled is awaited."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_NEW = ("from_at", "until_at", "used_at", "used_where", "used_by")


def upgrade() -> None:
    for name in _NEW:
        op.add_column("credential", sa.Column(name, sa.String()))
    op.create_table(
        "code_use",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("complex", "entry", "at", "place", "gateway")),
        sa.PrimaryKeyConstraint("complex", "entry"),
    )
    op.create_table(
        "swipe_wait",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("complex", "device", "point", "since", "until")),
        sa.Column("account", sa.Integer(), sa.ForeignKey("account.id"), nullable=False),
        sa.PrimaryKeyConstraint("complex", "device", "point"),
    )


def downgrade() -> None:
    op.drop_table("swipe_wait")
    op.drop_table("code_use")
    with op.batch_alter_table("credential") as credential:
        for name in reversed(_NEW):
            credential.drop_column(name)
