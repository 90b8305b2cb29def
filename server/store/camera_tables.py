"""The tables of cameras that are looked at by our own rules: who changed what is drawn and why, and what was seen."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import Position, metadata

camera_change = Table(  # what a camera's entry in the document ``scenes`` was made, by whom, and why; append-only
    "camera_change",
    metadata,
    Column("complex", String, ForeignKey("complex.id"), nullable=False),
    Column("device", String, nullable=False),
    Column("version", Integer, nullable=False),  # of the document
    Column("body", LargeBinary),  # the camera's entry as JSON; none: by the settings of its box again
    Column("made_at", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("undid", Integer),  # the version that was put back
    PrimaryKeyConstraint("complex", "device", "version"),
)
detection = Table(  # a projection: what cameras told when it began, each fact once
    "detection",
    metadata,
    Column("complex", String, nullable=False),
    Column("fact", String, nullable=False),  # its id in hex, as alerts name it
    Column("position", Position, nullable=False),  # of its batch
    Column("device", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("label", String, nullable=False),
    Column("rule", String, nullable=False),  # "": the camera named none
    Column("picture", String),
    Column("said", String, nullable=False),  # JSON: zones, track, confidence, metrics, box
    PrimaryKeyConstraint("complex", "fact"),
    Index("detection_here", "complex", "device", "occurred_at"),
    Index("detection_position", "position"),
)
CAMERA_TABLES = (camera_change, detection)
DETECTION_TABLES = (detection,)
