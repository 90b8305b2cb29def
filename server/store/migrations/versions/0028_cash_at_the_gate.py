"""the number of the receipt that a gateway gave for cash at its gate; which terms of a pass the book has priced by."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
_TERMS = "coalesce(from_day, '') || '/' || until_day || '/' || coalesce(place, '') || '/'"
_NIGHT = "coalesce(night_from, '') || '-' || coalesce(night_to, '')"


def upgrade() -> None:
    op.add_column("payment", sa.Column("gate_receipt", sa.String(), nullable=True))
    op.add_column("vehicle_pass", sa.Column("priced_terms", sa.String(), nullable=True))
    op.execute(f"UPDATE vehicle_pass SET priced_terms = {_TERMS} || {_NIGHT}")  # noqa: S608 - our own words


def downgrade() -> None:
    op.drop_column("vehicle_pass", "priced_terms")
    op.drop_column("payment", "gate_receipt")
