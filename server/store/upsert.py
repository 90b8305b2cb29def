"""``INSERT … ON CONFLICT``, written once for both engines."""

from __future__ import annotations

# PostgreSQL's construct also compiles for SQLite, whose ON CONFLICT was made after its likeness; not the other way
# round. ``do_update`` wants its index elements named, which SQLite needs too.
from sqlalchemy.dialects.postgresql import insert as insert
