"""The broken centre, on purpose: a record counts as handed over before the platform has answered."""

from __future__ import annotations

from server import cli
from server.feeds import platform_worker
from server.feeds.handing import Handing
from server.feeds.sender import Accepted


class SettlesFirst(Handing):
    """Settles what it sends, and sends it then; the tests must see what a kill loses."""

    async def step(self) -> bool | None:
        offers = await self._claim()
        if not offers:
            return None
        await self._settle(offers, [Accepted()] * len(offers))
        await self._send(offers)
        return True


def main() -> None:
    platform_worker.Handing = SettlesFirst  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
