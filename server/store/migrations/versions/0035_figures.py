"""figures for desks: when gateways were heard; of matters, how far they climbed and how soon they were taken."""

import json
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
_MATTER = ("climbed_to", "taken_s", "ended_s", "ended_why")
_LEVELS = ("complex", "community", "street", "department")
_AT_ONCE = 1_000


def upgrade() -> None:
    op.create_table(
        "gateway_online",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(), nullable=False),
        sa.Column("hours", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "place"),
    )
    op.create_index("gateway_online_day", "gateway_online", ["day"])
    op.add_column("gateway_health", sa.Column("counted_since", sa.String()))
    op.add_column("gateway_health", sa.Column("devices", sa.Integer()))
    for name in _MATTER:
        op.add_column("duty_state", sa.Column(name, sa.Integer() if name.endswith("_s") else sa.String()))
    op.create_index("duty_state_opened", "duty_state", ["opened_at"])
    op.create_index("alert_happened", "alert", ["occurred_at"])
    _tell(op.get_bind())


def _tell(connection: sa.Connection) -> None:
    """Of the matters that are there. What cannot be read stays without figures."""
    found = sa.text(
        "SELECT incident, state, opened_at FROM duty_state WHERE incident > :last ORDER BY incident LIMIT :most"
    )
    sets = ", ".join(f"{name} = :{name}" for name in _MATTER)
    tell = sa.text(f"UPDATE duty_state SET {sets} WHERE incident = :incident")  # noqa: S608 - names of ours
    last = ""
    while rows := connection.execute(found, {"last": last, "most": _AT_ONCE}).all():
        last = rows[-1].incident
        told = [figures | {"incident": one.incident} for one in rows if (figures := _figures(one.state, one.opened_at))]
        if told:
            connection.execute(tell, told)


def _figures(body: bytes, opened_at: str) -> dict[str, object]:
    try:
        state = json.loads(bytes(body))
        tenures, ended = state["tenures"], state.get("ended")
        climbed = [_LEVELS.index(one["owner"]["level"]) for one in tenures if one["why"] == "climbed"]
        taken = [one["since"] for one in tenures if one["why"] == "acknowledged"]
        taken += [ended["at"]] if ended and ended["why"] in ("closed", "false") else []
        return {
            "climbed_to": _LEVELS[max(climbed)] if climbed else None,
            "taken_s": min((_since(opened_at, at) for at in taken), default=None),
            "ended_s": _since(opened_at, ended["at"]) if ended else None,
            "ended_why": ended["why"] if ended else None,
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}


def _since(opened_at: str, at: str) -> int:
    return max(0, int((datetime.fromisoformat(at) - datetime.fromisoformat(opened_at)).total_seconds()))


def downgrade() -> None:
    op.drop_index("alert_happened", "alert")
    op.drop_index("duty_state_opened", "duty_state")
    for name in _MATTER:
        op.drop_column("duty_state", name)
    for name in ("devices", "counted_since"):
        op.drop_column("gateway_health", name)
    op.drop_table("gateway_online")
