"""A version of the agent as a folder: copied beside the others, held against its list of files, pointed to, removed.

Standard library only, as everything that begins with ``release``: it must run where the rest of a version does not.
"""

from __future__ import annotations

import compileall
import ctypes
import errno
import hashlib
import os
import shutil
from pathlib import Path

from edge.store.durable import sync_folder

NUMBER = "VERSION"  # holds the version's number, as the package has it
LIST = "MANIFEST"  # one line a file: its sha256, two spaces, its path
PROGRAM = "gatehouse-edge"


LIBC = ctypes.CDLL(None, use_errno=True)


class BadTree(Exception):
    """A folder is not the version it should be; the message names the first file that is wrong."""


def number_of(tree: Path) -> str:
    """The version that a folder holds. Raises BadTree."""
    try:
        return (tree / NUMBER).read_text().strip()
    except OSError as error:
        raise BadTree(f"{tree}: no version of the agent lies here: {error}") from error


def check(tree: Path) -> None:
    """Hold every file against the list. Raises BadTree."""
    number_of(tree)
    for line in (tree / LIST).read_text().splitlines():
        digest, _, name = line.partition("  ")
        try:
            found = hashlib.sha256((tree / name).read_bytes()).hexdigest()
        except OSError as error:
            raise BadTree(f"{tree}: {name} cannot be read: {error}") from error
        if found != digest:
            raise BadTree(f"{tree}: {name} is not what the package holds; install the package again")


def is_whole(tree: Path) -> bool:
    """Whether a folder can be started. It got its name only after all in it was on the disk: no need to read it all."""
    return os.access(tree / PROGRAM, os.X_OK) and (tree / LIST).is_file()


def same(tree: Path, other: Path) -> bool:
    """Whether two folders hold the same files."""
    return (tree / LIST).read_bytes() == (other / LIST).read_bytes()


def copy(source: Path, target: Path) -> None:
    """Make ``target`` with the files of ``source``, as links where one file system holds both."""
    for folder, _, names in os.walk(source):
        made = target / Path(folder).relative_to(source)
        os.mkdir(made, 0o755)  # noqa: PTH102
        for name in names:
            _link(Path(folder, name), made / name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copy2(source, target)


def compile_modules(tree: Path) -> None:
    """Bytecode for a quick start: who runs the agent may not write here. What does not compile is left as it is."""
    compileall.compile_dir(tree / "lib", quiet=2)


def sync_file_system(folder: Path) -> None:
    """All that was written to the file system of a folder is on the disk: one call for thousands of files.

    Raises OSError where the disk did not take it, which ``os.sync`` would not say.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if LIBC.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def point(link: Path, target: str) -> None:
    """Let ``link`` lead to ``target`` from one moment to the next, on the disk when this returns."""
    aside = link.with_name(f"{link.name}.part")
    aside.unlink(missing_ok=True)
    os.symlink(target, aside)  # noqa: PTH211
    os.rename(aside, link)  # noqa: PTH104
    sync_folder(link.parent)


def remove(tree: Path) -> None:
    """Take a folder away. It loses its name first, so that a half of it is never taken for a version."""
    doomed = tree.with_name(f"{tree.name.removesuffix('.part')}.part")
    if doomed != tree:
        os.rename(tree, doomed)  # noqa: PTH104
        sync_folder(tree.parent)
    for folder, folders, names in os.walk(doomed, topdown=False):
        for name in names:
            os.unlink(Path(folder, name))  # noqa: PTH108
        for name in folders:
            os.rmdir(Path(folder, name))  # noqa: PTH106
    os.rmdir(doomed)  # noqa: PTH106


def digest(tree: Path) -> str:
    """One hash for all that a folder holds."""
    return hashlib.sha256((tree / LIST).read_bytes()).hexdigest()
