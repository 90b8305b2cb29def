"""site plans with their pins, and what devices and barriers last said of themselves."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "site_plan",
        *_words("id", "complex", "name"),
        sa.Column("rank", sa.Integer(), nullable=False),
        *_blank("building", "picture"),
        *(sa.Column(name, sa.Integer(), nullable=True) for name in ("width_px", "height_px")),
        *_words("made_at", "made_by"),
        *_blank("removed_at"),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.ForeignKeyConstraint(["building"], ["building.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("site_plan_complex", "site_plan", ["complex"])
    op.create_table(
        "pin",
        *_words("complex", "plan", "device", "point"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("x", "y")),
        *_words("placed_at", "placed_by"),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.ForeignKeyConstraint(["plan"], ["site_plan.id"]),
        sa.PrimaryKeyConstraint("plan", "device", "point"),
    )
    op.create_index("pin_complex", "pin", ["complex"])
    op.create_table(
        "device_state",
        *_words("complex", "device", "point", "kind", "state", "code", "state_at"),
        sa.PrimaryKeyConstraint("complex", "device", "point", "kind"),
    )


def downgrade() -> None:
    for name in ("device_state", "pin", "site_plan"):
        op.drop_table(name)


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _blank(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=True) for name in names]
