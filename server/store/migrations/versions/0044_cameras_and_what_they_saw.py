"""Who changed what is drawn on a camera's picture, and why; what cameras told: a projection, folded from the log."""

import sqlalchemy as sa
from alembic import op

from server.store.tables import Position

revision = "0044"
down_revision = "0043"


def _words(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "camera_change",
        sa.Column("complex", sa.String(), sa.ForeignKey("complex.id"), nullable=False),
        *_words("device"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary()),
        *_words("made_at", "made_by", "reason"),
        sa.Column("undid", sa.Integer()),
        sa.PrimaryKeyConstraint("complex", "device", "version"),
    )
    op.create_table(
        "detection",
        *_words("complex", "fact"),
        sa.Column("position", Position, nullable=False),
        *_words("device", "occurred_at", "label", "rule"),
        sa.Column("picture", sa.String()),
        *_words("said"),
        sa.PrimaryKeyConstraint("complex", "fact"),
    )
    op.create_index("detection_here", "detection", ["complex", "device", "occurred_at"])
    op.create_index("detection_position", "detection", ["position"])


def downgrade() -> None:
    op.drop_table("detection")
    op.drop_table("camera_change")
