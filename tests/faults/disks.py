"""File systems of our own to do harm to: one on a loop file whose power can be cut, and one that is small."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from simulators.processes import Child

Kind = Literal["ext4", "xfs"]
_SIZE = {"ext4": "128M", "xfs": "320M"}  # XFS takes no less than 300 MB; the files are sparse
_MAKE = {"ext4": ["mkfs.ext4", "-q", "-F"], "xfs": ["mkfs.xfs", "-q", "-f"]}
_GOING_DOWN = 0x8004587D  # _IOR('X', 125, __u32): what xfs_io's shutdown calls; ext4 knows it too
_DROP_THE_LOG = 2  # what was not synced is gone, as when the power is
_STOPPED_S = 10.0
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_mounted: list[Path] = []


class NotAllowed(Exception):
    """This machine does not let us mount; the message says what was refused."""


def kinds() -> list[Kind]:
    """The file systems that can be made here."""
    return [kind for kind, command in _MAKE.items() if shutil.which(command[0], path=_PATH)]  # type: ignore[misc]


class Disk:
    """A file system on a loop file, mounted at ``path``. Raises NotAllowed where that is not possible."""

    def __init__(self, image: Path, path: Path, kind: Kind) -> None:
        self.image, self.path, self.kind = image, path, kind
        self.cuts = 0

    def __enter__(self) -> Self:
        self.image.parent.mkdir(parents=True, exist_ok=True)
        _run("truncate", "-s", _SIZE[self.kind], str(self.image))
        _run(*_MAKE[self.kind], str(self.image))
        self.path.mkdir(parents=True, exist_ok=True)
        self._mount()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unmount(self.path)
        self.image.unlink(missing_ok=True)

    def _mount(self) -> None:
        _mount(self.path, "-o", "loop", str(self.image))

    def cut(self, writer: Child) -> None:
        """Cut the power under a process: what was not synced is gone, and so is the process, until ``restore``.

        It is stopped first: a sync that is under way while the file system goes down would be called done, and no
        cut of the mains can do that.
        """
        writer.send(signal.SIGSTOP)
        _wait_until_stopped(writer.pid)
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _GOING_DOWN, struct.pack("I", _DROP_THE_LOG))
        finally:
            os.close(descriptor)
        writer.kill()
        self.cuts += 1

    def restore(self) -> None:
        """Mounted again, which replays the file system's own journal."""
        unmount(self.path)
        self._mount()


class SmallDisk:
    """A file system in memory with room for ``size``, mounted at ``path``. Raises NotAllowed."""

    def __init__(self, path: Path, size: str) -> None:
        self.path, self._size = path, size
        self._filler = path / "filler"

    def __enter__(self) -> Self:
        self.path.mkdir(parents=True, exist_ok=True)
        _mount(self.path, "-t", "tmpfs", "-o", f"size={self._size}", "none")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        unmount(self.path)

    @property
    def free_bytes(self) -> int:
        return shutil.disk_usage(self.path).free

    def fill(self, leave_bytes: int = 0) -> None:
        """Somebody else fills it, down to ``leave_bytes``."""
        with contextlib.suppress(OSError), self._filler.open("ab", buffering=0) as file:  # others fill it too
            while (more := self.free_bytes - leave_bytes) > 0:
                file.write(bytes(min(more, 1 << 20)))

    def make_room(self) -> None:
        """Somebody else lets go again."""
        self._filler.unlink(missing_ok=True)


def _mount(path: Path, *arguments: str) -> None:
    _run("mount", *arguments, str(path))
    _mounted.append(path)


def unmount(path: Path) -> None:
    """As long as something in it is still open it is only hidden, and goes with the last of those."""
    if path in _mounted:
        if subprocess.run(["umount", str(path)], capture_output=True, env=_environment()).returncode:
            subprocess.run(["umount", "-l", str(path)], capture_output=True, env=_environment())
        _mounted.remove(path)


@atexit.register
def _unmount_all() -> None:
    for path in list(_mounted):
        unmount(path)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=_environment())
    except OSError as error:
        raise NotAllowed(f"{command[0]} cannot be run: {error}") from error
    if done.returncode:
        raise NotAllowed(f"{' '.join(command)}: {done.stderr.strip()}")


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": _PATH}


def _wait_until_stopped(pid: int) -> None:
    """Until no thread of it runs: one within a sync stops when that is done."""
    end = time.monotonic() + _STOPPED_S
    while not all(_state(task) in "TtZ" for task in Path(f"/proc/{pid}/task").iterdir()):
        if time.monotonic() > end:
            raise AssertionError(f"process {pid} did not stop within {_STOPPED_S:g} s")
        time.sleep(0.001)


def _state(task: Path) -> str:
    """The letter behind the name, which may itself hold brackets."""
    return (task / "stat").read_text().rpartition(") ")[2][0]
