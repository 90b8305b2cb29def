"""the duty ladder: who has what, whom to tell, who is on duty, and what is not to ring."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
_TABLES = ("duty_state", "duty_step", "duty_alert", "duty_plan", "duty_rota", "silence", "noise")
_INDEXES = (
    ("duty_state_due", "duty_state", ("due_at",)),
    ("duty_state_whose", "duty_state", ("status", "level", "person")),
    ("duty_state_here", "duty_state", ("complex", "status", "opened_at")),
    ("duty_step_waits", "duty_step", ("sent_at", "dropped", "at")),
    ("duty_step_here", "duty_step", ("complex", "at")),
    ("duty_alert_spot", "duty_alert", ("complex", "category", "place", "occurred_at")),
    ("duty_alert_incident", "duty_alert", ("incident",)),
    ("duty_alert_muted", "duty_alert", ("why", "occurred_at")),
    ("silence_here", "silence", ("complex", "until")),
    ("noise_here", "noise", ("complex", "at")),
)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _number(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _bytes(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(), nullable=False)


def upgrade() -> None:
    _ladder()
    for name in ("duty_plan", "duty_rota"):
        op.create_table(
            name,
            *_text("complex"),
            *_number("version"),
            _bytes("body"),
            *_text("words", "made_at", "made_by"),
            sa.PrimaryKeyConstraint("complex", "version"),
        )
    _quiet()
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))


def _ladder() -> None:
    op.create_table(
        "duty_state",
        *_text("incident", "complex", "category", "place"),
        _bytes("state"),
        *_number("revision"),
        *_text("status", "level", "person", "severity"),
        *_number("at_top"),
        *_text("opened_at"),
        *_text("due_at", nullable=True),
        *_text("updated_at"),
        *_text("ended_at", nullable=True),
        sa.PrimaryKeyConstraint("incident"),
    )
    op.create_table(
        "duty_step",
        *_text("incident"),
        *_number("number"),
        *_text("complex"),
        *_number("revision"),
        *_text("level", "person", "why", "unit", "severity", "at"),
        *_text("sent_at", "dropped", nullable=True),
        sa.PrimaryKeyConstraint("incident", "number"),
    )
    op.create_table(
        "duty_alert",
        *_text("id", "complex", "category", "place", "rule", "occurred_at"),
        _bytes("body"),
        *_text("incident", nullable=True),
        *_text("why"),
        sa.PrimaryKeyConstraint("id"),
    )


def _quiet() -> None:
    op.create_table(
        "silence",
        *_text("id", "complex", "by", "reason", "since", "until", "rule", "category", "device", "place", "up_to"),
        *_text("ended_at", "ended_by", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "noise",
        *_text("alert", "complex", "device", "rule", "at"),
        *_number("is_false"),
        *_text("by"),
        sa.PrimaryKeyConstraint("alert"),
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
