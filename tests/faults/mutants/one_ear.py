"""The broken agent, on purpose: while its log cannot be written it hears what the broker still hands over, no more."""

from __future__ import annotations

import asyncio

from edge import agent
from edge.commands import app as cli
from edge.transports.ear import Ear


class Deaf(Ear):
    """Never listens."""

    async def run(self) -> None:
        await asyncio.Event().wait()


def main() -> None:
    agent.Ear = Deaf  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
