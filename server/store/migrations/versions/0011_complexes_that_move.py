"""complexes that move from cell to cell."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_FENCES = "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'fence\\_%' ESCAPE '\\'"
_FUNCTIONS = "SELECT proname FROM pg_proc WHERE proname LIKE 'fence\\_%'"


def upgrade() -> None:
    op.create_table(
        "complex_move",
        sa.Column("complex", sa.String(), primary_key=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("cell", "url", "fingerprint")),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("copied", sa.BigInteger(), nullable=False),
        sa.Column("rows_copied", sa.Integer(), nullable=False),
        sa.Column("through", sa.BigInteger(), nullable=True),
        sa.Column("begun_at", sa.String(), nullable=False),
        sa.Column("changed_at", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """The triggers that a move leaves (server/cells/fence.py) would name a table that is no more."""
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for name in list(connection.scalars(sa.text(_FUNCTIONS))):
            op.execute(f'DROP FUNCTION "{name}" CASCADE')
    else:
        for name, _ in list(connection.execute(sa.text(_FENCES))):
            op.execute(f'DROP TRIGGER "{name}"')
    op.drop_table("complex_move")
