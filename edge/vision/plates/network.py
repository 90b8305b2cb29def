"""A network of onnxruntime on one core: one picture in, arrays out."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_runtime: Any = onnxruntime  # it says nothing of its types


class Network:
    """Loaded once, used by one thread."""

    def __init__(self, path: Path, threads: int = 1) -> None:
        options = _runtime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 4
        self._session = _runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        entry = self._session.get_inputs()[0]
        self._name = str(entry.name)
        self.shape: list[int | str] = list(entry.shape)

    def __call__(self, pictures: Floats) -> list[Floats]:
        return cast(list[Floats], self._session.run(None, {self._name: pictures}))
