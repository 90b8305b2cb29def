"""The newest frame from one thread to another: one place, so nothing can pile up before who looks slowly."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds one thing. ``passed_over`` counts those that a newer one took the place of."""

    def __init__(self) -> None:
        self._there = threading.Condition()
        self._held: T | None = None
        self.passed_over = 0

    def put(self, thing: T) -> None:
        with self._there:
            self.passed_over += self._held is not None
            self._held = thing
            self._there.notify()

    def take(self, timeout_s: float) -> T | None:
        """The newest, which is then gone; None where none came in time."""
        with self._there:
            self._there.wait_for(lambda: self._held is not None, timeout_s)
            taken, self._held = self._held, None
            return taken
