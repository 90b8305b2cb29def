"""Where the centre's database is: a file of SQLite in the data folder, or a PostgreSQL by its URL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

from server.store import one_way

FILE = "gatehouse.db"


class BadAddress(ValueError):
    """A database that the settings name and that cannot be used; the message says why."""


def of(folder: Path, database: str) -> str:
    """The URL of what the settings of a data folder name; where they name nothing, of the file in it.

    A passfile's path is relative to the folder, as all paths there. Raises BadAddress.
    """
    if not database:
        return sqlite(folder / FILE)
    if not is_postgres(database):
        raise BadAddress("database: write postgresql://USER@HOST/NAME, or leave it out for SQLite")
    parts = urlsplit(database)
    said = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    if parts.password is not None or "password" in said:
        raise BadAddress(
            "database: no password in the URL, which ends up in logs and lists of processes: "
            "put it into a passfile (chmod 600) and add ?passfile=FILE, or set PGPASSFILE"
        )
    if "passfile" in said:
        said["passfile"] = str(_passfile(folder, said["passfile"]))
    return parts._replace(query=urlencode(said, safe="/,:")).geturl()


def _passfile(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_file():
        raise BadAddress(f"database: the passfile {path} is not there")
    if path.stat().st_mode & 0o077:
        raise BadAddress(f"database: others may read the passfile {path}, and so it is not used: chmod 600 it")
    return path


def sqlite(path: Path) -> str:
    return f"sqlite:///{path}"


def is_postgres(url: str) -> bool:
    return url.startswith("postgresql://")


def for_engine(url: str) -> str:
    """The URL as SQLAlchemy's asynchronous engines want it, with the driver's name in it."""
    _, rest = url.split("://", 1)
    return f"{'postgresql+asyncpg' if is_postgres(url) else one_way.SCHEME}://{rest}"
