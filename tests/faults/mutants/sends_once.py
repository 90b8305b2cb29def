"""The broken agent, on purpose: what it has sent it takes for arrived, answer or none."""

from __future__ import annotations

from typing import Any

import aiohttp

from domain.wire import read_header
from edge.commands import app as cli
from edge.sync import push, session, transport


class Once(push.Push):
    """Moves on after a failure as after a receipt."""

    async def _send(self, stream: str, packed: bytes, *rest: Any) -> int:
        try:
            return await super()._send(stream, packed, *rest)
        except transport.UplinkDown:
            return read_header(packed).last


def main() -> None:
    session.Push = Once  # type: ignore[misc]
    transport._TIMEOUT = aiohttp.ClientTimeout(total=2)
    cli.main()


if __name__ == "__main__":
    main()
