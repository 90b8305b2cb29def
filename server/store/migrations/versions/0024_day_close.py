"""files given for a day, settings of reconciliation, what closed an item; how cars were let through, and charging."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"

_INDEXES = (
    ("parking_passage_at", "parking_passage", "occurred_at"),
    ("session_exited", "session", "exited_at"),
    ("charge_exited", "charge", "exited_at"),
)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def upgrade() -> None:
    _bills()
    _lanes()


def _bills() -> None:
    op.create_table(
        "bill_upload",
        *_text("complex", "day", "sha256", "name"),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        *_text("given_at", "given_by"),
        *_text("removed_at", "removed_by", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "day", "sha256"),
    )
    op.create_index("bill_upload_given", "bill_upload", ["given_at"])
    op.create_table(
        "bill_setting",
        *_text("complex", "name"),
        sa.Column("value", sa.JSON(), nullable=False),
        *_text("set_at", "set_by"),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "name"),
    )
    op.add_column("bill_item", sa.Column("act", sa.String(), nullable=True))
    op.add_column("bill_item", sa.Column("journal", sa.BigInteger(), nullable=True))
    op.add_column("bill_item", sa.Column("acts", sa.Integer(), nullable=False, server_default="0"))


def _lanes() -> None:
    op.create_table(
        "lane_decision",
        *_text("complex"),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        *_text("kind", "occurred_at", "lane", "direction", "reason", "by"),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("lane_decision_at", "lane_decision", ["complex", "occurred_at"])
    op.create_table(
        "charging_record",
        *_text("complex"),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        *_text("device", "point", "state", "occurred_at"),
        sa.Column("transaction", sa.BigInteger(), nullable=True),
        sa.Column("meter_wh", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("charging_record_at", "charging_record", ["complex", "occurred_at"])
    for name, table, column in _INDEXES:
        op.create_index(name, table, ["complex", column])


def downgrade() -> None:
    for name, table, _ in _INDEXES:
        op.drop_index(name, table)
    for table in ("charging_record", "lane_decision", "bill_setting", "bill_upload"):
        op.drop_table(table)
    with op.batch_alter_table("bill_item") as item:
        for name in ("acts", "journal", "act"):
            item.drop_column(name)
