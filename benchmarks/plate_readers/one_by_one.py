"""Runs a reader over pictures on one core: a JSON line a picture, what was read in it and the milliseconds it took."""

from __future__ import annotations

import json
import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = "1"
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

import cv2  # noqa: E402 - not before the core is set


def run(read):
    """``read``: a picture to the texts in it. Paths come on standard input; loading the picture is not counted."""
    cv2.setNumThreads(1)
    for line in sys.stdin:
        picture = cv2.imread(line.strip())
        began = time.process_time()
        texts, failed = _read(read, picture)
        ms = (time.process_time() - began) * 1_000
        print(json.dumps({"file": line.strip(), "texts": texts, "ms": ms, "failed": failed}), flush=True)


def _read(read, picture):
    """A program that breaks on a picture has read nothing in it; that it broke is counted."""
    try:
        return read(picture), None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told beside the picture
        return [], repr(error)
