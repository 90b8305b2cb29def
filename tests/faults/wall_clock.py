"""The agent on a box whose wall clock somebody steps, and where no NTP runs, as the tests' machine may have one.

``--offset FILE``: the seconds that the clock is off by stand there, and are looked at ten times a second.
``--plain``: it writes down whatever the clock shows. That is broken on purpose; the tests must see what it does.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import time_machine

from edge import agent
from edge.clock import Clock
from edge.commands import app as cli

_LOOK_S = 0.1


class Plain(Clock):
    """Corrects nothing."""

    def _settle(self) -> None:
        super()._settle()
        self._correction_s = 0.0


def follow(offset: Path) -> None:
    """Step the wall clock of the whole process whenever the file says so; monotonic time is left alone.

    Not by libfaketime: its ``pthread_cond_timedwait`` and ``clock_nanosleep`` take a monotonic deadline for one of
    the wall clock, so that a thread which waits for the interpreter's lock spins and holds up all others.
    """
    clock, stands_at = time_machine.travel(datetime.now(UTC), tick=True).start(), 0.0
    while True:
        told = float(offset.read_text())
        if told != stands_at:
            clock.shift(told - stands_at)
            stands_at = told
        time.sleep(_LOOK_S)


def main() -> None:
    plain, offset = "--plain" in sys.argv, sys.argv.index("--offset")
    Thread(target=follow, args=[Path(sys.argv[offset + 1])], daemon=True).start()
    del sys.argv[offset : offset + 2]
    sys.argv = [word for word in sys.argv if word != "--plain"]
    kind = Plain if plain else Clock
    agent.Clock = lambda: kind(kernel=lambda: False)  # type: ignore[assignment,misc]
    cli.main()


if __name__ == "__main__":
    main()
