"""the first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


# A partition a day: a day is dropped at once, and a reader's plan skips what lies before its cursor. The days' own
# partitions are made by eventlog/postgres_days.py; the rest takes what has none. Bodies come compressed.
_BATCHES_ON_POSTGRES = (
    "CREATE SEQUENCE batch_position AS bigint",
    """CREATE TABLE batch(
        position bigint NOT NULL DEFAULT nextval('batch_position'), shard integer NOT NULL, complex varchar NOT NULL,
        gateway varchar NOT NULL, stream varchar NOT NULL, epoch varchar NOT NULL,
        first bigint NOT NULL, last bigint NOT NULL, received_at varchar NOT NULL,
        body bytea STORAGE EXTERNAL NOT NULL, PRIMARY KEY (position)
    ) PARTITION BY RANGE (position)""",
    "ALTER SEQUENCE batch_position OWNED BY batch.position",
    "CREATE INDEX batch_shard ON batch(shard, position)",
    "CREATE TABLE batch_rest PARTITION OF batch DEFAULT",
)


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("complexes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("locked_until", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("username"),
    )
    op.create_table(
        "alert",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("incident", sa.String(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("point", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("occurred_at", sa.String(), nullable=False),
        sa.Column("recorded_at", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.Column("lateness", sa.String(), nullable=False),
        sa.Column("picture", sa.String(), nullable=True),
        sa.Column("event", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index("alert_arrived", ["received_at", "id"], unique=False)
        batch_op.create_index("alert_arrived_here", ["complex", "received_at", "id"], unique=False)
        batch_op.create_index("alert_incident", ["incident"], unique=False)
        batch_op.create_index("alert_picture", ["complex", "picture"], unique=False)
        batch_op.create_index("alert_recent", ["complex", "occurred_at"], unique=False)
        batch_op.create_index("alert_wants_picture", ["complex", "place", "occurred_at"], unique=False)

    _batches()
    op.create_table(
        "charge",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("session", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("entered_at", sa.String(), nullable=False),
        sa.Column("exited_at", sa.String(), nullable=False),
        sa.Column("class", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.Integer(), nullable=False),
        sa.Column("change_fen", sa.Integer(), nullable=False),
        sa.Column("lines", sa.JSON(), nullable=False),
        sa.Column("tariff", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("booked_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("complex", "session", "revision"),
    )
    op.create_table(
        "charge_passage",
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.String(), nullable=False),
        sa.Column("passage", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    with op.batch_alter_table("charge_passage", schema=None) as batch_op:
        batch_op.create_index("charge_passage_plate", ["complex", "plate", "occurred_at"], unique=False)

    op.create_table(
        "charge_session",
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("plate_color", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("entered_at", sa.String(), nullable=True),
        sa.Column("exited_at", sa.String(), nullable=True),
        sa.Column("entry_lane", sa.String(), nullable=True),
        sa.Column("exit_lane", sa.String(), nullable=True),
        sa.Column("entry_picture", sa.String(), nullable=True),
        sa.Column("exit_picture", sa.String(), nullable=True),
        sa.Column("anomalies", sa.JSON(), nullable=False),
        sa.Column("begun_at", sa.String(), nullable=False),
        sa.Column("begun_by", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    with op.batch_alter_table("charge_session", schema=None) as batch_op:
        batch_op.create_index("charge_session_plate", ["complex", "plate", "begun_at"], unique=False)
        batch_op.create_index("charge_session_recent", ["complex", "begun_at"], unique=False)

    op.create_table(
        "complex",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "cursor",
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("shard", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "shard"),
    )
    op.create_table(
        "delivery",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("feed", "id"),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index("delivery_newest", ["feed", "number"], unique=False)
        batch_op.create_index("delivery_waiting", ["feed", "state", "number"], unique=False)

    op.create_table(
        "door",
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("state_at", sa.String(), nullable=True),
        sa.Column("last_result", sa.String(), nullable=True),
        sa.Column("last_method", sa.String(), nullable=True),
        sa.Column("last_access_at", sa.String(), nullable=True),
        sa.Column("granted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("denied", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("complex", "device", "point"),
    )
    op.create_table("door_fact", sa.Column("id", sa.LargeBinary(), nullable=False), sa.PrimaryKeyConstraint("id"))
    op.create_table(
        "live",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("ref", sa.String(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "mark",
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("gateway", "stream", "epoch"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "media",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", "complex"),
    )
    op.create_table(
        "parking_passage",
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("id", sa.LargeBinary(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.String(), nullable=False),
        sa.Column("passage", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    with op.batch_alter_table("parking_passage", schema=None) as batch_op:
        batch_op.create_index("parking_passage_plate", ["complex", "plate", "occurred_at"], unique=False)

    op.create_table(
        "refusal",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "scene",
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("occurred_at", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "place", "occurred_at", "sha256"),
    )
    op.create_table(
        "session",
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("plate", sa.String(), nullable=False),
        sa.Column("plate_color", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("entered_at", sa.String(), nullable=True),
        sa.Column("exited_at", sa.String(), nullable=True),
        sa.Column("entry_lane", sa.String(), nullable=True),
        sa.Column("exit_lane", sa.String(), nullable=True),
        sa.Column("entry_picture", sa.String(), nullable=True),
        sa.Column("exit_picture", sa.String(), nullable=True),
        sa.Column("anomalies", sa.JSON(), nullable=False),
        sa.Column("begun_at", sa.String(), nullable=False),
        sa.Column("begun_by", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("complex", "id"),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index("session_plate", ["complex", "plate", "begun_at"], unique=False)
        batch_op.create_index("session_recent", ["complex", "begun_at"], unique=False)

    op.create_table(
        "alert_action",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("alert", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("at", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("request", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("request"),
    )
    with op.batch_alter_table("alert_action", schema=None) as batch_op:
        batch_op.create_index("alert_action_alert", ["alert", "number"], unique=False)

    op.create_table(
        "enrol_code",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.Column("used_at", sa.String(), nullable=True),
        sa.Column("gateway", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["complex"],
            ["complex.id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "gateway",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("public_key", sa.JSON(), nullable=False),
        sa.Column("enrolled_at", sa.String(), nullable=False),
        sa.Column("replaced_at", sa.String(), nullable=True),
        sa.Column("last_seen_at", sa.String(), nullable=True),
        sa.Column("status", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["complex"],
            ["complex.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "login",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("account", sa.Integer(), nullable=False),
        sa.Column("csrf", sa.String(), nullable=False),
        sa.Column("created_at", sa.String(), nullable=False),
        sa.Column("expires_at", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["account.id"],
        ),
        sa.PrimaryKeyConstraint("digest"),
    )


def _batches() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for statement in _BATCHES_ON_POSTGRES:
            op.execute(statement)
        return
    op.create_table(
        "batch",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("shard", sa.Integer(), nullable=False),
        sa.Column("complex", sa.String(), nullable=False),
        sa.Column("gateway", sa.String(), nullable=False),
        sa.Column("stream", sa.String(), nullable=False),
        sa.Column("epoch", sa.String(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.String(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("position"),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.create_index("batch_shard", ["shard", "position"], unique=False)


def downgrade() -> None:
    op.drop_table("login")
    op.drop_table("gateway")
    op.drop_table("enrol_code")
    with op.batch_alter_table("alert_action", schema=None) as batch_op:
        batch_op.drop_index("alert_action_alert")

    op.drop_table("alert_action")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index("session_recent")
        batch_op.drop_index("session_plate")

    op.drop_table("session")
    op.drop_table("scene")
    op.drop_table("refusal")
    with op.batch_alter_table("parking_passage", schema=None) as batch_op:
        batch_op.drop_index("parking_passage_plate")

    op.drop_table("parking_passage")
    op.drop_table("media")
    op.drop_table("mark")
    op.drop_table("live")
    op.drop_table("door_fact")
    op.drop_table("door")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index("delivery_waiting")
        batch_op.drop_index("delivery_newest")

    op.drop_table("delivery")
    op.drop_table("cursor")
    op.drop_table("complex")
    with op.batch_alter_table("charge_session", schema=None) as batch_op:
        batch_op.drop_index("charge_session_recent")
        batch_op.drop_index("charge_session_plate")

    op.drop_table("charge_session")
    with op.batch_alter_table("charge_passage", schema=None) as batch_op:
        batch_op.drop_index("charge_passage_plate")

    op.drop_table("charge_passage")
    op.drop_table("charge")
    with op.batch_alter_table("batch", schema=None) as batch_op:
        batch_op.drop_index("batch_shard")

    op.drop_table("batch")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index("alert_wants_picture")
        batch_op.drop_index("alert_recent")
        batch_op.drop_index("alert_picture")
        batch_op.drop_index("alert_incident")
        batch_op.drop_index("alert_arrived_here")
        batch_op.drop_index("alert_arrived")

    op.drop_table("alert")
    op.drop_table("account")
