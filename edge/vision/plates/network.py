"""A network of onnxruntime on one core: one picture in, arrays out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from edge.vision.onnx import opened

Floats = NDArray[np.float32]


class Network:
    """Loaded once; many threads may ask it at once."""

    def __init__(self, path: Path) -> None:
        self._session: Any = opened(path)
        entry = self._session.get_inputs()[0]
        self._name = str(entry.name)
        self.shape: list[int | str] = list(entry.shape)

    def __call__(self, pictures: Floats) -> list[Floats]:
        return cast(list[Floats], self._session.run(None, {self._name: pictures}))
