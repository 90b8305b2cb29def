"""The broken agent, on purpose: one stream for everything, so that an alarm stands behind the backlog."""

from __future__ import annotations

from domain import events
from domain.events import Event, Stream


def _routine(_event: Event) -> Stream:
    return "routine"


def main() -> None:
    events.stream_of = _routine
    from edge.commands import app as cli  # now: whoever takes the name from domain.events gets the broken one

    cli.main()


if __name__ == "__main__":
    main()
