"""watch_hit: what a library below us saw, and its picture; a car at a lane of ours has both among the passages."""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    op.add_column("watch_hit", sa.Column("label", sa.String()))
    op.add_column("watch_hit", sa.Column("picture", sa.String()))


def downgrade() -> None:
    op.drop_column("watch_hit", "picture")
    op.drop_column("watch_hit", "label")
