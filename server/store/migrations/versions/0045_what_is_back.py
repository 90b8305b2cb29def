"""gateways: since when they are heard without a gap; what was done to an alert by nobody: it ended by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.add_column("gateway", sa.Column("heard_since", sa.String()))
    with op.batch_alter_table("alert_action") as batch:
        batch.alter_column("account", existing_type=sa.Integer(), nullable=True)
    op.create_index("duty_alert_rule", "duty_alert", ["rule", "complex", "occurred_at"])


def downgrade() -> None:
    op.drop_index("duty_alert_rule", "duty_alert")
    op.execute("DELETE FROM alert_action WHERE account IS NULL")
    with op.batch_alter_table("alert_action") as batch:
        batch.alter_column("account", existing_type=sa.Integer(), nullable=False)
    op.drop_column("gateway", "heard_since")
