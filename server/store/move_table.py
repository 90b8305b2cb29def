"""The table of complexes that move to another cell, moved there, or came from there; none of one that was always here.

The log reads ``state`` before it takes a batch, and ``copied`` moves with batches that come in (eventlog/*_batches.py).
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, String, Table

from server.store.tables import metadata

complex_move = Table(
    "complex_move",
    metadata,
    Column("complex", String, primary_key=True),
    # Of one that goes: closing | copying | opening | moved | gone; of one that comes: importing | open.
    Column("state", String, nullable=False),
    Column("version", Integer, nullable=False),  # of where it is, as the directory counts: one higher with each move
    Column("cell", String, nullable=False),  # the other cell's name,
    Column("url", String, nullable=False),  # and of a complex that goes, where gateways find it,
    Column("fingerprint", String, nullable=False),  # and by which certificate
    Column("told", Integer, nullable=False),  # whether the directory knows
    # Of one that comes: up to where in the other's log its batches are here, and how many parcels of rows;
    Column("copied", BigInteger, nullable=False),
    Column("rows_copied", Integer, nullable=False),
    Column("through", BigInteger),  # once it is open, the last position here of what came with it
    Column("begun_at", String, nullable=False),
    Column("changed_at", String, nullable=False),
)
