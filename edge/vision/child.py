"""A child process that sees: reads its orders from standard input, looks at its cameras, tells on standard output.

It begins with its own bounds, before anything large is loaded. It ends with the agent, whose pipe it reads.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
import time
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
    Ordered,
    Orders,
    Show,
    down_in,
    length_in,
)

if TYPE_CHECKING:
    from edge.vision.watcher import Watcher  # brings large libraries; bounds come first

_FIGURES_S = 5.0
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

        self._ahead_s = orders.ahead_s
        self._outbox = Outbox(handle)
        self._zone = ZoneInfo(orders.zone)
        self._watchers = {camera.device: self._made(camera) for camera in orders.cameras}

    def _made(self, camera: Ordered) -> Watcher:
        from edge.vision.watcher import Watcher

        return Watcher(camera, self._zone, self._now, self._outbox.put)

    def run(self) -> None:
        """Until the agent closes its end, or does not take any more what is said."""
        threading.Thread(target=self._write, name="write", daemon=True).start()
        for watcher in self._watchers.values():
            watcher.start()
        threading.Thread(target=self._show, name="show", daemon=True).start()
        while (word := _next(sys.stdin.buffer)) is not None:
            self._heed(word)
        os._exit(0)  # threads may be deep in a library; nothing here is kept

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
        self._watchers[camera.device].stop()
        self._watchers[camera.device] = self._made(camera)
        self._watchers[camera.device].start()

    def _now(self) -> datetime:
        return datetime.fromtimestamp(time.time() + self._ahead_s, UTC)

    def _write(self) -> None:
        try:
            self._outbox.run()
        except OSError:
            os._exit(0)  # nobody listens

    def _show(self) -> None:
        while True:
            cameras = {device: watcher.figures for device, watcher in list(self._watchers.items())}
            beside = {"outbox_bytes": float(self._outbox.bytes), **self._outbox.counts}
            self._outbox.put(Figures(resident_mb(os.getpid()), time.process_time(), {**cameras, "": beside}))
            time.sleep(_FIGURES_S)


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
