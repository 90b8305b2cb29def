"""One node's process: runs Patroni, takes in the PostgreSQL that Patroni lets go of, and ends both with its parent.

    python -m simulators.patroni_node SETTINGS

PostgreSQL is started so that it outlives Patroni, and would outlive a test that is killed.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time

from simulators.descendants import descendants, end

STOP_LIMIT_S = 20.0
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> None:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    patroni = subprocess.Popen([sys.executable, "-W", "ignore", "-m", "patroni", sys.argv[1]])
    signal.signal(signal.SIGTERM, _told_to_end)
    prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
    try:
        _reap_while_any()
    except SystemExit:
        _stop(patroni)


def _told_to_end(_number: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
    raise SystemExit


def _reap_while_any() -> None:
    """Until no child is left."""
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


def _stop(patroni: subprocess.Popen[bytes]) -> None:
    """Patroni stops its PostgreSQL in good order; what is left after the limit is killed."""
    patroni.terminate()
    until_s = time.monotonic() + STOP_LIMIT_S
    while descendants(os.getpid()) and time.monotonic() < until_s:
        _reap_some()
        time.sleep(0.05)
    end(os.getpid(), _reap_some)


def _reap_some() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return


if __name__ == "__main__":
    main()
