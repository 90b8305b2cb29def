"""What each payment asks of those before it is found by an index: the last receipt, a shift's, a day's, a refund's."""

from alembic import op

revision = "0029"
down_revision = "0028"

INDICES = (
    ("payment_receipt", "payment", ["complex", "receipt"]),
    ("payment_shift", "payment", ["complex", "shift"]),
    ("payment_asked", "payment", ["complex", "asked_at"]),
    ("refund_number", "refund", ["out_refund_no"]),
    ("session_act_kind", "session_act", ["complex", "kind"]),
)


def upgrade() -> None:
    for name, table, columns in INDICES:
        op.create_index(name, table, columns)


def downgrade() -> None:
    for name, table, _ in reversed(INDICES):
        op.drop_index(name, table)
