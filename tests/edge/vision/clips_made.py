"""Video made in the tests: drawn, encoded by PyAV, as small as it may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

Drawn = np.ndarray[Any, Any]
SIZE = (320, 180)
# Encoders that begin a thread for each part of each picture take minutes on a busy machine.
_QUICK = {
    "libx264": {"preset": "veryfast", "x264-params": "threads=1"},
    "libx265": {"preset": "ultrafast", "x265-params": "pools=none:frame-threads=1:log-level=none"},
}


def scene(second: float, size: tuple[int, int] = SIZE, seed: int = 7) -> Drawn:
    """A yard: textured ground, houses, a clock that runs, and a camera's noise."""
    width, height = size
    still = np.random.default_rng(seed)
    ground = cv2.resize(still.integers(60, 180, (18, 32, 3), dtype=np.uint8), size, interpolation=cv2.INTER_CUBIC)
    for left, top, wide, high, grey in still.integers(0, 255, (40, 5)):
        corner = (int(left) * width // 255, int(top) * height // 255)
        opposite = (corner[0] + 8 + int(wide) * width // 2_000, corner[1] + 8 + int(high) * height // 1_500)
        cv2.rectangle(ground, corner, opposite, (int(grey),) * 3, -1)
    cv2.putText(ground, f"{second:07.2f}", (4, height - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1)
    noise = np.random.default_rng(int(second * 1_000)).normal(0, 3, ground.shape)
    return np.clip(ground + noise, 0, 255).astype(np.uint8)


def film(
    path: Path,
    pictures: Iterable[Drawn],
    fps: int = 10,
    codec: str = "mpeg4",
    stamps: Callable[[int], int] = lambda number: number,
    group: int = 10,
) -> Path:
    """The pictures as a file, each of the size of the first; ``stamps`` gives each its time in 1/fps."""
    with av.open(str(path), "w") as made:
        stream: Any = None
        for number, picture in enumerate(pictures):
            if stream is None:
                stream = made.add_stream(codec, rate=fps)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
                stream.codec_context.gop_size = group
                stream.codec_context.max_b_frames = 0
                stream.bit_rate = 2_000_000
                stream.options = _QUICK.get(codec, {})
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")
            frame.pts = stamps(number)
            made.mux(stream.encode(frame))
        made.mux(stream.encode(None))
    return path


def yard(path: Path, seconds: float, fps: int = 10, **how: Any) -> Path:
    return film(path, (scene(number / fps) for number in range(int(seconds * fps))), fps, **how)
