"""The broken agent, on purpose: it does not know a fact again, and a message that comes twice is two events."""

from __future__ import annotations

from domain.events import Event
from edge import cli, intake


def _no_id(_event: Event) -> None:
    return None


def main() -> None:
    intake.fact_id = _no_id
    cli.main()


if __name__ == "__main__":
    main()
