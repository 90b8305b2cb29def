"""What goes wrong at an upper platform: named one by one, or by a seeded die."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import Literal, get_args

import msgspec

Fault = Literal[
    "500",  # nothing was taken
    "503",  # nothing was taken; it is busy
    "hang",  # nothing was taken, and no answer comes
    "half",  # all was taken, and half of the answer comes
    "lost",  # all was taken, and the line is gone before the answer
    "wrong-ids",  # all was taken; the answer has other numbers
    "busy",  # the last object of the batch was not taken, and the answer says so
    "drop",  # half of the batch was taken, then the session ends
]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class Faults:
    """Those that were asked for first, then by chance of ``among``: the same for the same seed."""

    def __init__(self, seed: int = 1, share: float = 0.0, among: Sequence[Fault] = FAULTS) -> None:
        self._dice, self.share, self._among = random.Random(seed), share, tuple(among)
        self.coming: deque[Fault | None] = deque(maxlen=10_000)
        self.at_register: deque[Fault | None] = deque(maxlen=10_000)

    def next(self) -> Fault | None:
        """Of a request that brings something."""
        if self.coming:
            return self.coming.popleft()
        return self._dice.choice(self._among) if self._dice.random() < self.share else None

    def next_register(self) -> Fault | None:
        """Of a registration or a sign of life: only those that were asked for."""
        return self.at_register.popleft() if self.at_register else None


def fault_named(name: str) -> Fault:
    """Raises ValueError for one that there is not."""
    try:
        return msgspec.convert(name, Fault)
    except msgspec.ValidationError as error:
        raise ValueError(f"no fault {name}: there are {', '.join(FAULTS)}") from error
