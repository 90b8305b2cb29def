"""What goes wrong with a callback: named one by one, or by a seeded die."""

from __future__ import annotations

import random
from collections import deque
from typing import Literal, get_args

Fault = Literal[
    "lost",  # never sent: only a query finds the payment
    "late",  # sent after some seconds
    "doubled",  # sent twice, one after the other
    "parallel",  # sent several times at once
    "forged",  # signed with another key
    "amount",  # well signed, for another amount
    "merchant",  # well signed, of another merchant
    "old",  # well signed, and told as of long ago
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Faults:
    """The faults of the next callbacks: those that were asked for first, then by chance, the same for the same seed."""

    def __init__(self, seed: int = 1, share: float = 0.0, late_s: float = 1.0) -> None:
        self._dice, self._share, self.late_s = random.Random(seed), share, late_s
        self.coming: deque[Fault | None] = deque(maxlen=1_000)

    def next(self) -> Fault | None:
        if self.coming:
            return self.coming.popleft()
        return self._dice.choice(FAULTS) if self._dice.random() < self._share else None
