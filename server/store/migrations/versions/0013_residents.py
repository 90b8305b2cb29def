"""households, people, what opens for them, visitors' links, vehicles' passes, groups and schedules."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_TABLES = (
    "resident_import",
    "access_list",
    "access_holiday",
    "access_schedule",
    "access_group",
    "vehicle_pass",
    "credential",
    "visitor_link",
    "resident",
    "household",
)


def upgrade() -> None:
    _people()
    _credentials()
    _doors()


def _people() -> None:
    op.create_table(
        "household",
        *_words("id", "complex", "building", "unit", "room", "name"),
        *_blank("phone"),
        *_words("made_at", "made_by"),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complex", "building", "unit", "room"),
    )
    op.create_table(
        "resident",
        *_words("id", "complex", "household", "name"),
        *_blank("phone"),
        *_words("made_at", "made_by"),
        *_belongs("household"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("resident_household", "resident", ["household"])
    op.create_table(
        "visitor_link",
        *_words("id", "complex", "household", "digest"),
        sa.Column("groups", sa.JSON(), nullable=False),
        *_words("expires_at"),
        *_blank("ended_at"),
        *_words("made_at", "made_by"),
        *_belongs("household"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("digest"),
    )
    op.create_index("visitor_link_household", "visitor_link", ["household"])
    op.create_table(
        "resident_import",
        sa.Column("account", sa.Integer(), nullable=False),
        *_words("complex", "made_at"),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account"),
    )


def _credentials() -> None:
    op.create_table(
        "credential",
        *_words("complex", "id", "household"),
        *_blank("resident"),
        *_words("kind"),
        *_blank("number", "canonical", "digest", "duress_digest", "link", "pass_digest"),
        *(sa.Column(name, sa.JSON(), nullable=False) for name in ("doors", "groups")),
        *_words("schedule", "holder", "name"),
        *_blank("from_day"),
        *_words("until_day"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("first_card", "passes_lock_down")),
        *_blank("revoked_at", "revoked_by"),
        sa.Column("version", sa.Integer(), nullable=True),
        *_words("made_at", "made_by"),
        *_belongs("household"),
        sa.ForeignKeyConstraint(["link"], ["visitor_link.id"]),
        sa.PrimaryKeyConstraint("complex", "id"),
        sa.UniqueConstraint("pass_digest"),
    )
    op.create_table(
        "vehicle_pass",
        *_words("complex", "id", "household", "plate", "canonical", "name", "until_day"),
        *_blank("ended_at", "ended_by"),
        sa.Column("version", sa.Integer(), nullable=True),
        *_words("made_at", "made_by"),
        *_belongs("household"),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    for table in ("credential", "vehicle_pass"):
        op.create_index(f"{table}_canonical", table, ["complex", "canonical"])
        op.create_index(f"{table}_household", table, ["household"])


def _doors() -> None:
    op.create_table(
        "access_group",
        *_words("complex", "id"),
        sa.Column("doors", sa.JSON(), nullable=False),
        *_words("schedule"),
        *_belongs(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_table(
        "access_schedule",
        *_words("complex", "id"),
        sa.Column("hours", sa.JSON(), nullable=False),
        *_belongs(),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    op.create_table("access_holiday", *_words("complex", "day"), *_belongs(), sa.PrimaryKeyConstraint("complex", "day"))
    op.create_table(
        "access_list",
        *_words("complex", "salt"),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("credentials", "doors", "passes")),
        *_belongs(),
        sa.PrimaryKeyConstraint("complex"),
    )


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _blank(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=True) for name in names]


def _belongs(*names: str) -> list[sa.ForeignKeyConstraint]:
    return [sa.ForeignKeyConstraint([name], [f"{name}.id"]) for name in ("complex", *names)]
