"""What the cameras of one process may spend together: the agent grants each of its children a part."""

from __future__ import annotations

from threading import Lock

LOOKS_PER_S = 12.0  # where nobody granted anything


class Share:
    """Set once, before anything looks."""

    def __init__(self) -> None:
        self._looks_per_s, self._lock = LOOKS_PER_S, Lock()

    @property
    def looks_per_s(self) -> float:
        """Looks for things, by the network."""
        with self._lock:
            return self._looks_per_s

    def grant(self, looks_per_s: float) -> None:
        with self._lock:
            self._looks_per_s = looks_per_s


OF_THIS_PROCESS = Share()
