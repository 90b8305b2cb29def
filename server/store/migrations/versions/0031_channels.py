"""channels: how people want to be told, their browsers, whose screen stands open, what was sent by what."""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
_TABLES = ("person_channel", "person_notice", "browser", "open_screen", "duty_delivery")
_INDEXES = (
    ("browser_account", "browser", ("account",)),
    ("duty_delivery_again", "duty_delivery", ("state", "again_at")),
    ("duty_delivery_next", "duty_delivery", ("next_at",)),
    ("duty_delivery_whom", "duty_delivery", ("person", "desk", "at")),
    ("duty_delivery_carrier", "duty_delivery", ("carrier",)),
)


def _text(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=nullable) for name in names]


def _number(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _of_an_account() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["account"], ["account.id"])


def upgrade() -> None:
    _people()
    op.create_table(
        "duty_delivery",
        *_text("incident"),
        *_number("number"),
        *_text("channel", "complex", "person", "desk", "severity", "state", "at"),
        *_text("error", "words", nullable=True),
        *_number("attempts", "is_push"),
        *_text("again_at", "next_at", "carrier", nullable=True),
        sa.PrimaryKeyConstraint("incident", "number", "channel"),
    )
    for name, table, columns in _INDEXES:
        op.create_index(name, table, list(columns))


def _people() -> None:
    op.create_table(
        "person_channel",
        *_number("account"),
        *_text("channel"),
        *_number("rank", "is_on"),
        *_text("least", "address"),
        _of_an_account(),
        sa.PrimaryKeyConstraint("account", "channel"),
    )
    op.create_table(
        "person_notice",
        *_number("account"),
        *_text("quiet_from", "quiet_to", "lang"),
        *_text("tested_at", nullable=True),
        _of_an_account(),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "browser",
        *_text("digest"),
        *_number("account"),
        *_text("endpoint", "p256dh", "auth", "name", "made_at"),
        _of_an_account(),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "open_screen", *_number("account"), *_text("until"), _of_an_account(), sa.PrimaryKeyConstraint("account")
    )


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
