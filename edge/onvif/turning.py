"""Where a camera is to look, and until when: a reaction turns it, the time turns it back. Pure; seconds come in."""

from __future__ import annotations

import msgspec

from domain.events import Event
from edge.onvif.settings import Camera, Reaction

_SHAKES_S = 5.0  # so long after it turned, what it sees move is itself
_PICTURE_EVERY_S, _BACK_EVERY_S = 5.0, 15.0


class Deed(msgspec.Struct, frozen=True):
    """What is to be done at the camera: turn to a preset ("": its home position), take a picture, or both.

    ``is_back``: the time is over; ``again``: it did not do so before.
    """

    trigger: str
    turns: bool = False
    preset: str = ""
    takes: bool = False
    is_back: bool = False
    again: bool = False


class Turning:
    """Of one camera. An earlier reaction of its list goes before a later one; the same again only prolongs."""

    def __init__(self, device: str, settings: Camera) -> None:
        self._device, self._settings = device, settings
        self._held: Reaction | None = None
        self._is_away = self._again = False
        self._until_s = 0.0
        self._turned_s = self._took_s = float("-inf")

    def seen(self, event: Event, now_s: float) -> Deed | None:
        """What an event asks for, if anything."""
        if event.device == self._device and (event.label == "snapshot" or now_s - self._turned_s < _SHAKES_S):
            return None
        reaction = next((one for one in self._settings.reactions if one.fits(event)), None)
        if reaction is None:
            return None
        turns, takes = self._turns(reaction, now_s), self._takes(reaction, now_s)
        return Deed(cause(event), turns, reaction.preset if turns else "", takes) if turns or takes else None

    def _turns(self, reaction: Reaction, now_s: float) -> bool:
        if not reaction.preset:
            return False
        order = self._settings.reactions
        if self._held is not None and order.index(reaction) > order.index(self._held):
            return False
        is_there = self._held is not None and self._held.preset == reaction.preset
        self._held, self._is_away, self._again, self._until_s = reaction, True, False, now_s + reaction.hold_s
        if not is_there:
            self._turned_s = now_s
        return not is_there

    def _takes(self, reaction: Reaction, now_s: float) -> bool:
        if not reaction.snapshot or now_s - self._took_s < _PICTURE_EVERY_S:
            return False
        self._took_s = now_s
        return True

    def due(self, now_s: float) -> Deed | None:
        """The way back, once it is time."""
        if not self._is_away or now_s < self._until_s:
            return None
        self._held, self._is_away, self._turned_s = None, False, now_s
        return Deed("time", turns=True, preset=self._settings.home, is_back=True, again=self._again)

    def failed(self, deed: Deed, now_s: float) -> None:
        """It did not turn: the next event tries anew, and the way back is tried until it does."""
        self._held = None
        if deed.is_back:
            self._is_away, self._again, self._until_s = True, True, now_s + _BACK_EVERY_S


def cause(event: Event) -> str:
    """In a few words: what happened where."""
    words = (event.kind, event.device, event.point, event.alarm or event.state or event.label or event.result)
    return " ".join(word for word in words if word)[:400]
