"""Every table of the centre, as SQLAlchemy Core. Times are ISO 8601 in UTC with milliseconds; money is integer fen."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    UniqueConstraint,
)
from sqlalchemy.types import JSON

from server.store import retention_tables as retention_tables  # the metadata holds every table
from server.store.audit_table import audit as audit
from server.store.bill_tables import bill_file as bill_file
from server.store.bill_tables import bill_item as bill_item
from server.store.bill_tables import bill_report as bill_report
from server.store.bill_tables import bill_setting as bill_setting
from server.store.bill_tables import bill_upload as bill_upload
from server.store.camera_tables import camera_change as camera_change
from server.store.camera_tables import detection as detection
from server.store.care_tables import care_task as care_task
from server.store.care_tables import care_watch as care_watch
from server.store.channel_tables import browser as browser
from server.store.channel_tables import duty_delivery as duty_delivery
from server.store.channel_tables import open_screen as open_screen
from server.store.channel_tables import person_channel as person_channel
from server.store.channel_tables import person_notice as person_notice
from server.store.coupon_tables import coupon as coupon
from server.store.coupon_tables import coupon_allotment as coupon_allotment
from server.store.coupon_tables import coupon_issuer as coupon_issuer
from server.store.coupon_tables import merchant_bill as merchant_bill
from server.store.device_tables import device_heard as device_heard
from server.store.device_tables import device_import as device_import
from server.store.duty_tables import duty_alert as duty_alert
from server.store.duty_tables import duty_plan as duty_plan
from server.store.duty_tables import duty_rota as duty_rota
from server.store.duty_tables import duty_state as duty_state
from server.store.duty_tables import duty_step as duty_step
from server.store.duty_tables import noise as noise
from server.store.duty_tables import silence as silence
from server.store.fleet_tables import gateway_found as gateway_found
from server.store.fleet_tables import gateway_health as gateway_health
from server.store.fleet_tables import gateway_online as gateway_online
from server.store.fleet_tables import gateway_past as gateway_past
from server.store.fleet_tables import gateway_tag as gateway_tag
from server.store.fleet_tables import rollout as rollout
from server.store.fleet_tables import rollout_step as rollout_step
from server.store.fleet_tables import rollout_target as rollout_target
from server.store.item_tables import item as item
from server.store.item_tables import item_act as item_act
from server.store.item_tables import item_picture as item_picture
from server.store.item_tables import snap_place as snap_place
from server.store.lane_tables import charging_record as charging_record
from server.store.lane_tables import lane_decision as lane_decision
from server.store.money_tables import cash_deposit as cash_deposit
from server.store.money_tables import cash_shift as cash_shift
from server.store.money_tables import journal as journal
from server.store.money_tables import journal_line as journal_line
from server.store.money_tables import lane_exit as lane_exit
from server.store.money_tables import ledger_balance as ledger_balance
from server.store.money_tables import ledger_day as ledger_day
from server.store.money_tables import ledger_head as ledger_head
from server.store.money_tables import pass_term as pass_term
from server.store.money_tables import payment as payment
from server.store.money_tables import refund as refund
from server.store.money_tables import reminder as reminder
from server.store.money_tables import session_act as session_act
from server.store.money_tables import session_proposal as session_proposal
from server.store.move_table import complex_move as complex_move
from server.store.parking_tables import doubt as doubt
from server.store.parking_tables import lane_opening as lane_opening
from server.store.parking_tables import lane_watermark as lane_watermark
from server.store.parking_tables import passage_correction as passage_correction
from server.store.patrol_tables import patrol_act as patrol_act
from server.store.patrol_tables import patrol_point as patrol_point
from server.store.patrol_tables import patrol_route as patrol_route
from server.store.payment_tables import lane_car as lane_car
from server.store.payment_tables import pay_code as pay_code
from server.store.payment_tables import payment_order as payment_order
from server.store.payment_tables import provider_bill as provider_bill
from server.store.payment_tables import provider_notice as provider_notice
from server.store.people_tables import account as account
from server.store.people_tables import invitation as invitation
from server.store.people_tables import login as login
from server.store.people_tables import recovery_code as recovery_code
from server.store.place_tables import account_scope as account_scope
from server.store.place_tables import area as area
from server.store.place_tables import area_within as area_within
from server.store.place_tables import building as building
from server.store.place_tables import complex_ as complex_
from server.store.place_tables import gate as gate
from server.store.place_tables import grid_cell as grid_cell
from server.store.place_tables import place_import as place_import
from server.store.plan_tables import device_state as device_state
from server.store.plan_tables import pin as pin
from server.store.plan_tables import site_plan as site_plan
from server.store.platform_tables import handover as handover
from server.store.platform_tables import platform as platform
from server.store.platform_tables import platform_basis as platform_basis
from server.store.platform_tables import platform_class as platform_class
from server.store.platform_tables import platform_dialog as platform_dialog
from server.store.platform_tables import platform_guard as platform_guard
from server.store.platform_tables import retrieval as retrieval
from server.store.resident_tables import access_group as access_group
from server.store.resident_tables import access_holiday as access_holiday
from server.store.resident_tables import access_list as access_list
from server.store.resident_tables import access_schedule as access_schedule
from server.store.resident_tables import code_use as code_use
from server.store.resident_tables import credential as credential
from server.store.resident_tables import household as household
from server.store.resident_tables import resident as resident
from server.store.resident_tables import resident_import as resident_import
from server.store.resident_tables import swipe_wait as swipe_wait
from server.store.resident_tables import vehicle_pass as vehicle_pass
from server.store.resident_tables import visitor_link as visitor_link
from server.store.revenue_tables import public_account as public_account
from server.store.revenue_tables import public_month as public_month
from server.store.revenue_tables import revenue_document as revenue_document
from server.store.revenue_tables import revenue_entry as revenue_entry
from server.store.revenue_tables import revenue_step as revenue_step
from server.store.rule_tables import rule_version as rule_version
from server.store.tables import Position as Position
from server.store.tables import metadata as metadata
from server.store.tariff_tables import pass_place as pass_place
from server.store.tariff_tables import tariff_version as tariff_version
from server.store.viid_number_tables import platform_code as platform_code
from server.store.viid_number_tables import viid_serial as viid_serial
from server.store.viid_tables import viid_nonce as viid_nonce
from server.store.viid_tables import viid_session as viid_session
from server.store.viid_tables import viid_subscription as viid_subscription
from server.store.watch_tables import watch_entry as watch_entry
from server.store.watch_tables import watch_hit as watch_hit
from server.store.watch_tables import watch_order as watch_order
from server.store.watch_tables import watch_owed as watch_owed
from server.store.watch_tables import watch_told as watch_told

STATED = ("produced", "held", "unsent", "trimmed", "dropped", "through")  # numbers of a gateway's statement

# --- the log (statements in eventlog/sqlite_batches.py and postgres_batches.py; there it is partitioned by day) ---

batch = Table(
    "batch",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("shard", Integer, nullable=False),
    Column("complex", String, nullable=False),
    Column("gateway", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("epoch", String, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("received_at", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("batch_shard", "shard", "position"),
    sqlite_autoincrement=True,
)
mark = Table(
    "mark",
    metadata,
    Column("gateway", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("epoch", String, nullable=False),
    Column("last", BigInteger, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch"),
    sqlite_with_rowid=False,
)
gap = Table(  # sequences that will never come, as their gateway declared them: listed for ever
    "gap",
    metadata,
    Column("gateway", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("epoch", String, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("reason", String, nullable=False),  # trimmed | capacity | unreadable | missing
    Column("detail", String, nullable=False),
    Column("declared_at", String, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "first"),
)
wanted = Table(  # sequences the centre had and asks its gateways for again
    "wanted",
    metadata,
    Column("gateway", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("epoch", String, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("since", String, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "first"),
)
cursor = Table(
    "cursor",
    metadata,
    Column("reader", String, nullable=False),
    Column("shard", String, nullable=False),
    Column("position", BigInteger, nullable=False),
    PrimaryKeyConstraint("reader", "shard"),
)
reader_wait = Table(  # a reader that cannot take the record before it; the row goes when it has gone on
    "reader_wait",
    metadata,
    Column("reader", String, nullable=False),
    Column("shard", String, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("error", String, nullable=False),
    Column("since", String, nullable=False),
    Column("seen_at", String, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    PrimaryKeyConstraint("reader", "shard"),
)
set_aside = Table(  # a record that a person let a reader pass by, and why: listed for ever; its bytes stay in the log
    "set_aside",
    metadata,
    Column("reader", String, nullable=False),
    Column("shard", String, nullable=False),
    Column("position", BigInteger, nullable=False),
    *(Column(name, String, nullable=False) for name in ("complex", "gateway", "stream", "epoch")),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    *(Column(name, String, nullable=False) for name in ("error", "reason", "by", "at")),
    PrimaryKeyConstraint("reader", "shard", "position"),
)

# --- gateways, pictures (places: place_tables.py) ---

gateway = Table(
    "gateway",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("public_key", JSON, nullable=False),
    Column("enrolled_at", String, nullable=False),
    Column("replaced_at", String),  # its key is dead from then on
    Column("last_seen_at", String),
    Column("status", JSON),  # what its last hello said
    Column("replaces", String),  # the gateway whose box stood here before
    Column("silence_told", String),  # the last contact of which it was told that nothing came after it
    Column("heard_since", String),  # without a gap (domain/alerts/coming_back.py)
)
enrol_code = Table(
    "enrol_code",
    metadata,
    Column("digest", String, primary_key=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("expires_at", String, nullable=False),
    Column("used_at", String),
    Column("gateway", String),
    Column("replaces", String),  # the gateway whose key ends when this code is used
)
refusal = Table(  # what gateways sent and the centre did not take: the bytes are kept for a person
    "refusal",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("gateway", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
media = Table(
    "media",
    metadata,
    Column("sha256", String, nullable=False),
    Column("complex", String, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("type", String, nullable=False),
    Column("received_at", String, nullable=False),
    PrimaryKeyConstraint("sha256", "complex"),
)

# --- the alerts projection ---

alert = Table(
    "alert",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, nullable=False),
    Column("incident", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("category", String, nullable=False),
    Column("device", String, nullable=False),
    Column("place", String),
    Column("point", String),
    Column("subject", String),
    Column("occurred_at", String, nullable=False),
    Column("recorded_at", String, nullable=False),
    Column("received_at", String, nullable=False),
    Column("lateness", String, nullable=False),
    Column("picture", String),
    Column("event", LargeBinary, nullable=False),  # the event as JSON
    Column("fact", String),  # the id of its fact in hex; None of what was folded before alerts knew it
    Index("alert_fact", "fact"),
    Index("alert_recent", "complex", "occurred_at"),
    Index("alert_happened", "occurred_at"),
    Index("alert_arrived", "received_at", "id"),
    Index("alert_arrived_here", "complex", "received_at", "id"),
    Index("alert_incident", "incident"),
    Index("alert_picture", "complex", "picture"),
    Index("alert_wants_picture", "complex", "place", "occurred_at"),
)
scene = Table(  # pictures of a place, so that an alert without one finds its neighbour's
    "scene",
    metadata,
    Column("complex", String, nullable=False),
    Column("place", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("sha256", String, nullable=False),
    PrimaryKeyConstraint("complex", "place", "occurred_at", "sha256"),
)
# What was done with alerts: written by people, or as a thing came back; not derived, so no rebuild touches it.
alert_action = Table(
    "alert_action",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("alert", String, nullable=False),
    Column("action", String, nullable=False),  # acknowledge | undo | hand_over | close | false | clear
    Column("account", Integer, ForeignKey("account.id")),  # none of what ended by itself
    Column("at", String, nullable=False),  # of what ended by itself: since when it is so
    Column("note", String),
    Column("request", String, nullable=False, unique=True),  # the screen's own key: a tap sent twice is one action
    Column("photo", String),  # how it looked when it was closed: the hash of a picture of the complex
    Index("alert_action_alert", "alert", "number"),
    Index("alert_action_photo", "photo"),
)
live = Table(  # what screens must hear; an SSE event id is a position here
    "live",
    metadata,
    Column("position", Position, primary_key=True, autoincrement=True),
    Column("complex", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("ref", String, nullable=False),
    Column("at", String, nullable=False),
    sqlite_autoincrement=True,
)

# --- the doors projection ---

door = Table(
    "door",
    metadata,
    Column("complex", String, nullable=False),
    Column("device", String, nullable=False),
    Column("point", String, nullable=False),
    Column("place", String),
    Column("state", String),
    Column("state_at", String),
    Column("last_result", String),
    Column("last_method", String),
    Column("last_access_at", String),
    Column("granted", Integer, nullable=False, server_default="0"),
    Column("denied", Integer, nullable=False, server_default="0"),
    PrimaryKeyConstraint("complex", "device", "point"),
)
door_fact = Table(  # ids already counted, so that the same fact under a new epoch counts once
    "door_fact",
    metadata,
    Column("id", LargeBinary, primary_key=True),
)


# --- parking: the projection shows, the book charges; each keeps its own passages ---


def _passages(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("complex", String, nullable=False),
        Column("id", LargeBinary, nullable=False),
        Column("plate", String, nullable=False),
        Column("occurred_at", String, nullable=False),
        Column("passage", LargeBinary, nullable=False),  # domain.passages.Passage as JSON: the raw reading
        Column("amended", LargeBinary),  # domain.corrections.Amendment: by it plate and occurred_at are what they are
        PrimaryKeyConstraint("complex", "id"),
        Index(f"{name}_plate", "complex", "plate", "occurred_at"),
    )


def _sessions(name: str) -> Table:
    return Table(
        name,
        metadata,
        Column("complex", String, nullable=False),
        Column("id", String, nullable=False),
        Column("plate", String, nullable=False),
        Column("plate_color", String, nullable=False),
        Column("state", String, nullable=False),  # domain.parking.State
        Column("entered_at", String),
        Column("exited_at", String),
        Column("entry_lane", String),
        Column("exit_lane", String),
        Column("entry_picture", String),
        Column("exit_picture", String),
        Column("anomalies", JSON, nullable=False),  # [{kind, passage}]
        Column("begun_at", String, nullable=False),  # of the passage that began it,
        Column("begun_by", LargeBinary, nullable=False),  # and its id
        Column("merged_into", String),  # the stay that a merged one is a part of
        PrimaryKeyConstraint("complex", "id"),
        Index(f"{name}_plate", "complex", "plate", "begun_at"),
        Index(f"{name}_recent", "complex", "begun_at"),
    )


parking_passage = _passages("parking_passage")
charge_passage = _passages("charge_passage")
Index("parking_passage_at", parking_passage.c.complex, parking_passage.c.occurred_at)
session = _sessions("session")
Index("session_exited", session.c.complex, session.c.exited_at)
charge_session = _sessions("charge_session")
charge = Table(  # append-only: a changed session gets a new revision, never a changed row
    "charge",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("complex", String, nullable=False),
    Column("session", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("plate", String, nullable=False),
    Column("entered_at", String, nullable=False),
    Column("exited_at", String, nullable=False),
    Column("class", String, nullable=False),
    Column("amount_fen", Integer, nullable=False),  # what the session costs now
    Column("change_fen", Integer, nullable=False),  # against the revision before
    Column("lines", JSON, nullable=False),  # the explanation: [{from, to, rule, units, fen}]
    Column("tariff", String, nullable=False),  # the tariff's version
    Column("reason", String, nullable=False),  # priced | corrected | voided | unpriced | no_entry
    Column("note", String),  # why a stay could not be priced
    Column("booked_at", String, nullable=False),
    Column("journal", BigInteger),  # the newest of its session in the ledger; none: it has cost nothing so far
    # What of coupons is among the lines, against the revision before.
    Column("discount_change_fen", Integer, nullable=False, server_default="0"),
    UniqueConstraint("complex", "session", "revision"),
    Index("charge_exited", "complex", "exited_at"),
)
_unbooked = charge.c.journal.is_(None) & (charge.c.change_fen != 0)  # those from before there was a ledger
Index("charge_unbooked", charge.c.complex, charge.c.number, sqlite_where=_unbooked, postgresql_where=_unbooked)

# --- conservation: what gateways state, what is counted here, what does not add up ---

statement_head = Table(  # the latest statement of each gateway
    "statement_head",
    metadata,
    Column("gateway", String, primary_key=True),
    Column("zone", String),  # of the days
    Column("streams", JSON),  # stream -> {epoch, through}
    Column("made_at", String),
    Column("received_at", String),
    Column("wanted_at", String),  # a person asked for a new one
)
statement = Table(  # the latest row of each day
    "statement",
    metadata,
    *(Column(name, String, nullable=False) for name in ("gateway", "stream", "epoch")),
    Column("day", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in STATED),
    Column("made_at", String, nullable=False),
    Column("received_at", String, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "day"),
)
untaken = Table(  # messages that became no record at the gateway
    "untaken",
    metadata,
    Column("gateway", String, nullable=False),
    Column("day", Integer, nullable=False),
    Column("reason", String, nullable=False),
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("gateway", "day", "reason"),
)
carried = Table(  # of a gateway's store that was lost: what it counts under its next epoch now
    "carried",
    metadata,
    *(Column(name, String, nullable=False) for name in ("gateway", "stream", "epoch")),
    Column("day", Integer, nullable=False),  # -1: all that could be read was carried over; how many could not
    Column("count", BigInteger, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "day"),
)
batch_day = Table(  # how many events of each day a batch brought; of a batch that is no longer there, that it was
    "batch_day",
    metadata,
    *(Column(name, String, nullable=False) for name in ("gateway", "stream", "epoch")),
    Column("day", Integer, nullable=False),
    Column("position", Position, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    PrimaryKeyConstraint("gateway", "stream", "epoch", "day", "position"),
    Index("batch_day_sequence", "gateway", "stream", "epoch", "first"),
    sqlite_with_rowid=False,
)
conservation_finding = Table(  # a day of a stream that was once broken: an alert was raised for it, once
    "conservation_finding",
    metadata,
    Column("gateway", String, nullable=False),
    Column("stream", String, nullable=False),
    Column("day", Integer, nullable=False),
    Column("differences", JSON, nullable=False),  # name -> number, as last seen
    Column("found_at", String, nullable=False),
    Column("seen_at", String, nullable=False),
    Column("cleared_at", String),  # it adds up again since
    PrimaryKeyConstraint("gateway", "stream", "day"),
)

# --- feeds ---

delivery = Table(
    "delivery",
    metadata,
    Column("feed", String, nullable=False),
    Column("id", LargeBinary, nullable=False),  # the event's id: what the far end folds by
    Column("number", Position, nullable=False),
    Column("state", String, nullable=False),  # waiting | sent | parked | elsewhere: by the cell its complex came from
    Column("attempts", Integer, nullable=False),
    Column("error", String),
    Column("body", LargeBinary),  # the CloudEvent; gone once sent
    PrimaryKeyConstraint("feed", "id"),
    Index("delivery_waiting", "feed", "state", "number"),
    Index("delivery_newest", "feed", "number"),
)

# --- what comes down: desired state by version, what gateways made of it, orders ---

desired_state = Table(  # append-only: a wish is changed by a higher version
    "desired_state",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("kind", String, nullable=False),
    Column("version", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),  # JSON, keys sorted
    Column("sha256", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    UniqueConstraint("complex", "kind", "version"),
    sqlite_autoincrement=True,
)
gateway_applied = Table(
    "gateway_applied",
    metadata,
    Column("gateway", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("version", Integer, nullable=False),  # 0: none yet
    Column("applied_at", String),  # when the centre first heard so
    Column("refused_version", Integer),
    Column("refused_reason", String),
    PrimaryKeyConstraint("gateway", "kind"),
)
gateway_order = Table(
    "gateway_order",
    metadata,
    Column("number", Position, primary_key=True, autoincrement=True),
    Column("id", String, nullable=False, unique=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("gateway", String, ForeignKey("gateway.id"), nullable=False),
    Column("device", String, nullable=False),
    Column("name", String, nullable=False),
    Column("args", JSON, nullable=False),
    Column("issued_at", String, nullable=False),
    Column("expires_at", String, nullable=False),
    Column("issued_by", String, nullable=False),
    Column("handed_at", String),  # first given to the gateway
    Column("received_at", String),  # the gateway has its id on disk: not given again
    Index("gateway_order_open", "gateway", "received_at", "expires_at"),
    sqlite_autoincrement=True,
)
order_result = Table(  # the orders projection: what gateways said became of their orders
    "order_result",
    metadata,
    Column("gateway", String, nullable=False),
    Column("id", String, nullable=False),
    Column("state", String, nullable=False),
    Column("at", String, nullable=False),
    Column("text", String),
    PrimaryKeyConstraint("gateway", "id"),
)

ALERT_TABLES = (alert, scene)
ORDER_TABLES = (order_result,)
DOOR_TABLES = (door, door_fact, device_state)
# lane_watermark only rises, and outlives the records that told it: no rebuild makes it anew.
PARKING_TABLES = (parking_passage, session, doubt, lane_opening, lane_decision, charging_record)
CONSERVATION_TABLES = (batch_day,)
