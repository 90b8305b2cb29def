"""rapidocr 3.10.0 on the whole picture: each line of text it finds, and each two lines that follow each other."""

from __future__ import annotations

import itertools

import one_by_one
from rapidocr import RapidOCR

_ONE = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
engine = RapidOCR(
    params={"Global.log_level": "error", **{f"EngineConfig.onnxruntime.{key}": n for key, n in _ONE.items()}}
)


def read(picture):
    lines = list(engine(picture).txts or [])
    return lines + [upper + lower for upper, lower in itertools.pairwise(lines)]


one_by_one.run(read)
