"""The tables of site plans: pictures of a complex, where on them its devices are, and what these last said."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

site_plan = Table(  # one of the whole complex, one a building or a floor
    "site_plan",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("rank", Integer, nullable=False),  # in which order they are shown
    Column("building", String, ForeignKey("building.id")),  # none: of the whole complex
    Column("picture", String),  # in ``media``; none: the schematic that the server draws
    Column("width_px", Integer),
    Column("height_px", Integer),
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("removed_at", String),  # it can be put back for a while
    Index("site_plan_complex", "complex"),
)
pin = Table(  # where a thing is on a plan, in thousandths of the picture: a new scan keeps the pins
    "pin",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("plan", String, ForeignKey("site_plan.id"), nullable=False),
    Column("device", String, nullable=False),  # of a lane: lane:<id>
    Column("point", String, nullable=False),  # "": the whole device
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Column("placed_at", String, nullable=False),
    Column("placed_by", String, nullable=False),
    PrimaryKeyConstraint("plan", "device", "point"),
    Index("pin_complex", "complex"),
)
device_state = Table(  # of the doors projection: what devices last said of being there, and barriers of their arms
    "device_state",
    metadata,
    Column("complex", String, nullable=False),
    Column("device", String, nullable=False),
    Column("point", String, nullable=False),
    Column("kind", String, nullable=False),  # availability | barrier
    Column("state", String, nullable=False),
    Column("code", String, nullable=False),  # the device's own number of it; "" where it gives none
    Column("state_at", String, nullable=False),
    PrimaryKeyConstraint("complex", "device", "point", "kind"),
)
