"""Child processes that never outlive us: killed with their parent, stopped within a bound, their output in a file."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 15
_TAIL_BYTES = 8_192
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: the child may not import or allocate much between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_living: weakref.WeakSet[Child] = weakref.WeakSet()


class ChildFailed(Exception):
    """A child process did not start, or ended when it should not have; the message carries its last lines."""


class Child:
    """One child process. Start it from the main thread: the death signal follows the *thread* that forked.

    Standard output goes to ``<name>.out`` and standard error to ``<name>.log`` in ``folder``, both appended.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        env: Mapping[str, str] | None = None,
        enter: Callable[[], None] | None = None,
    ) -> None:
        """``enter`` is called in the child before the command begins: to become somebody else."""
        self.name = name
        self.command = list(command)
        self.folder = folder
        self.out_file = folder / f"{name}.out"
        self.log_file = folder / f"{name}.log"
        self._env = dict(env) if env is not None else None
        self._enter = enter
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process id. Raises ChildFailed where it was never started."""
        if self._process is None:
            raise ChildFailed(f"{self.name} was not started")
        return self._process.pid

    @property
    def exit_status(self) -> int | None:
        """How it ended: None while it runs, negative for a signal, as subprocess says it."""
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Starts it; it may not be ready yet. Raises ChildFailed where the command is not there."""
        if self.running:
            raise ChildFailed(f"{self.name} is running already")
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            with self.out_file.open("ab") as out, self.log_file.open("ab") as log:
                self._process = subprocess.Popen(
                    self.command,
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=log,
                    cwd=self.folder,
                    env=self._env,
                    start_new_session=True,  # Ctrl-C reaches us alone, and we end the children in order
                    preexec_fn=bound_to(os.getpid(), self._enter),
                )
        except OSError as error:
            raise ChildFailed(f"{self.name}: {self.command[0]} cannot be run: {error}") from error
        _living.add(self)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal, if it still runs."""
        if self._process is not None and self.running:
            self._process.send_signal(number)

    def stop(self, limit_s: float = 10.0) -> bool:
        """Asks it to end and waits; after ``limit_s`` it is killed. True where it ended by itself."""
        self.send(signal.SIGTERM)
        if self.wait(limit_s):
            return True
        self.kill()
        return False

    def kill(self) -> None:
        """kill -9, and waits until it is gone."""
        self.send(signal.SIGKILL)
        self.wait(10.0)

    def wait(self, limit_s: float) -> bool:
        """Waits for its end at most ``limit_s``; True where it ended (or never ran)."""
        if self._process is None:
            return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(limit_s)
        return not self.running

    def wait_until(self, ready: Callable[[], bool], limit_s: float, pause_s: float = 0.01) -> None:
        """Polls until ``ready`` is true. Raises ChildFailed with the last lines if the child ends or time is up."""
        end = time.monotonic() + limit_s
        while not ready():
            if not self.running:
                raise ChildFailed(f"{self.name} ended with status {self.exit_status}:\n{self.tail()}")
            if time.monotonic() > end:
                raise ChildFailed(f"{self.name} was not ready after {limit_s:g} s:\n{self.tail()}")
            time.sleep(pause_s)

    def tail(self, lines: int = TAIL_LINES) -> str:
        """The last lines of its standard error and output."""
        text = b"".join(_last_bytes(file) for file in (self.out_file, self.log_file)).decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


def _last_bytes(file: Path) -> bytes:
    if not file.is_file():
        return b""
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _TAIL_BYTES))
        return stream.read()


def bound_to(parent: int, enter: Callable[[], None] | None = None) -> Callable[[], None]:
    """What a child does between fork and exec: it asks to be killed when the thread that forked it ends.

    ``parent`` is our own process id, taken before the fork. ``enter`` comes first: another user forgets what was asked.
    """

    def bind() -> None:
        if enter is not None:
            enter()
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return bind


@atexit.register
def _end_all() -> None:
    for child in list(_living):
        child.kill()
