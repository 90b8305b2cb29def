"""agentclpr 1.1.0 as it is packaged; its networks on one thread, which it has no setting for."""

from __future__ import annotations

import one_by_one
import onnxruntime

_whole = onnxruntime.InferenceSession


def _on_one_thread(path, sess_options=None, **rest):
    options = sess_options or onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return _whole(path, sess_options=options, **{"providers": ["CPUExecutionProvider"], **rest})


onnxruntime.InferenceSession = _on_one_thread

from agentclpr import CLPSystem  # noqa: E402 - it takes what onnxruntime offers when it is loaded

system = CLPSystem()
one_by_one.run(lambda picture: [text for _, (text, _) in system(picture)])
