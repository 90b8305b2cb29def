"""Tables of the feed over GA/T 1400: how the police number devices, and the serials that records got."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table
from sqlalchemy.types import JSON

from server.store.tables import metadata

platform_code = Table(  # the code of twenty digits that a platform's office gave a device, and what its catalogue says
    "platform_code",
    metadata,
    Column("platform", String, nullable=False),
    Column("complex", String, nullable=False),
    Column("device", String, nullable=False),  # as in events
    Column("code", String, nullable=False),
    Column("said", JSON, nullable=False),  # domain.viid.sources.Coded without the code
    PrimaryKeyConstraint("platform", "complex", "device"),
)
viid_serial = Table(  # what a record is called at the far end: the same over every retry and restart
    "viid_serial",
    metadata,
    Column("code", String, nullable=False),  # of the device
    Column("record", LargeBinary, nullable=False),
    Column("second", String, nullable=False),  # fourteen digits, Beijing
    Column("first", Integer, nullable=False),
    Column("last", Integer, nullable=False),
    PrimaryKeyConstraint("code", "record"),
)
Index("viid_serial_second", viid_serial.c.code, viid_serial.c.second, viid_serial.c.first, unique=True)
Index("viid_serial_age", viid_serial.c.second)
