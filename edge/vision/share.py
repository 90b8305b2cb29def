"""What the cameras of one process may spend together: the agent grants each of its children a part."""

from __future__ import annotations

import math
from threading import Lock

LOOKS_PER_S, CORES = 12.0, math.inf  # where nobody granted anything


class Share:
    """Set once, before anything looks."""

    def __init__(self) -> None:
        self._looks_per_s, self._cores, self._lock = LOOKS_PER_S, CORES, Lock()

    @property
    def looks_per_s(self) -> float:
        """Looks for things, by the network."""
        with self._lock:
            return self._looks_per_s

    @property
    def cores(self) -> float:
        """What those looks may take of the box."""
        with self._lock:
            return self._cores

    def grant(self, looks_per_s: float, cores: float) -> None:
        with self._lock:
            self._looks_per_s, self._cores = looks_per_s, cores


OF_THIS_PROCESS = Share()
