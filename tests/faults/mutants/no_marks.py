"""The broken centre, on purpose: it stores what comes without looking at its mark."""

from __future__ import annotations

from typing import Any

from eventlog import batches
from eventlog.log import Receipt
from server import cli


def _always_stored(arrived: Any, watermark: int) -> Receipt:
    return Receipt("stored", max(arrived.last, watermark))


def main() -> None:
    batches.judge = _always_stored
    cli.main()


if __name__ == "__main__":
    main()
