"""The broken agent, on purpose: what the centre once had it holds for kept, until it has something new to send."""

from __future__ import annotations

from typing import Any

from edge import program
from edge.sync.push import Push


def _never(_self: Any, _had: Any, _watermarks: Any) -> list[str]:
    return []


def main() -> None:
    Push.put_back = _never
    program.main()


if __name__ == "__main__":
    main()
