"""Devices at the broker that give signs of life and set no will: nothing else says that one of them is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from domain.events import Event
from edge.devices.driver import Message, Registry, line_message
from edge.intake.intake import Intake
from edge.transports.http_silence import Silence


class MqttSilence:
    """Listens to the intake; ``look`` says who fell silent. ``is_listening``: whether the broker would tell us."""

    def __init__(
        self, registry: Registry, intake: Intake, is_listening: Callable[[], bool], now_s: Callable[[], float]
    ) -> None:
        self._intake, self._is_listening, self._now_s = intake, is_listening, now_s
        drivers = registry.by_family.items()
        self._silences = {family: Silence(driver.silence_s) for family, driver in drivers if driver.silence_s}
        intake.listeners.append(self.heard)

    def heard(self, message: Message, events: Sequence[Event]) -> None:
        """What a broker had kept is no sign of life."""
        silence = self._silences.get(message.family)
        if silence is not None and not message.retained and message.queued_since is None:
            silence.heard(events, self._now_s())

    async def look(self) -> None:
        """Tell of each that fell silent; while we could not have heard it, nobody did."""
        for silence in self._silences.values():
            if not self._is_listening():
                silence.again(self._now_s())
            for device in silence.gone(self._now_s()):
                self._intake.offer(line_message(device, "offline", "no sign of life for minutes"), lambda: None)
