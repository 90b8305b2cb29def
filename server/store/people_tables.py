"""The tables of people: accounts, their logins, invitations and recovery codes. Secrets are digests, or encrypted."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

account = Table(
    "account",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("username", String, nullable=False, unique=True),
    Column("password_hash", String, nullable=False),  # of no scheme while the invited has set none
    Column("role", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),
    Column("locked_until", String),
    Column("disabled_at", String),  # it is not let in, and its logins are gone
    Column("totp_secret", String),  # encrypted (server/second_factor.py)
    Column("totp_set_at", String),  # None: begun, and not yet confirmed by a code
    Column("totp_last_step", BigInteger),  # of the last code that was taken: none is taken twice
)
login = Table(
    "login",
    metadata,
    Column("digest", String, primary_key=True),  # of the cookie's token; the token itself is nowhere
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    Column("csrf", String, nullable=False),
    Column("created_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("address", String),
    Column("browser", String),
    Column("verified_at", String),  # when its second factor was last shown
)
invitation = Table(
    "invitation",
    metadata,
    Column("digest", String, primary_key=True),  # of the link's token
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    Column("made_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
    Index("invitation_account", "account"),
)
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    Column("digest", String, nullable=False),
    Column("used_at", String),
    PrimaryKeyConstraint("account", "digest"),
)
