"""The broken agent, on purpose: it does not know a fact again, and a message that comes twice is two events."""

from __future__ import annotations

from domain import ids
from domain.events import Event


def _no_id(_event: Event) -> None:
    return None


def main() -> None:
    ids.fact_id = _no_id
    from edge.commands import app as cli  # now: whoever takes the name from domain.ids gets the broken one

    cli.main()


if __name__ == "__main__":
    main()
