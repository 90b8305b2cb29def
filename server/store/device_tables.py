"""Tables of devices: how each gateway last said its devices are, and sheets that wait for somebody's word."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, String, Table
from sqlalchemy.types import JSON

from server.store.tables import metadata

device_heard = Table(  # of each gateway what its hellos said of its devices: one row, written at most once a hello
    "device_heard",
    metadata,
    Column("gateway", String, primary_key=True),
    Column("at", String, nullable=False),
    Column("devices", JSON, nullable=False),  # device -> when it was heard, its state and since when, what is wrong
    Column("kinds", JSON, nullable=False),  # of devices that the gateway can speak to -> the page that says how
)
device_import = Table(  # a sheet of devices that was read and shown to who sent it, and waits for their word
    "device_import",
    metadata,
    Column("account", Integer, ForeignKey("account.id"), primary_key=True),
    Column("complex", String, nullable=False),
    Column("made_at", String, nullable=False),
    Column("rows", LargeBinary, nullable=False),  # what was read, as JSON
)
