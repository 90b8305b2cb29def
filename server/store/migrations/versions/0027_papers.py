"""bills that were fetched as files of their days; why a provisional day was signed; codes of receipts."""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    for name in ("taken_at", "refused"):
        op.add_column("provider_bill", sa.Column(name, sa.String()))
    op.execute("UPDATE provider_bill SET taken_at = fetched_at")  # of days that were given by hand
    op.add_column("bill_report", sa.Column("though", sa.JSON()))
    op.add_column("payment", sa.Column("code", sa.String()))
    _codes()
    op.create_index("payment_code", "payment", ["code"], unique=True)


def _codes() -> None:
    """Receipts that were given out get one too."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT complex, out_trade_no FROM payment WHERE receipt IS NOT NULL")).all()
    change = sa.text("UPDATE payment SET code = :code WHERE complex = :complex AND out_trade_no = :number")
    for row in rows:
        said = {"complex": row.complex, "number": row.out_trade_no}
        connection.execute(change, {**said, "code": secrets.token_urlsafe(12)})


def downgrade() -> None:
    op.drop_index("payment_code", "payment")
    for table, name in (
        ("payment", "code"),
        ("bill_report", "though"),
        ("provider_bill", "refused"),
        ("provider_bill", "taken_at"),
    ):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(name)
