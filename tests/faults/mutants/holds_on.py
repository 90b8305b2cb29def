"""The broken centre, on purpose: a process takes its part when it begins, and looks no more for what became free."""

from __future__ import annotations

from typing import Any

from server import behind, cli, leases


class HoldsOn(leases.Leases):
    """Settles until everything is shared out, and never again."""

    async def _settle(self, connection: Any) -> None:
        if len(self.held) in (0, len(self._names)):  # until there are two
            await super()._settle(connection)


def main() -> None:
    behind.Leases = HoldsOn  # type: ignore[misc]
    cli.main()


if __name__ == "__main__":
    main()
