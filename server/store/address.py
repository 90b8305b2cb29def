"""Where the centre's database is: a file of SQLite in the data folder, or a PostgreSQL by its URL."""

from __future__ import annotations

from pathlib import Path

FILE = "gatehouse.db"


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


def is_postgres(url: str) -> bool:
    return url.startswith("postgresql://")


def for_engine(url: str) -> str:
    """The URL as SQLAlchemy's asynchronous engines want it, with the driver's name in it."""
    scheme, rest = url.split("://", 1)
    return f"{scheme}+{'asyncpg' if is_postgres(url) else 'aiosqlite'}://{rest}"
