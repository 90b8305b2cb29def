"""A child process that sees: reads its orders from standard input, looks at its cameras, tells on standard output.

It begins with its own bounds, before anything large is loaded. It ends with the agent, whose pipe it reads.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from typing import TYPE_CHECKING, BinaryIO
from zoneinfo import ZoneInfo

from edge.vision.memory import resident_mb
from edge.vision.words import (
    LENGTH_BYTES,
    MOST_ORDER_BYTES,
    Anew,
    BadWord,
    Clock,
    Down,
    Figures,
    Learnt,
    Ordered,
    Orders,
    Show,
    down_in,
    length_in,
)

if TYPE_CHECKING:
    from edge.vision.watcher import Watcher  # brings large libraries; bounds come first

_FIGURES_S = 5.0
_LEARNT_EVERY = 6  # of its figures
_NICE = 5  # doors go before pictures
_HEADROOM = 2  # what is written to is counted by the kernel before it is used; the agent counts what is used


def main() -> None:
    handle = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no word of ours
    orders = _next(sys.stdin.buffer)
    if not isinstance(orders, Orders):
        raise BadWord("a child begins with its orders")
    _bound(orders.memory_mb)
    _Child(orders, handle).run()


def _bound(memory_mb: int) -> None:
    most = memory_mb * 1024 * 1024 * _HEADROOM
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(_NICE)
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as adjustment:  # noqa: PTH123 - no path of ours
        adjustment.write("900")  # before the agent


class _Child:
    """The watchers of one process, and what they share."""

    def __init__(self, orders: Orders, handle: int) -> None:
        from edge.vision.outbox import Outbox

        self._orders, self._ahead_s = orders, orders.ahead_s
        self._outbox = Outbox(handle)
        self._cameras = {camera.device: camera for camera in orders.cameras}
        self._watchers: dict[str, Watcher] = {}
        self._changing = threading.Lock()  # which camera is watched by what settings

    def run(self) -> None:
        """Until the agent closes its end, or does not take any more what is said."""
        for work in (self._write, self._show, self._watch):
            threading.Thread(target=work, name=work.__name__, daemon=True).start()
        while (word := _next(sys.stdin.buffer)) is not None:
            self._heed(word)
        os._exit(0)  # threads may be deep in a library; nothing here is kept

    def _watch(self) -> None:
        """Libraries and networks take a busy box half a minute to load: it says meanwhile that it lives."""
        try:
            self._begin_all()
        except BaseException:  # noqa: BLE001 - the end of the process: said, and begun anew by the agent
            traceback.print_exc()
            os._exit(1)  # the agent reads the end of what was printed

    def _begin_all(self) -> None:
        from edge.vision.opencv import cv
        from edge.vision.share import OF_THIS_PROCESS

        cv.setNumThreads(1)  # its own would fight with those of the cameras
        OF_THIS_PROCESS.grant(self._orders.looks_per_s, self._orders.looks_cores)
        for device in tuple(self._cameras):
            with self._changing:
                self._begin(self._cameras[device], self._orders.references.get(device, b""))

    def _begin(self, camera: Ordered, reference: bytes) -> None:
        from edge.vision.watcher import Watcher

        watcher = Watcher(camera, ZoneInfo(self._orders.zone), self._now, self._outbox.put, reference)
        watcher.start()
        self._watchers[camera.device] = watcher

    def _heed(self, word: Down) -> None:
        match word:
            case Clock():
                self._ahead_s = word.ahead_s
            case Anew():
                self._begin_anew(word.camera)
            case Show():
                if (watcher := self._watchers.get(word.device)) is not None:
                    watcher.show(word.request_id)
            case Orders():
                raise BadWord("a child has its orders already")

    def _begin_anew(self, camera: Ordered) -> None:
        """The other cameras of this child go on. What its old watcher still has in hand it does not tell."""
        with self._changing:
            self._cameras[camera.device] = camera
            if (before := self._watchers.get(camera.device)) is None:
                return  # it has not begun: it will by these
            before.stop()
            self._begin(camera, before.reference or b"")

    def _now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead_s, UTC)

    def _write(self) -> None:
        try:
            self._outbox.run()
        except OSError:
            os._exit(0)  # nobody listens

    def _show(self) -> None:
        turns = 0
        while True:
            self._outbox.put(self._figures())
            turns += 1
            if turns % _LEARNT_EVERY == 0:
                self._tell_learnt()
            time.sleep(_FIGURES_S)

    def _tell_learnt(self) -> None:
        for watcher in tuple(self._watchers.values()):
            if (body := watcher.reference) is not None:
                self._outbox.put(Learnt(watcher.device, body))

    def _figures(self) -> Figures:
        begun = tuple(self._watchers.values())
        cameras = {watcher.device: watcher.figures for watcher in begun}
        cameras[""] = {"outbox_bytes": float(self._outbox.bytes), **self._outbox.counts}
        states = {watcher.device: watcher.state for watcher in begun}
        return Figures(resident_mb(os.getpid()), time.process_time(), cameras, states)


def _next(pipe: BinaryIO) -> Down | None:
    """The agent's next word; None where it is gone. Raises BadWord."""
    head = pipe.read(LENGTH_BYTES)
    if len(head) < LENGTH_BYTES:
        return None
    length = length_in(head, MOST_ORDER_BYTES)
    body = pipe.read(length)
    return down_in(body) if len(body) == length else None


if __name__ == "__main__":
    main()
