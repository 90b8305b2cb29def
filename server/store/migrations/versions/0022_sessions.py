"""corrections beside raw readings, doubts, openings by hand, how far gateways have told; stays that were merged."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_PASSAGES = ("parking_passage", "charge_passage")
_SESSIONS = ("session", "charge_session")


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def upgrade() -> None:
    for table in _PASSAGES:
        op.add_column(table, sa.Column("amended", sa.LargeBinary()))
    for table in _SESSIONS:
        op.add_column(table, sa.Column("merged_into", sa.String()))
    _corrections()
    op.create_table(
        "doubt",
        *_text("complex"),
        sa.Column("passage", sa.LargeBinary(), nullable=False),
        *_text("kind", "plate", "plate_color", "lane", "direction", "occurred_at"),
        *_text("picture", "session", nullable=True),
        sa.Column("settled", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "passage", "kind"),
    )
    op.create_index("doubt_session", "doubt", ["complex", "session"])
    op.create_index("doubt_oldest", "doubt", ["complex", "settled", "occurred_at"])
    op.create_table(
        "lane_opening",
        *_text("complex"),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        *_text("occurred_at", "lane", "direction", "by", "reason"),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_index("lane_opening_recent", "lane_opening", ["complex", "occurred_at"])
    op.create_table(
        "lane_watermark",
        *_text("complex", "gateway", "told_until"),
        sa.PrimaryKeyConstraint("complex", "gateway"),
    )


def _corrections() -> None:
    op.create_table(
        "passage_correction",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True),
        *_text("complex", "id"),
        sa.Column("passage", sa.LargeBinary(), nullable=False),
        *_text("what"),
        *_text("plate", "plate_color", "direction", "time", "undoes", nullable=True),
        *_text("reason", "by", "at"),
        sa.Column("why", sa.JSON()),
        sa.UniqueConstraint("complex", "id"),
    )
    op.create_index("passage_correction_passage", "passage_correction", ["complex", "passage"])
    op.create_index("passage_correction_by", "passage_correction", ["complex", "at"])


def downgrade() -> None:
    """Passages are what was read again; the stays are as a rebuild, and the next read of a plate, will make them."""
    for table in ("lane_watermark", "lane_opening", "doubt", "passage_correction"):
        op.drop_table(table)
    for table in _PASSAGES:
        _read_again(table)
        with op.batch_alter_table(table) as passages:
            passages.drop_column("amended")
    for table in _SESSIONS:
        op.execute(f"DELETE FROM {table} WHERE state IN ('voided', 'merged')")  # noqa: S608 - names of ours
        with op.batch_alter_table(table) as sessions:
            sessions.drop_column("merged_into")


def _read_again(name: str) -> None:
    connection = op.get_bind()
    table = sa.Table(name, sa.MetaData(), autoload_with=connection)
    for row in connection.execute(sa.select(table).where(table.c.amended.is_not(None))).all():
        raw = json.loads(row.passage)
        at = raw["occurred_at"].replace("+00:00", "Z")
        at = at if "." in at else at[:-1] + ".000Z"
        values = {"plate": raw["plate"], "occurred_at": at[:23] + "Z"}
        connection.execute(sa.update(table).where(table.c.complex == row.complex, table.c.id == row.id).values(values))
