"""Children end when they are told to, when they will not, and when their parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.processes import Child, ChildFailed
from tests.simulators.polling import poll

SLEEP = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)


def python(name: str, program: str, folder: Path) -> Child:
    return Child(name, [sys.executable, "-c", program], folder)


def is_up(child: Child) -> bool:
    return child.out_file.read_text() == "up\n"


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    return state == "Z"  # dead, and nobody here is its parent to read its status


def test_stops_at_sigterm(tmp_path: Path) -> None:
    child = python("sleeper", SLEEP, tmp_path)
    child.start()
    child.wait_until(lambda: is_up(child), 20)
    assert child.stop(20) is True
    assert child.exit_status == -signal.SIGTERM


def test_is_killed_when_it_will_not_stop(tmp_path: Path) -> None:
    child = python("stubborn", STUBBORN, tmp_path)
    child.start()
    child.wait_until(lambda: is_up(child), 20)
    assert child.stop(0.2) is False
    assert child.exit_status == -signal.SIGKILL


def test_a_child_that_ends_shows_its_last_lines(tmp_path: Path) -> None:
    child = python("broken", "import sys; print('no such table', file=sys.stderr); sys.exit(3)", tmp_path)
    child.start()
    with pytest.raises(ChildFailed, match=r"(?s)broken ended with status 3.*no such table"):
        child.wait_until(lambda: False, 20)


def test_a_child_that_is_not_ready_in_time_is_reported(tmp_path: Path) -> None:
    child = python("slow", SLEEP, tmp_path)
    child.start()
    with pytest.raises(ChildFailed, match=r"slow was not ready after 0\.1 s"):
        child.wait_until(lambda: False, 0.1)
    child.kill()


def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(ChildFailed, match="no-such-program"):
        Child("ghost", ["no-such-program"], tmp_path).start()


@pytest.mark.skipif(sys.platform != "linux", reason="the death signal is Linux's")
def test_children_die_with_a_parent_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from simulators.processes import Child\n"
        f"child = Child('orphan', [sys.executable, '-c', {SLEEP!r}], Path({str(tmp_path)!r}))\n"
        "child.start(); print(child.pid, flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not gone(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    poll(lambda: gone(pid))
