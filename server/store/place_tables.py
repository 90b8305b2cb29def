"""The tables of places: areas, the complexes in them, their buildings and gates, and the grid's cells."""

from __future__ import annotations

from sqlalchemy import (
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

from server.store.tables import metadata

area = Table(  # a district, a street in it, a community in that
    "area",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", String, nullable=False),  # district | street | community
    Column("name", String, nullable=False),
    Column("parent", String, ForeignKey("area.id")),  # of a district: none
    Index("area_parent", "parent"),
)
area_within = Table(  # every area below itself and below all above it: whose rows a scope reaches is one look-up
    "area_within",
    metadata,
    Column("upper", String, ForeignKey("area.id"), nullable=False),
    Column("area", String, ForeignKey("area.id"), nullable=False),
    PrimaryKeyConstraint("upper", "area"),
    Index("area_within_area", "area"),
)
grid_cell = Table(  # a part of a community that one named person looks after
    "grid_cell",
    metadata,
    Column("id", String, primary_key=True),
    Column("area", String, ForeignKey("area.id"), nullable=False),  # its community
    Column("name", String, nullable=False),
    Column("worker", String),  # by name, as residents are told
    Column("phone", String),
    Column("account", Integer, ForeignKey("account.id")),
    UniqueConstraint("area", "name"),
)
complex_ = Table(
    "complex",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("timezone", String, nullable=False),
    Column("area", String, ForeignKey("area.id")),  # its community; none: only a city's scope, or its own, reaches it
    Column("management", String),  # professional | self_run | entrusted
    Column("address", String),
    Column("grid_cell", String, ForeignKey("grid_cell.id")),  # of its buildings too, where they have none
    Index("complex_area", "area"),
    Index("complex_grid_cell", "grid_cell"),
)
building = Table(
    "building",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("grid_cell", String, ForeignKey("grid_cell.id")),  # none: its complex's
    UniqueConstraint("complex", "name"),
    Index("building_grid_cell", "grid_cell"),
)
gate = Table(
    "gate",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("name", String, nullable=False),
    UniqueConstraint("complex", "name"),
)
account_scope = Table(  # what an account sees: everything where "city" is said, nothing where no row is
    "account_scope",
    metadata,
    Column("account", Integer, ForeignKey("account.id"), nullable=False),
    Column("kind", String, nullable=False),  # city | area | complex
    Column("place", String, nullable=False),  # an id of an area or a complex; of the city: empty
    PrimaryKeyConstraint("account", "kind", "place"),
)
place_import = Table(  # a workbook that was read and shown to who sent it, and waits for their word
    "place_import",
    metadata,
    Column("account", Integer, ForeignKey("account.id"), primary_key=True),
    Column("made_at", String, nullable=False),
    Column("rows", LargeBinary, nullable=False),  # what was read, as JSON
)
