"""How often one looks: so many times a second of a stream, whatever its cameras send."""

from __future__ import annotations

_EARLY_S = 0.02  # frames do not come to the millisecond


class Pace:
    """Of two with the same bound that see the same moments, both take the same ones."""

    def __init__(self, looks_per_s: float) -> None:
        self.looks_per_s = looks_per_s
        self._last_s = float("-inf")

    def takes(self, seconds: float) -> bool:
        """Whether this moment is looked at; moments never run backwards."""
        if not self.is_due(seconds):
            return False
        self.note(seconds)
        return True

    def is_due(self, seconds: float) -> bool:
        return seconds - self._last_s >= 1.0 / self.looks_per_s - _EARLY_S

    def note(self, seconds: float) -> None:
        """This moment was looked at."""
        self._last_s = seconds
