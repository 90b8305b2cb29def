"""A network's table of probabilities to the steps that domain/plate_beam spells from."""

from __future__ import annotations

import numpy as np

from domain.plate_beam import Step
from edge.vision.plates.corners import Floats

_LIKELY, _NOTHING = 1e-4, 0.9999


def steps_of(rows: Floats, table: tuple[str, ...], blank: int) -> list[Step]:
    """Steps at which surely nothing new stands are one: a second adds nothing to it."""
    steps: list[Step] = []
    was_nothing = False
    for row in rows:
        is_nothing = bool(row[blank] > _NOTHING)
        if not (is_nothing and was_nothing):
            steps.append(_step(row, table, blank))
        was_nothing = is_nothing
    return steps


def _step(row: Floats, table: tuple[str, ...], blank: int) -> Step:
    likely = np.flatnonzero(row >= _LIKELY).tolist()
    signs = {table[index]: float(row[index]) for index in likely if index != blank and table[index]}
    return Step(float(row[blank]), signs)
