"""The one file: a zip of a manifest, a member a table, a member a picture. Its name is given to it when it is whole."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from server.backup.manifest import FORMAT, BadBackup, Manifest
from server.backup.rows import RowWriter, read_rows

_MANIFEST = "manifest.json"
_MOST_MANIFEST_BYTES = 16 * 1024 * 1024


class BackupWriter:
    """Members in any order, the manifest last."""

    def __init__(self, into: zipfile.ZipFile) -> None:
        self._into = into

    @contextmanager
    def table(self, name: str) -> Generator[RowWriter]:
        with self._into.open(f"tables/{name}", "w", force_zip64=True) as member:
            rows = RowWriter(member)
            yield rows
            rows.close()

    def picture(self, sha256: str, body: bytes) -> None:
        self._into.writestr(f"pictures/{sha256}", body)

    def settings(self, name: str, body: bytes) -> None:
        self._into.writestr(f"settings/{name}", body)

    def manifest(self, manifest: Manifest) -> None:
        self._into.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))


@contextmanager
def written(path: Path) -> Generator[BackupWriter]:
    """A backup that is on the disk under its name after the block, and not at all where the block fails.

    Readable by its owner alone: plates, names and password hashes are in it.
    """
    part = path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w") as archive:
                yield BackupWriter(archive)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Names in it to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class BackupReader:
    """A backup that is open. Everything read of it raises BadBackup where it is damaged."""

    def __init__(self, archive: zipfile.ZipFile, manifest: Manifest) -> None:
        self._archive, self.manifest = archive, manifest
        self._names = archive.namelist()

    def rows(self, table: str) -> Iterator[list[list[object]]]:
        with self._member(f"tables/{table}") as member, _damage_named(table):
            yield from read_rows(member)

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        for name in self._names:
            if name.startswith("pictures/"):
                yield name.removeprefix("pictures/"), self._body(name)

    def settings(self, name: str) -> bytes:
        return self._body(f"settings/{name}")

    def _body(self, name: str) -> bytes:
        with self._member(name) as member, _damage_named(name):
            return member.read()

    def _member(self, name: str) -> IO[bytes]:
        try:
            return self._archive.open(name)
        except KeyError as error:
            raise BadBackup(f"{name} is not in the backup") from error


@contextmanager
def _damage_named(name: str) -> Generator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        raise BadBackup(f"{name}: the backup is damaged: {error}") from error


@contextmanager
def opened(path: Path) -> Generator[BackupReader]:
    """Raises BadBackup for what is no backup, is damaged, or is of a form that a newer program writes."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError) as error:
        raise BadBackup(f"{path}: not a backup: {error}") from error
    with archive:
        yield BackupReader(archive, _manifest(path, archive))


class _Formed(msgspec.Struct):
    format: int


def _manifest(path: Path, archive: zipfile.ZipFile) -> Manifest:
    try:
        if archive.getinfo(_MANIFEST).file_size > _MOST_MANIFEST_BYTES:
            raise BadBackup(f"{path}: not a backup: its manifest is too large")
        said = archive.read(_MANIFEST)
        form = msgspec.json.decode(said, type=_Formed).format
        if form > FORMAT:
            raise BadBackup(f"{path}: of form {form}, this program knows {FORMAT}: install a newer one")
        return msgspec.json.decode(said, type=Manifest)
    except (KeyError, zipfile.BadZipFile, zlib.error, msgspec.MsgspecError) as error:
        raise BadBackup(f"{path}: not a whole backup: {error}") from error
