"""What every table is made with; the tables themselves stand in schema.py, and in files it is gathered from."""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, MetaData

metadata = MetaData()
# SQLite gives a rowid only to INTEGER; elsewhere positions are 64 bits wide.
Position = BigInteger().with_variant(Integer, "sqlite")
