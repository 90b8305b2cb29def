"""A real RTSP server on loopback, GStreamer's from Debian, in a process of its own; films for it are made by PyAV."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from scripts.system_packages import has_rtsp_server

_PYTHON = "/usr/bin/python3"  # of Debian, for which its bindings are made
_SCRIPT = Path(__file__).parent / "peers" / "rtsp_server.py"
_END_S = 10.0


needs_rtsp_server = pytest.mark.skipif(not has_rtsp_server(), reason="no RTSP server: scripts/system_packages.py")


class RtspServer:
    """``films``: what is shown on each mount. It may die and come back at the same port."""

    def __init__(
        self, films: Mapping[str, Sequence[Path]], fps: float = 10.0, user: str = "", password: str = "", port: int = 0
    ) -> None:
        self._wanted: dict[str, Any] = {"fps": fps, "user": user, "password": password}
        self._wanted["films"] = {mount: [str(path) for path in paths] for mount, paths in films.items()}
        self.port = port
        self.process = self._begun()

    def _begun(self) -> subprocess.Popen[str]:
        process = subprocess.Popen([_PYTHON, str(_SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps({**self._wanted, "port": self.port}) + "\n")
        process.stdin.flush()
        self.port = int(process.stdout.readline())
        return process

    def address(self, mount: str) -> str:
        return f"rtsp://127.0.0.1:{self.port}{mount}"

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=_END_S)

    def again(self) -> None:
        """At the port where it was."""
        self.process = self._begun()


@contextmanager
def serving(films: Mapping[str, Sequence[Path]], **how: Any) -> Iterator[RtspServer]:
    server = RtspServer(films, **how)
    try:
        yield server
    finally:
        server.kill()


def film(path: Path, shown: Iterable[np.ndarray[Any, Any]], fps: int = 10, group: int = 10, bits: int = 0) -> Path:
    """H.264 as it goes over RTSP: each picture with its delimiter, what the decoder must know before each keyframe."""
    with av.open(str(path), "w", format="h264") as made:
        stream: Any = None
        for picture in shown:
            if stream is None:
                stream = made.add_stream("libx264", rate=fps)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.bit_rate = bits or 1_000_000
                stream.options = {"preset": "veryfast", "bf": "0", "g": str(group), "x264-params": "aud=1:threads=1"}
            made.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="bgr24")))
        made.mux(stream.encode(None))
    return path
