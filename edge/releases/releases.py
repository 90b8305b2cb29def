"""Versions of the agent beside each other: a new one is on probation, and the one before stays until it has passed.

    versions/0.2.0/   versions/0.1.0/   current -> versions/0.2.0   previous -> versions/0.1.0   versions/pending

Each step is on the disk before the next begins, so that a power cut between any two leaves a ``current`` that runs.
docs/decisions/0015-upgrade.md
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from edge.releases import trees
from edge.store.durable import make_folder, sync_folder, write_file

ROOT = Path("/opt/gatehouse")
_LOOK_S = 0.2


class CannotReturn(Exception):
    """There is no earlier version that could be started; the message says what there is."""


class Busy(Exception):
    """Another step is under way, and did not end in time."""


@dataclass(frozen=True)
class Pending:
    """A version on probation. ``since_s`` is the uptime at its first start in the boot ``boot``."""

    version: str
    previous: str
    boot: str = ""
    since_s: float = 0.0
    tries: int = 0


class Releases:
    """The versions under one folder. Whoever changes something holds ``locked``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._versions = root / "versions"
        self._pending = self._versions / "pending"
        self._returned = self._versions / "returned"

    @contextmanager
    def locked(self, wait_s: float) -> Generator[None]:
        """Alone with the folder. Raises Busy."""
        make_folder(self._versions)
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor, time.monotonic() + wait_s)
            yield
        finally:
            os.close(descriptor)

    @property
    def current(self) -> str:
        """The folder's name of what starts; empty before the first installation."""
        return _led_to(self.root / "current")

    @property
    def previous(self) -> str:
        """What was proved before ``current`` came."""
        return _led_to(self.root / "previous")

    @property
    def kept(self) -> list[str]:
        """The versions that lie here, those that could be started."""
        if not self._versions.is_dir():
            return []
        return sorted(tree.name for tree in self._versions.iterdir() if not _is_partial(tree) and trees.is_whole(tree))

    def can_start(self, name: str) -> bool:
        return bool(name) and trees.is_whole(self._versions / name)

    def pending(self) -> Pending | None:
        """The version on probation, if it is the one that starts. A switch that did not come about is no probation."""
        try:
            pending = Pending(**json.loads(self._pending.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):  # none; or nothing that we wrote, and nothing to go by
            return None
        return pending if pending.version == self.current else None

    def remember(self, pending: Pending) -> None:
        write_file(self._pending, json.dumps(asdict(pending)).encode())

    def returned(self) -> str:
        """Why an automatic return happened since the last installation; empty where none did."""
        return self._returned.read_text() if self._returned.is_file() else ""

    def install(self, payload: Path) -> str:
        """Take a version in and let ``current`` lead to it, on probation if there is one to return to; its name.

        Raises BadTree or OSError; then what ran goes on running. Done again after a cut, it goes on where it was.
        """
        name = self._take_in(payload)
        old = self.current
        if name == old:
            return name
        if self.can_start(old):
            proved = self.previous if self.pending() and self.can_start(self.previous) else old
            trees.point(self.root / "previous", f"versions/{proved}")
            self.remember(Pending(name, proved))
        self._forget(self._returned)
        trees.point(self.root / "current", f"versions/{name}")
        return name

    def _take_in(self, payload: Path) -> str:
        """Copy a version beside the others under a name that it gets when all of it is on the disk."""
        make_folder(self._versions)
        self._drop(partial=True)
        name = self._name_for(payload)
        tree = self._versions / name
        if trees.is_whole(tree):
            return name
        aside = self._versions / f"{name}.part"
        trees.copy(payload, aside)
        trees.compile_modules(aside)
        trees.check(aside)
        trees.sync_file_system(aside)
        os.rename(aside, tree)  # noqa: PTH104
        sync_folder(self._versions)
        return name

    def _name_for(self, payload: Path) -> str:
        """Its number; where other files came under the same number before, also a bit of what tells them apart."""
        number = trees.number_of(payload)
        tree = self._versions / number
        if not trees.is_whole(tree) or trees.same(tree, payload):
            return number
        return f"{number}.{trees.digest(payload)[:8]}"

    def confirm(self) -> None:
        """The probation is passed: what is older than the one before goes."""
        self._forget(self._pending)
        self._drop()

    def go_back(self, reason: str) -> str:
        """Let the version before start again; its name. Raises CannotReturn.

        A version that failed its probation goes; a proved one stays, so that one can return to it.
        """
        bad, good = self.current, self.previous
        if good == bad or not self.can_start(good):
            raise CannotReturn(f"{self.root}: no version before {bad or 'the first'} is kept here")
        failed = self.pending() is not None
        trees.point(self.root / "current", f"versions/{good}")
        if failed:
            write_file(self._returned, f"returned from {bad} to {good}: {reason}\n".encode())
            self._forget(self._pending)
        else:
            trees.point(self.root / "previous", f"versions/{bad}")
        self._drop()
        return good

    def mend(self) -> str:
        """Where ``current`` leads nowhere, let it lead to a version that is whole; its name, empty if none is."""
        for name in (self.previous, *reversed(self.kept)):
            if self.can_start(name):
                trees.point(self.root / "current", f"versions/{name}")
                return name
        return ""

    def _drop(self, *, partial: bool = False) -> None:
        """Remove what nothing leads to any more; with ``partial`` only what was never whole."""
        wanted = {self.current, self.previous}
        for tree in sorted(self._versions.iterdir()):
            if tree.is_dir() and (_is_partial(tree) or not (partial or tree.name in wanted)):
                trees.remove(tree)

    def _forget(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        sync_folder(file.parent)


def _led_to(link: Path) -> str:
    return Path(os.readlink(link)).name if link.is_symlink() else ""  # noqa: PTH115


def _is_partial(tree: Path) -> bool:
    return tree.suffix == ".part"


def _lock(descriptor: int, deadline: float) -> None:
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise Busy("another installation or return is under way") from error
        time.sleep(_LOOK_S)
