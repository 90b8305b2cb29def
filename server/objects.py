"""Where pictures lie: a folder, or a bucket that speaks S3."""

from __future__ import annotations

from pathlib import Path

from obstore.store import LocalStore, ObjectStore

from server.config import Config


def open_objects(folder: Path, config: Config) -> ObjectStore:
    """The store that the settings of a data folder name. Raises BadConfig."""
    return LocalStore(folder / "media", mkdir=True)
