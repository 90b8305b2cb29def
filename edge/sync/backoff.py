"""How long to wait after the n-th failure in a row: doubling, bounded, jittered."""

from __future__ import annotations

from collections.abc import Callable


def jittered(random: Callable[[], float], first_s: float = 0.5, most_s: float = 30.0) -> Callable[[int], float]:
    """failures (from 1) -> seconds: between half and the whole of ``first_s`` doubled each time, at most ``most_s``.

    ``random`` gives numbers in [0, 1).
    """

    def wait_s(failures: int) -> float:
        ceiling = min(most_s, first_s * 2 ** min(max(failures, 1) - 1, 16))
        return ceiling * (0.5 + random() / 2)

    return wait_s
