"""our own view library: who is registered with it, answers used up, what libraries above subscribed to."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"


def upgrade() -> None:
    op.create_table(
        "viid_session",
        sa.Column("peer", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("since", "heard_at", "address")),
    )
    op.create_table(
        "viid_nonce",
        sa.Column("nonce", sa.String(), primary_key=True),
        sa.Column("until", sa.String(), nullable=False),
    )
    op.create_table(
        "viid_subscription",
        *(sa.Column(name, sa.String(), nullable=False) for name in ("peer", "id", "begins_at", "ends_at")),
        sa.Column("interval_s", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("body", "made_at")),
        *(sa.Column(name, sa.String()) for name in ("cancelled_at", "cancelled_why", "reported_at")),
        sa.PrimaryKeyConstraint("peer", "id"),
    )


def downgrade() -> None:
    for table in ("viid_subscription", "viid_nonce", "viid_session"):
        op.drop_table(table)
