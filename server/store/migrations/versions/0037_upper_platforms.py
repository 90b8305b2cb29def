"""upper platforms: whom records are owed, on which legal basis, what was handed over, who looked back at what."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
_TABLES = ("platform", "platform_basis", "platform_class", "handover", "retrieval")
_INDEXES = (
    ("platform_basis_of", "platform_basis", ("platform",)),
    ("handover_waits", "handover", ("platform", "state", "urgent", "number")),
    ("handover_newest", "handover", ("platform", "number")),
    ("handover_day", "handover", ("platform", "offered_at")),
    ("retrieval_asked", "retrieval", ("asked_at",)),
    ("retrieval_here", "retrieval", ("complex", "asked_at")),
)
_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _number(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _bytes(name: str, *, nullable: bool = False) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=nullable)


def _of_a_platform() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["platform"], ["platform.id"])


def upgrade() -> None:
    _platforms()
    op.create_table(
        "handover",
        *_text("platform"),
        _bytes("id"),
        *_text("complex", "device", "data_class"),
        sa.Column("number", _POSITION, nullable=False),
        *_number("urgent"),
        *_text("offered_at", "state"),
        *_text("reason", nullable=True),
        *_number("attempts"),
        *_text("answered_at", nullable=True),
        _bytes("body", nullable=True),
        sa.PrimaryKeyConstraint("platform", "id"),
    )
    op.create_table(
        "retrieval",
        *_text("id", "complex", "applicant", "unit", "document", "purpose", "since", "until", "classes", "state"),
        *_text("asked_at", "asked_by"),
        *_text("decided_at", "decided_by", "viewed_at", "viewed_by", nullable=True),
        *_text("exported_at", "exported_by", "sha256", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))


def _platforms() -> None:
    op.create_table(
        "platform",
        *_text("id", "name", "kind", "address"),
        _bytes("settings"),
        *_text("secret_file", "area"),
        *_number("is_on"),
        *_text("made_at", "made_by", "session", "session_at"),
        *_text("answer", "answered_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "platform_basis",
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=True),
        *_text("platform", "unit", "document", "classes", "since", "until"),
        *_number("identity_fields"),
        *_text("recorded_at", "recorded_by"),
        *_text("ended_at", "ended_by", "ended_why", nullable=True),
        _of_a_platform(),
    )
    op.create_table(
        "platform_class",
        *_text("platform", "data_class"),
        *_number("is_on"),
        *_text("at", "by"),
        _of_a_platform(),
        sa.PrimaryKeyConstraint("platform", "data_class"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
