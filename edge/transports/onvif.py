"""Cameras that are asked over ONVIF, at their addresses ``onvif://…`` in the device list: a line to each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from domain.events import Event
from edge.devices.driver import Message, Outgoing
from edge.onvif.address import BadAddress, Where, is_onvif, where_in
from edge.transports.links import Around
from edge.transports.onvif_line import OnvifLine

log = structlog.get_logger()

NAME = "onvif"
_LOOK_S = 1.0


class OnvifCameras:
    """A line while the list has the camera, and there is something that it is asked for."""

    def __init__(self, around: Around) -> None:
        self._around, self._settings = around, around.config.onvif
        self._lines: dict[str, tuple[Where, OnvifLine, asyncio.Task[None]]] = {}
        self._bad: dict[str, str] = {}

    async def run(self) -> None:
        """Until cancelled."""
        listeners = self._around.intake.listeners
        listeners.append(self._heard)
        try:
            while True:
                self._settle()
                await asyncio.sleep(_LOOK_S)
        finally:
            listeners.remove(self._heard)
            tasks = [task for _, _, task in self._lines.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def send(self, device: str, message: Outgoing) -> bool:
        """Such a camera takes no commands."""
        return False

    def _settle(self) -> None:
        wanted = self._wanted()
        for device, (where, _, task) in list(self._lines.items()):
            if wanted.get(device) != where or task.done():
                self._end(device, task)
        for device in wanted.keys() - self._lines.keys():
            listens = self._settings.wants_events(device)
            line = OnvifLine(self._around, device, wanted[device], self._settings.of(device), listens=listens)
            task = asyncio.create_task(line.run(), name=f"onvif {device}")
            self._lines[device] = (wanted[device], line, task)

    def _end(self, device: str, task: asyncio.Task[None]) -> None:
        del self._lines[device]
        task.cancel()
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            log.error("onvif_line_failed", device=device, error=repr(error)[:500])

    def _wanted(self) -> dict[str, Where]:
        """Where each camera is that has anything to say or to do here."""
        kinds = {driver.kind for driver in self._around.registry.by_family.values() if NAME in driver.transports}
        listed = [entry for kind in kinds for entry in self._around.devices.with_address(kind).items()]
        found = ((device, self._where(device, written)) for device, written in listed if is_onvif(written))
        return {device: where for device, where in found if where is not None and self._has_work(device)}

    def _has_work(self, device: str) -> bool:
        return self._settings.wants_events(device) or bool(self._settings.of(device).reactions)

    def _where(self, device: str, written: str) -> Where | None:
        try:
            return where_in(written)
        except BadAddress as error:
            if self._bad.get(device) != written:
                self._bad[device] = written
                log.error("bad_device_address", device=device, error=str(error))
            return None

    def _heard(self, _message: Message, events: Sequence[Event]) -> None:
        for _, line, _ in self._lines.values():
            for event in events:
                line.heard(event)


def make(around: Around) -> OnvifCameras:
    """The library is loaded with the first camera that is reached, not before."""
    return OnvifCameras(around)
