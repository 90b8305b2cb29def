"""Networks of onnxruntime on a box of two slow cores: on the thread that asks, one question at a time."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_QUIET = 4


class Network:
    """Loaded once; of many threads that ask, one waits for another: a box has no more cores than children.

    So what it works in is there once, and is kept: given back after each picture it would be five thousand pages that
    the kernel clears again for the next. Raises what onnxruntime raises: its own errors have no names.
    """

    def __init__(self, path: Path) -> None:
        self._session, self._asking = _opened(path), Lock()
        entry = self._session.get_inputs()[0]
        self._name = str(entry.name)
        self.shape: list[int | str] = list(entry.shape)
        self.gives: list[list[int | str]] = [list(each.shape) for each in self._session.get_outputs()]

    def __call__(self, pictures: Floats) -> list[Floats]:
        with self._asking:
            return cast(list[Floats], self._session.run(None, {self._name: pictures}))


def _opened(path: Path) -> Any:
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = _QUIET
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
