"""people: invitations by link, a second factor with recovery codes, disabled accounts, where logins come from."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_OF_ACCOUNT = (
    ("disabled_at", sa.String()),
    ("totp_secret", sa.String()),
    ("totp_set_at", sa.String()),
    ("totp_last_step", sa.BigInteger()),
)
_OF_LOGIN = ("address", "browser", "verified_at")


def upgrade() -> None:
    for name, kind in _OF_ACCOUNT:
        op.add_column("account", sa.Column(name, kind, nullable=True))
    for name in _OF_LOGIN:
        op.add_column("login", sa.Column(name, sa.String(), nullable=True))
    op.create_table(
        "invitation",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("used_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("invitation_account", "invitation", ["account"])
    op.create_table(
        "recovery_code",
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("used_at", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "digest"),
    )


def downgrade() -> None:
    op.drop_table("recovery_code")
    op.drop_table("invitation")
    with op.batch_alter_table("login") as login:
        for name in _OF_LOGIN:
            login.drop_column(name)
    with op.batch_alter_table("account") as account:
        for name, _ in _OF_ACCOUNT:
            account.drop_column(name)
