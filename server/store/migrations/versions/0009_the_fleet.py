"""how each gateway is and was, tags, rollouts in stages, and which box stands in whose place."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TABLES = ("rollout_step", "rollout_target", "rollout", "gateway_tag", "gateway_past", "gateway_health")


def upgrade() -> None:
    for table in ("gateway", "enrol_code"):
        op.execute(f"ALTER TABLE {table} ADD COLUMN replaces VARCHAR")
    _health()
    _rollouts()


def _health() -> None:
    op.create_table(
        "gateway_health",
        *_words("gateway", "at", "version"),
        *_hello(),
        *_numbers("clock_ok", kind=sa.Integer()),
        *_numbers("dropped", "dropped_day", "events_day", "events_mean"),
        sa.Column("returned", sa.String(), nullable=True),
        sa.Column("trouble", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("gateway"),
    )
    op.create_table(
        "gateway_past",
        *_words("gateway"),
        sa.Column("place", sa.Integer(), nullable=False),
        *_words("at", "version"),
        *_hello(),
        sa.Column("head", sa.BigInteger(), nullable=False),
        *_numbers("dropped"),
        sa.PrimaryKeyConstraint("gateway", "place"),
    )
    op.create_table(
        "gateway_tag",
        *_words("gateway", "tag"),
        sa.ForeignKeyConstraint(["gateway"], ["gateway.id"]),
        sa.PrimaryKeyConstraint("gateway", "tag"),
    )
    op.create_index("gateway_tag_tag", "gateway_tag", ["tag"])


def _rollouts() -> None:
    op.create_table(
        "rollout",
        *_words("id", "kind"),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        *_words("state"),
        sa.Column("stage", sa.Integer(), nullable=False),
        *_words("stage_since"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("health_s", "silent_s", "most_failed")),
        *_words("made_at", "made_by"),
        sa.Column("reason", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("rollout_made", "rollout", ["made_at"])
    op.create_table(
        "rollout_target",
        *_words("rollout", "complex"),
        sa.Column("stage", sa.Integer(), nullable=False),
        *_numbers("version_before", "version", kind=sa.Integer()),
        *(sa.Column(name, sa.String(), nullable=True) for name in ("put_at", "done_at")),
        *_words("state"),
        sa.Column("reason", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["rollout"], ["rollout.id"]),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.PrimaryKeyConstraint("rollout", "complex"),
    )
    op.create_table(
        "rollout_step",
        sa.Column("number", _POSITION, autoincrement=True, nullable=False),
        *_words("rollout", "at", "who", "what", "note"),
        sa.ForeignKeyConstraint(["rollout"], ["rollout.id"]),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("rollout_step_rollout", "rollout_step", ["rollout", "number"])


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)
    for table in ("gateway", "enrol_code"):
        op.execute(f"ALTER TABLE {table} DROP COLUMN replaces")


def _hello() -> list[sa.Column[Any]]:
    kinds = (
        ("lag", sa.BigInteger()),
        ("disk_free", sa.Float()),
        ("clock_ms", sa.Float()),
        ("devices_down", sa.Integer()),
    )
    return [sa.Column(name, kind, nullable=True) for name, kind in kinds]


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _numbers(*names: str, kind: Any = None) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger() if kind is None else kind, nullable=True) for name in names]
