"""What belongs to a complex, table by table: what travels with it, what stays and why, and what must be as it was."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, MetaData, Table, or_, select
from sqlalchemy.types import JSON

from server.store.schema import account, alert, batch, complex_, gateway, metadata

# What does not travel as rows.
STAYS: dict[str, str] = {
    "complex_move": "each cell's own word about it",
    "batch": "travels through the log, in its order, and gets positions of the log it comes to",
    "cursor": "counts positions of one log",
    "live": "its positions are screens' cursors; a screen loads the page anew",
    "door_fact": "folded again from the batches",
    "reader_wait": "positions of one log",
    "set_aside": "positions of one log",
    "lane_car": "minutes old: who stands at a lane, as a gateway here just said",
    "provider_bill": "what one cell's merchants were sent, of many complexes",
    "code_use": "seconds old: what a gateway here just said",
    "swipe_wait": "a minute of somebody of this cell",
    "resident_import": "what somebody at one cell read in",
    "device_import": "what somebody at one cell read in",
    "place_import": "what an operator of one cell read in",
    "rollout": "a plan of one cell, over many complexes; what it published travels as desired state",
    "rollout_target": "of a plan of one cell",
    "rollout_step": "of a plan of one cell",
    "area": "how a cell divides its city is its own",
    "area_within": "how a cell divides its city is its own",
    "grid_cell": "how a cell divides its city is its own",
    "account_scope": "people are a cell's own",
    "audit": "a chain of one cell: what was done there stays told there",
    "account": "people are a cell's own; who did something travels as a name",
    "login": "people are a cell's own",
    "invitation": "people are a cell's own",
    "recovery_code": "people are a cell's own",
    "picture_use": "folded again from the batches",
    "detection": "folded again from the batches",
    "unkept_object": "bytes in one cell's store",
    "expired": "what one cell let go, in numbers for its people",
    "retention_cursor": "positions of one log",
    "withheld": "positions of one log",
    "erasure_salt": "keys one cell's digests",
    "erasure": "digests by one cell's salt: docs/cells.md says what to do",
    "erased_picture": "of one cell's erasures",
    "enrol_code": "good for minutes, at the address it was shown with",
    "person_channel": "people are a cell's own",
    "person_notice": "people are a cell's own",
    "browser": "people are a cell's own",
    "open_screen": "seconds old: who looks at a screen of this cell",
    "duty_delivery": "who of this cell's people was told by what; a step that was sent is not sent again elsewhere",
    "watch_entry": "sealed by one cell's key: whoever gave the order gives it to the other cell too",
    "watch_hit": "of orders that one cell holds",
    "watch_told": "people are a cell's own",
    "watch_order": "of platforms of one cell",
    "watch_owed": "of orders that one cell holds",
    "platform_code": "an office numbers devices for one platform of one cell",
    "viid_serial": "what one cell's records are called at its platforms",
    "platform": "whom a cell owes records is its own",
    "platform_basis": "given to one cell's people",
    "platform_class": "of a platform of one cell",
    "platform_guard": "how a platform of one cell armed what it knows by its own codes",
    "platform_dialog": "a line between one cell and its platform",
    "handover": "a cell hands over what it has queued, and nobody does it again: platforms' readers note what came",
    "viid_session": "who is registered with one cell's view library",
    "viid_nonce": "minutes old: answers to one cell's challenges",
    "viid_subscription": "of a library above one cell, over many complexes",
    "retrieval": "who looked back at one cell's records, as its audit has it",
    "delivery": "a cell sends what it has queued, and nobody sends it again: feeds note what came with a complex",
}
# Columns that are another thing in another log.
_OF_ONE_LOG = {"batch_day": frozenset({"position"})}
_PARKING = ("parking_passage", "session", "doubt", "lane_opening", "lane_watermark", "lane_decision", "charging_record")
DERIVED = ("alert", "scene", "door", "device_state", *_PARKING, "batch_day", "order_result")
_LOG = ("mark", "gap", "wanted")


class Unknown(Exception):
    """A table that nobody said of whether it travels."""


class Traveller(NamedTuple):
    """A table whose rows travel. ``columns`` without a number that each cell gives by itself, and without what names
    something that stays."""

    table: Table
    columns: tuple[Column[Any], ...]

    @property
    def name(self) -> str:
        return str(self.table.name)

    @property
    def names(self) -> list[str]:
        """The columns' names, as plain words."""
        return [str(column.name) for column in self.columns]

    @property
    def is_numbered(self) -> bool:
        """Whether each cell numbers the rows by itself."""
        return _number_of(self.table) is not None

    @property
    def alike(self) -> tuple[int, ...]:
        """Which of the columns must be the same at both ends."""
        unlike = _OF_ONE_LOG.get(self.name, frozenset())
        return tuple(index for index, column in enumerate(self.columns) if column.name not in unlike)

    @property
    def people(self) -> tuple[int, ...]:
        """Which of the columns name an account."""
        return tuple(index for index, column in enumerate(self.columns) if names_an_account(column))

    def of(self, complex_id: str) -> ColumnElement[bool]:
        """Which rows are a complex's."""
        return owned(self.table, complex_id)


def names_an_account(column: Column[Any]) -> bool:
    return any(key.column.table is account for key in column.foreign_keys)


def _is_local(column: Column[Any]) -> bool:
    """Whether it names something that stays, people apart: a community, a grid's cell."""
    tables = {key.column.table for key in column.foreign_keys}
    return any(table.name in STAYS and table is not account for table in tables)


def owned(table: Table, complex_id: str) -> ColumnElement[bool]:
    """Which rows are a complex's: by itself, by its gateways, or by its alerts. Raises Unknown."""
    if table is complex_:
        return table.c.id == complex_id
    if "complex" in table.c:
        return table.c.complex == complex_id
    if "gateway" in table.c:
        its = select(gateway.c.id).where(gateway.c.complex == complex_id).scalar_subquery()
        return or_(table.c.gateway.in_(its), table.c.gateway == voice_of(complex_id))
    if "alert" in table.c:
        return table.c.alert.in_(select(alert.c.id).where(alert.c.complex == complex_id).scalar_subquery())
    raise Unknown(f"{table.name}: say in server/cells/catalogue.py whether it travels with a complex")


def voice_of(complex_id: str) -> str:
    """Under what name the centre itself appends to the log for a complex."""
    return f"centre/{complex_id}"


def owner_in(table: Table, row: str) -> str:
    """Whose a row is, as SQL: for a trigger, where ``row`` is NEW or OLD."""
    if "complex" in table.c:
        return f"{row}.complex"
    if "gateway" in table.c:
        return f"(SELECT complex FROM gateway WHERE id = {row}.gateway)"  # noqa: S608 - names of ours
    return f"(SELECT complex FROM alert WHERE id = {row}.alert)"  # noqa: S608 - names of ours


def travellers() -> list[Traveller]:
    """Every table whose rows travel, those that others refer to first. Raises Unknown."""
    return [_traveller(table) for table in metadata.sorted_tables if table.name not in STAYS]


def fenced() -> list[Table]:
    """Tables that nobody may write for a complex that is leaving: what only the log's readers write apart, for the log
    takes nothing more of it, and a rebuild must be able to write the same again."""
    free = (*DERIVED, *_LOG, "complex")  # the last is written anew from the settings at each start
    return [traveller.table for traveller in travellers() if traveller.name not in free]


def _traveller(table: Table) -> Traveller:
    owned(table, "")
    number = _number_of(table)
    left = [column for column in table.columns if column is number or _is_local(column)]
    return Traveller(table, tuple(column for column in table.columns if column not in left))


def _number_of(table: Table) -> Column[Any] | None:
    found: Any = table.autoincrement_column
    return found


def orphans(traveller: Traveller, complex_id: str) -> ColumnElement[bool]:
    """Of counts by day, those whose batch is no longer there: the others are counted again from the batches."""
    there = select(batch.c.position).where(batch.c.position == traveller.table.c.position)
    return traveller.of(complex_id) & ~there.exists()


def exact(table: Table) -> Table:
    """The table for writing rows as they were: a JSON column that was NULL is NULL again."""
    copy = table.to_metadata(MetaData())
    for column in copy.columns:
        if isinstance(column.type, JSON):
            column.type = JSON(none_as_null=True)
    return copy
