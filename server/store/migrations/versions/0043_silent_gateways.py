"""gateways: of which last contact it was told that nothing came after it."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.add_column("gateway", sa.Column("silence_told", sa.String()))


def downgrade() -> None:
    op.drop_column("gateway", "silence_told")
