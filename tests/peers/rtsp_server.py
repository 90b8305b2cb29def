"""GStreamer's RTSP server, run by the Python that Debian made its bindings for: films over RTSP, as cameras send them.

Reads one line of JSON from standard input: ``films`` (mount -> paths), ``fps``, ``port`` (0: any), ``user`` and
``password`` ("": anybody may look). A film is H.264 after Annex B, each picture begun by a delimiter; what is on one
mount is sent one after the other, over and over, as it is: nothing is encoded here. Writes its port to standard output
once it listens, and ends with its input.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import time
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

DELIMITER = re.compile(rb"\x00\x00\x00\x01\x09")
LAUNCH = (
    "( appsrc name=film is-live=true format=time max-bytes=8388608"
    " caps=video/x-h264,stream-format=byte-stream,alignment=au ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
VIEWER = "viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"


def pictures(path: str) -> list[bytes]:
    whole = Path(path).read_bytes()
    starts = [found.start() for found in DELIMITER.finditer(whole)]
    return [whole[start:end] for start, end in zip(starts, [*starts[1:], len(whole)], strict=True)]


class Sending:
    """A film on its way to those who watch it now; each picture when it is due."""

    def __init__(self, shown: list[bytes], fps: float, media: Any) -> None:
        self.shown, self.fps, self.number = shown, fps, 0
        self.source = media.get_element().get_by_name("film")
        self.began_s = time.monotonic()
        self.is_over = False
        media.connect("unprepared", self.end)
        self.push()

    def push(self) -> bool:
        while not self.is_over and self.due_s() <= 0:
            picture = Gst.Buffer.new_wrapped(self.shown[self.number % len(self.shown)])
            picture.pts = picture.dts = round(self.number * Gst.SECOND / self.fps)
            picture.duration = round(Gst.SECOND / self.fps)
            self.source.emit("push-buffer", picture)
            self.number += 1
        if not self.is_over:
            GLib.timeout_add(max(1, round(self.due_s() * 1_000)), self.push)
        return False

    def due_s(self) -> float:
        return self.began_s + self.number / self.fps - time.monotonic()

    def end(self, _: Any) -> None:
        self.is_over = True


class Film(GstRtspServer.RTSPMediaFactory):
    """One mount. Whoever comes later sees what the others see."""

    def __init__(self, shown: list[bytes], fps: float) -> None:
        super().__init__()
        self.shown, self.fps = shown, fps
        self.set_launch(LAUNCH)
        self.set_shared(True)
        self.add_role_from_structure(Gst.Structure.new_from_string(VIEWER))

    def do_configure(self, media: Any) -> None:
        Sending(self.shown, self.fps, media)


def guard(server: Any, user: str, password: str) -> None:
    """Who does not know the password is answered 401."""
    auth, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)


def main() -> None:
    wanted = json.loads(sys.stdin.readline())
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(str(wanted["port"]))
    if wanted["user"]:
        guard(server, wanted["user"], wanted["password"])
    read = {path: pictures(path) for paths in wanted["films"].values() for path in paths}
    for mount, paths in wanted["films"].items():
        shown = [picture for path in paths for picture in read[path]]
        server.get_mount_points().add_factory(mount, Film(shown, wanted["fps"]))
    loop = GLib.MainLoop()
    server.attach(None)
    print(server.get_bound_port(), flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), loop.quit()), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
