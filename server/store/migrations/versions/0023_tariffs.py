"""versions of tariffs, and places that passes share."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _complex() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["complex"], ["complex.id"])


def _household() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["household"], ["household.id"])


def upgrade() -> None:
    op.create_table(
        "tariff_version",
        *_text("complex"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_text("state"),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("words", "body")),
        *_text("default_class", "change"),
        *_text("since", nullable=True),
        *_text("made_at", "made_by", "changed_at", "changed_by"),
        *_text("proposed_at", "proposed_by", "published_at", "published_by", nullable=True),
        *_text("withdrawn_at", "withdrawn_by", "reason", nullable=True),
        _complex(),
        sa.PrimaryKeyConstraint("complex", "number"),
    )
    op.create_table(
        "pass_place",
        *_text("complex", "id", "household", "name"),
        sa.Column("places", sa.Integer(), nullable=False),
        *_text("beyond"),
        *_text("ended_at", "ended_by", nullable=True),
        *_text("made_at", "made_by"),
        _complex(),
        _household(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("pass_place_household", "pass_place", ["household"])
    for name in ("from_day", "place", "night_from", "night_to"):
        op.add_column("vehicle_pass", sa.Column(name, sa.String()))


def downgrade() -> None:
    with op.batch_alter_table("vehicle_pass") as vehicle_pass:
        for name in ("night_to", "night_from", "place", "from_day"):
            vehicle_pass.drop_column(name)
    for table in ("pass_place", "tariff_version"):
        op.drop_table(table)
