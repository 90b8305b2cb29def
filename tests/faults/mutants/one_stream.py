"""The broken agent, on purpose: one stream for everything, so that an alarm stands behind the backlog."""

from __future__ import annotations

from domain.events import Event, Stream
from edge import cli, intake


def _routine(_event: Event) -> Stream:
    return "routine"


def main() -> None:
    intake.stream_of = _routine
    cli.main()


if __name__ == "__main__":
    main()
