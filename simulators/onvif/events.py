"""The event service: pull points that are made, asked, renewed and ended, and what lies in each of them.

Written from the ONVIF Core Specification (event handling, pull-point notification).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from simulators.onvif.soap import Asked, SoapFault, iso

if TYPE_CHECKING:
    from simulators.onvif.camera import Camera

_DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")
_HELD = 200


class PullPoint:
    """One subscription; the oldest of what nobody pulls is forgotten."""

    def __init__(self, expires_at: datetime) -> None:
        self.expires_at = expires_at
        self.waiting: list[str] = []
        self.some = asyncio.Event()

    def put(self, notice: str) -> None:
        self.waiting = [*self.waiting, notice][-_HELD:]
        self.some.set()

    def take(self, most: int) -> list[str]:
        taken, self.waiting = self.waiting[:most], self.waiting[most:]
        if not self.waiting:
            self.some.clear()
        return taken


def notice(
    topic: str, at: datetime, source: Mapping[str, str], data: Mapping[str, str], operation: str = "Changed"
) -> str:
    """One notification."""
    changed = f" PropertyOperation={quoteattr(operation)}" if operation else ""
    return (
        f'<wsnt:NotificationMessage><wsnt:Topic Dialect="{_DIALECT}">{escape(topic)}</wsnt:Topic><wsnt:Message>'
        f'<tt:Message UtcTime="{iso(at)}"{changed}><tt:Source>{_items(source)}</tt:Source>'
        f"<tt:Data>{_items(data)}</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>"
    )


def _items(items: Mapping[str, str]) -> str:
    return "".join(f"<tt:SimpleItem Name={quoteattr(name)} Value={quoteattr(value)}/>" for name, value in items.items())


def create(camera: Camera, asked: Asked) -> str:
    """What is so at the beginning stands in it first."""
    number = str(len(camera.pull_points) + camera.ended + 1)
    point = camera.pull_points[number] = PullPoint(_until(camera, asked.text("InitialTerminationTime")))
    for state in camera.states():
        point.put(state)
    return (
        f"<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference><wsa:Address>"
        f"{camera.said_at(f'/onvif/subscription/{number}')}</wsa:Address></tev:SubscriptionReference>"
        f"<wsnt:CurrentTime>{iso(camera.clock)}</wsnt:CurrentTime>"
        f"<wsnt:TerminationTime>{iso(point.expires_at)}</wsnt:TerminationTime>"
        "</tev:CreatePullPointSubscriptionResponse>"
    )


async def pull(camera: Camera, asked: Asked, number: str) -> str:
    point = _of(camera, number)
    limit = int(asked.text("MessageLimit") or 1)
    try:
        async with asyncio.timeout(_seconds(asked.text("Timeout")) or 1.0):
            await point.some.wait()
    except TimeoutError:
        pass
    return (
        f"<tev:PullMessagesResponse><tev:CurrentTime>{iso(camera.clock)}</tev:CurrentTime>"
        f"<tev:TerminationTime>{iso(point.expires_at)}</tev:TerminationTime>"
        f"{''.join(point.take(limit))}</tev:PullMessagesResponse>"
    )


def renew(camera: Camera, asked: Asked, number: str) -> str:
    point = _of(camera, number)
    point.expires_at = _until(camera, asked.text("TerminationTime"))
    return (
        f"<wsnt:RenewResponse><wsnt:TerminationTime>{iso(point.expires_at)}</wsnt:TerminationTime>"
        f"<wsnt:CurrentTime>{iso(camera.clock)}</wsnt:CurrentTime></wsnt:RenewResponse>"
    )


def unsubscribe(camera: Camera, _asked: Asked, number: str) -> str:
    _of(camera, number)
    camera.end(number)
    return "<wsnt:UnsubscribeResponse/>"


def _of(camera: Camera, number: str) -> PullPoint:
    point = camera.pull_points.get(number)
    if point is not None and point.expires_at <= camera.clock:
        camera.end(number)
        point = None
    if point is None:
        raise SoapFault("ter:InvalidArgVal", "the subscription is unknown or expired")
    return point


def _until(camera: Camera, said: str) -> datetime:
    """A duration or a moment; a camera may grant less than it is asked for."""
    wanted = _seconds(said)
    until = camera.clock + timedelta(seconds=wanted) if wanted else _moment(camera, said)
    most = camera.clock + timedelta(seconds=camera.grants_s)
    return min(until, most) if camera.grants_s else until


def _moment(camera: Camera, said: str) -> datetime:
    try:
        return datetime.fromisoformat(said.replace("Z", "+00:00"))
    except ValueError:
        return camera.clock + timedelta(seconds=60)


def _seconds(said: str) -> float:
    found = _DURATION.fullmatch(said)
    return (
        sum(float(part or 0) * size for part, size in zip(found.groups(), (3600, 60, 1), strict=True)) if found else 0
    )
