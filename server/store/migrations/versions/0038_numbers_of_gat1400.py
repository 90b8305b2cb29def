"""numbers of GA/T 1400: the codes that an office gave devices, and the serials that records got"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"


def upgrade() -> None:
    keys = ("platform", "complex", "device")
    op.create_table(
        "platform_code",
        *(sa.Column(name, sa.String(), nullable=False) for name in (*keys, "code")),
        sa.Column("said", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint(*keys),
    )
    op.create_table(
        "viid_serial",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("second", sa.String(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", "record"),
    )
    op.create_index("viid_serial_second", "viid_serial", ["code", "second", "first"], unique=True)
    op.create_index("viid_serial_age", "viid_serial", ["second"])


def downgrade() -> None:
    op.drop_table("viid_serial")
    op.drop_table("platform_code")
