"""Networks of onnxruntime on a box of two slow cores: on the thread that asks, one question at a time."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from threading import Lock
from typing import Any, cast

import numpy as np
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

Floats = NDArray[np.float32]
_QUIET = 4
_SAYS: Any = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
# What it raises for a model, or for a picture, that does not fit: only that module of it has their names.
_REFUSALS: tuple[type[Exception], ...] = (_SAYS.Fail, _SAYS.InvalidArgument, _SAYS.InvalidGraph, _SAYS.RuntimeException)
# How a model's file says that something is of floats, 1 x 3 x height x width, where the last two are numbers of two
# bytes (onnx.proto: ValueInfoProto). Each number stands as ``08 xx xx``; ``12 01 x`` is a name of one letter instead.
_NUMBER = rb"\x08[\x80-\xff][\x01-\x7f]"
_SHAPE = rb"\x12\x18\n\x16\x08\x01\x12\x12\n\x02\x08\x01\n\x02\x08\x03\n\x03)" + _NUMBER + rb"(\n\x03)" + _NUMBER
_SMALL = (1, 3, 32, 64)


class Network:
    """Loaded once; of many threads that ask, one waits for another: a box has no more cores than children.

    So what it works in is there once, and is kept: given back after each picture it would be five thousand pages that
    the kernel clears again for the next. Raises what onnxruntime raises: its own errors have no names.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._asking = path, Lock()
        self._session = _opened(str(path))
        entry = self._session.get_inputs()[0]
        self._name = str(entry.name)
        self.shape: list[int | str] = list(entry.shape)
        self.gives: list[list[int | str]] = [list(each.shape) for each in self._session.get_outputs()]

    def let_any_size(self) -> bool:
        """Whether it takes pictures of other sizes than its file names, from now on: what only convolves may."""
        says = b"(" + re.escape(self._name.encode()) + _SHAPE
        model, found = re.subn(says, b"\\1\x12\x01h\\2\x12\x01w", self._path.read_bytes())
        if found != 1:
            return False
        try:
            session = _opened(model)
            session.run(None, {self._name: np.zeros(_SMALL, np.float32)})
        except _REFUSALS:  # something in it wants the size that its file names: it keeps that, and works as before
            return False
        self._session = session
        return True

    def __call__(self, pictures: Floats) -> list[Floats]:
        with self._asking:
            return cast(list[Floats], self._session.run(None, {self._name: pictures}))


def _opened(model: str | bytes) -> Any:
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    options.log_severity_level = _QUIET
    return runtime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
