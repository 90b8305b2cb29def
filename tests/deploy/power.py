"""A power cut at any step that changes the disk, and the disk it leaves if only what was synced reached it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.releases import trees as release_trees

STEPS = ("mkdir", "link", "symlink", "rename", "unlink", "rmdir", "open")


class PowerCut(BaseException):
    """No ``except Exception`` survives it either."""


class Disk:
    """What of a folder would be there after a cut: files and folders as they were when they were synced."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[int, bytes] = {}
        self._folders: dict[int, dict[str, tuple[int, int, str]]] = {}
        self.sync()

    def sync(self) -> None:
        """All of it reaches the disk."""
        for folder, _, names in os.walk(self._root):
            self.sync_path(folder)
            for name in names:
                self.sync_path(f"{folder}/{name}")

    def sync_path(self, path: str) -> None:
        """One file, or the names in one folder."""
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode):
            self._folders[found.st_ino] = {entry.name: _entry(entry) for entry in os.scandir(path)}
        elif stat.S_ISREG(found.st_mode):
            self._files[found.st_ino] = Path(path).read_bytes()

    def forget(self, inode: int) -> None:
        """A new file or folder may get the number of one that is gone."""
        self._files.pop(inode, None)
        self._folders.pop(inode, None)

    def lay_out(self, into: Path, inode: int | None = None) -> Path:
        """The folder as it would be found."""
        into.mkdir()
        for name, (number, mode, target) in self._folders.get(inode or self._root.stat().st_ino, {}).items():
            if stat.S_ISDIR(mode):
                self.lay_out(into / name, number)
            elif stat.S_ISLNK(mode):
                (into / name).symlink_to(target)
            else:
                (into / name).write_bytes(self._files.get(number, b""))
                (into / name).chmod(stat.S_IMODE(mode))
        return into


def _entry(entry: os.DirEntry[str]) -> tuple[int, int, str]:
    found = entry.stat(follow_symlinks=False)
    return found.st_ino, found.st_mode, str(Path(entry.path).readlink()) if entry.is_symlink() else ""


@contextmanager
def power(disk: Disk, steps_left: int) -> Iterator[None]:
    """Run with so many steps left before the cut. What reaches the disk is only noted."""
    taken = 0

    def step(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def taking(*args: Any, **more: Any) -> Any:
            nonlocal taken
            if name == "open" and not args[1] & os.O_CREAT:
                return real(*args, **more)
            if taken == steps_left:
                raise PowerCut(name)
            taken += 1
            return _noted(disk, name, real(*args, **more), args)

        return taking

    with pytest.MonkeyPatch.context() as patch:
        for name in STEPS:
            patch.setattr(os, name, step(name, getattr(os, name)))
        patch.setattr(os, "fsync", step("fsync", lambda _: None))  # a real one would take its time
        patch.setattr(release_trees.LIBC, "syncfs", step("syncfs", lambda _: 0))
        yield


def _noted(disk: Disk, name: str, answer: Any, args: tuple[Any, ...]) -> Any:
    """Keep the disk's account of a step that was taken."""
    if name == "syncfs":
        disk.sync()
    elif name == "fsync":
        disk.sync_path(str(Path(f"/proc/self/fd/{args[0]}").readlink()))
    elif name == "mkdir":
        disk.forget(Path(args[0]).stat().st_ino)
    elif name == "open" and os.fstat(answer).st_size == 0:
        disk.forget(os.fstat(answer).st_ino)
    return answer
