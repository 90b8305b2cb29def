"""A subscription at a camera: what it says is pulled; the library renews it, and makes another where it was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from edge.onvif.asking import asked
from edge.onvif.camera import EVENTS, Camera
from edge.onvif.faults import HalfAnswer, NotOffered, OnvifFault

_LASTS = timedelta(minutes=10)
_ANSWER_S, _CLOSE_S = 8.0, 3.0
_LIMIT = 100
_SHORT_S = 0.5


class PullPoint:
    """What a camera has to say, while the subscription lasts."""

    def __init__(self, camera: Camera, manager: Any) -> None:
        self._camera, self._manager = camera, manager

    def left_out(self) -> int:
        """How many notifications were too many for one answer, since it was asked last."""
        tap = self._camera.library.tap
        count, tap.left_out = tap.left_out, 0
        return count

    async def pull(self, wait_s: float) -> list[bytes]:
        """The notifications as they came, once there are any, or none after so long. Raises OnvifFault."""
        tap, began_s = self._camera.library.tap, asyncio.get_running_loop().time()
        question = {"Timeout": timedelta(seconds=wait_s), "MessageLimit": _LIMIT}
        try:
            await asked("PullMessages", self._manager.get_service().PullMessages(question), wait_s + _ANSWER_S)
        except HalfAnswer as error:
            if not (heard := tap.take()):
                raise HalfAnswer(str(error), tap.answer) from error
            return heard
        heard = tap.take()
        if not heard and asyncio.get_running_loop().time() - began_s < min(_SHORT_S, wait_s):
            await asyncio.sleep(_SHORT_S)  # one that does not wait is not asked without end
        return heard


@asynccontextmanager
async def subscribed(camera: Camera) -> AsyncGenerator[PullPoint]:
    """Raises OnvifFault."""
    if not camera.offers(EVENTS):
        raise NotOffered("it has no events service")
    lost = asyncio.Event()  # the manager makes another by itself; who pulls meanwhile hears a fault
    manager = await asked("CreatePullPointSubscription", camera.library.create_pullpoint_manager(_LASTS, lost.set))
    try:
        yield PullPoint(camera, manager)
    finally:
        await _end(manager)


async def _end(manager: Any) -> None:
    """A courtesy: a subscription that nobody ends is over by itself."""
    try:
        await asked("Unsubscribe", manager.shutdown(), _CLOSE_S)
    except OnvifFault:
        return
