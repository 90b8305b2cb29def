"""The agent on a box where no NTP runs, as the tests' machine may have one; ``--plain``: and with a plain wall clock.

The second is broken on purpose: it writes down whatever the box's clock shows; the tests must see what that does.
"""

from __future__ import annotations

import sys

from edge import agent
from edge.clock import Clock
from edge.commands import app as cli


class Plain(Clock):
    """Corrects nothing."""

    def _settle(self) -> None:
        super()._settle()
        self._correction_s = 0.0


def main() -> None:
    plain = "--plain" in sys.argv
    sys.argv = [word for word in sys.argv if word != "--plain"]
    kind = Plain if plain else Clock
    agent.Clock = lambda: kind(kernel=lambda: False)  # type: ignore[assignment,misc]
    cli.main()


if __name__ == "__main__":
    main()
