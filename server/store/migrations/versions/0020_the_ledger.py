"""each charge knows its journal; debts, who lets them off, reminders; counts of shifts; terms of passes."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _fen(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _of_a_complex(key: str, *more: str) -> tuple[sa.ForeignKeyConstraint, sa.PrimaryKeyConstraint]:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"]), sa.PrimaryKeyConstraint("complex", key, *more)


def upgrade() -> None:
    op.add_column("charge", sa.Column("journal", sa.BigInteger(), nullable=True))
    unbooked = sa.text("journal IS NULL AND change_fen != 0")
    columns = ["complex", "number"]
    op.create_index("charge_unbooked", "charge", columns, sqlite_where=unbooked, postgresql_where=unbooked)
    op.add_column("cash_shift", sa.Column("expected_fen", sa.BigInteger(), nullable=True))
    op.add_column("cash_shift", sa.Column("counts", sa.String(), nullable=True))
    _sessions()
    _lanes_and_passes()


def _sessions() -> None:
    op.create_table(
        "session_act",
        *_text("complex", "id", "session", "kind", "debit", "credit"),
        _fen("amount_fen"),
        *_text("at", "by"),
        *_text("approved_by", "reason", nullable=True),
        *_of_a_complex("id"),
    )
    op.create_table(
        "session_proposal",
        *_text("complex", "id", "session", "kind"),
        _fen("amount_fen"),
        *_text("reason", "proposed_at", "proposed_by"),
        *_text("decided_at", "decided_by", "decision", nullable=True),
        *_of_a_complex("id"),
    )
    op.create_table(
        "reminder",
        *_text("complex", "id", "session", "way", "at", "by"),
        _fen("owed_fen"),
        *_of_a_complex("id"),
    )
    for table in ("session_act", "session_proposal", "reminder"):
        op.create_index(f"{table}_session", table, ["complex", "session"])


def _lanes_and_passes() -> None:
    op.create_table(
        "lane_exit",
        *_text("complex", "lane", "at", "reason"),
        *_text("by", nullable=True),
        *_of_a_complex("lane", "at"),
    )
    op.create_table(
        "pass_term",
        *_text("complex", "id"),
        *_text("vehicle_pass", nullable=True),
        *_text("out_trade_no"),
        _fen("amount_fen"),
        *_text("first_day", "last_day"),
        *_text("earned_through", nullable=True),
        *_of_a_complex("id"),
    )
    op.create_index("pass_term_unearned", "pass_term", ["complex", "earned_through"])


def downgrade() -> None:
    for table in ("pass_term", "lane_exit", "reminder", "session_proposal", "session_act"):
        op.drop_table(table)
    with op.batch_alter_table("cash_shift") as shift:
        shift.drop_column("counts")
        shift.drop_column("expected_fen")
    op.drop_index("charge_unbooked", "charge")
    with op.batch_alter_table("charge") as charge:
        charge.drop_column("journal")
