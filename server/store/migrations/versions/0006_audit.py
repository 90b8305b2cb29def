"""the audit: append-only, chained; triggers refuse to change a row, but for blanking one that is three years old."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_POSITION = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_BLANKED = ("who", "role", "account", "complex", "kind", "ref", "reason", "address", "session", "details", "nonce")
_KEPT = ("number", "at", "action", "digest", "previous", "hash")
_SAYS = "the audit is append-only (docs/audit.md)"


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("number", _POSITION, autoincrement=False, nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("at", "action")),
        *(sa.Column(name, _type(name), nullable=True) for name in (*_BLANKED, "blanked_at")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("digest", "previous", "hash")),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("audit_at", "audit", ["at"])
    for name in ("who", "complex", "action"):
        op.create_index(f"audit_{name}", "audit", [name, "number"])
    for statement in _postgres() if op.get_bind().dialect.name == "postgresql" else _sqlite():
        op.execute(sa.text(statement))


def _type(name: str) -> Any:
    return sa.Integer() if name == "account" else sa.String()


def _is_blanking(same: str, three_years_ago: str) -> str:
    """Only the contents go, all of them, once, and of an old row that is not itself about blanking."""
    gone = " AND ".join(f"NEW.{name} IS NULL" for name in _BLANKED)
    kept = " AND ".join(f"NEW.{name} {same} OLD.{name}" for name in _KEPT)
    once = "OLD.blanked_at IS NULL AND NEW.blanked_at IS NOT NULL AND OLD.action <> 'audit.blanked'"
    return f"{gone} AND {kept} AND {once} AND OLD.at < {three_years_ago}"


def _sqlite() -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{_SAYS}'); END"
    blanking = _is_blanking("IS", "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-3 years')")
    not_next = "NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM audit)"
    return [
        f"CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit {refuse}",
        f"CREATE TRIGGER audit_keeps_contents BEFORE UPDATE ON audit WHEN NOT ({blanking}) {refuse}",
        # INSERT OR REPLACE deletes without asking the trigger above.
        f"CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit WHEN {not_next} {refuse}",
    ]


def _postgres() -> list[str]:
    now = "to_char((now() AT TIME ZONE 'UTC') - interval '3 years', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    refuse = "EXECUTE FUNCTION audit_refuses()"
    return [
        f"""CREATE FUNCTION audit_refuses() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF {_is_blanking("IS NOT DISTINCT FROM", now).replace(":", chr(92) + ":")} THEN RETURN NEW; END IF;
            END IF;
            RAISE EXCEPTION '{_SAYS}';
        END $$""",
        f"CREATE TRIGGER audit_keeps_rows BEFORE UPDATE OR DELETE ON audit FOR EACH ROW {refuse}",
        f"CREATE TRIGGER audit_keeps_table BEFORE TRUNCATE ON audit FOR EACH STATEMENT {refuse}",
    ]


def downgrade() -> None:
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuses()")
