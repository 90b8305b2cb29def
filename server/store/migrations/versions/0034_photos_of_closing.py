"""the photo with which somebody closed an alert, by the hash of its content."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    op.add_column("alert_action", sa.Column("photo", sa.String(), nullable=True))
    op.create_index("alert_action_photo", "alert_action", ["photo"])


def downgrade() -> None:
    op.drop_index("alert_action_photo", "alert_action")
    op.drop_column("alert_action", "photo")
