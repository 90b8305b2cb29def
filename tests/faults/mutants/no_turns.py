"""The broken centre, on purpose: processes that append take no turns; each trusts the mark it has read."""

from __future__ import annotations

from typing import Any

from eventlog.postgres_batches import PostgresBatchLog
from server import cli


async def _no_turn(_log: PostgresBatchLog, *_shards: Any) -> None:
    return


def main() -> None:
    PostgresBatchLog._take_turns = _no_turn  # type: ignore[method-assign]
    cli.main()


if __name__ == "__main__":
    main()
