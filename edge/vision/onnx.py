"""Networks opened for a box of two slow cores: on the thread that asks, with no threads of their own, and no hoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

_QUIET = 4


def opened(path: Path) -> Any:
    """A session, which many threads may ask at once. Raises what onnxruntime raises: its own errors have no names."""
    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = runtime.ExecutionMode.ORT_SEQUENTIAL
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    # Its arena keeps the most that was ever needed at once, for each session, and is no faster here.
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _QUIET
    return runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
