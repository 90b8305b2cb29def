"""The shapes a plate can have, sign by sign, so that a decoder spells plates and nothing else."""

from __future__ import annotations

from functools import cache

import msgspec

from domain import plates

_P, _S, _D = plates.PROVINCES, plates.SERIAL, "0123456789"
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"  # pragma: allowlist secret
# Readers have no O in their tables: where a letter must stand, their 0 is one (粤O, old plates of offices).
_OFFICE = _LETTERS + "0"


class Shape(msgspec.Struct, frozen=True):
    """What may stand in each place. ``share``: how likely such a car is at all, against a plain one."""

    slots: tuple[str, ...]
    share: float = 1.0
    rows: tuple[int, ...] = (1,)


def _shape(*parts: str | tuple[str, int], share: float = 1.0, rows: tuple[int, ...] = (1,)) -> Shape:
    slots = (slot for part in parts for slot in ([part] if isinstance(part, str) else [part[0]] * part[1]))
    return Shape(tuple(slots), share, rows)


# The order is that of domain/plates. A share is no count: it says how much surer a reader must be of a rare kind.
SHAPES = (
    _shape(_P, _LETTERS, (_S, 5), rows=(1, 2)),
    _shape(_P, "0", (_S, 5), share=0.05),
    _shape(_P, _LETTERS, (_S, 4), "学", share=0.5),
    _shape(_P, _LETTERS, (_S, 4), "警", share=0.5),
    _shape(_P, _LETTERS, (_S, 4), "领", share=0.1),
    _shape(_P, _LETTERS, (_S, 4), "试", share=0.1),
    _shape(_P, _LETTERS, (_S, 4), "挂", share=0.5, rows=(1, 2)),
    _shape("粤", "Z", (_S, 4), "港澳", share=0.5),
    _shape(_P, _LETTERS, "ABCDEFGHJK", _S, (_D, 4)),
    _shape(_P, _LETTERS, (_D, 5), "DF"),
    _shape(_P, _LETTERS, (_S, 4), "应", "急", share=0.05),
    _shape("使", (_D, 6), share=0.1),
    _shape((_D, 6), "使", share=0.1),
    _shape("W", "J", _P, (_D, 4), "0123456789JBXTHSD", share=0.05),
    _shape("W", "J", (_D, 4), "0123456789JBXTHSD", share=0.05),
    _shape("VKHBSLJNGC", _LETTERS, (_D, 5), share=0.05, rows=(1, 2)),
    _shape("民", "航", (_S, 5), share=0.05),
    _shape(_P, (_D, 7), share=0.02, rows=(2,)),
)


class Grammar:
    """Which signs may follow, by the set of shapes that are still possible. A place in it is (set, signs so far)."""

    def __init__(self, shapes: tuple[Shape, ...]) -> None:
        self._shapes = shapes
        self._after: dict[tuple[int, int], dict[str, int]] = {}
        self.start = (1 << len(shapes)) - 1

    def after(self, alive: int, length: int) -> dict[str, int]:
        """Each sign that may stand next, and which shapes then remain."""
        key = (alive, length)
        if key not in self._after:
            self._after[key] = self._following(alive, length)
        return self._after[key]

    def share_of(self, signs: str) -> float:
        """How likely such a car is, 0 where these signs are no plate."""
        alive = self.start
        for length, sign in enumerate(signs):
            alive = self.after(alive, length).get(sign, 0)
        return self.share(alive, len(signs))

    def share(self, alive: int, length: int) -> float:
        """How likely a car with these signs is, 0 where they are no whole plate."""
        return max((shape.share for shape in self._alive(alive) if len(shape.slots) == length), default=0.0)

    def _following(self, alive: int, length: int) -> dict[str, int]:
        following: dict[str, int] = {}
        for number, shape in enumerate(self._shapes):
            if alive >> number & 1 and length < len(shape.slots):
                for sign in shape.slots[length]:
                    following[sign] = following.get(sign, 0) | 1 << number
        return following

    def _alive(self, alive: int) -> list[Shape]:
        return [shape for number, shape in enumerate(self._shapes) if alive >> number & 1]


@cache
def grammar(rows: int) -> Grammar:
    """The plates of one row, or of two."""
    return Grammar(tuple(shape for shape in SHAPES if rows in shape.rows))


def spelled(signs: str) -> str:
    """The plate that a reader without an O means by these signs."""
    return f"{signs[0]}O{signs[2:]}" if len(signs) == 7 and signs[0] in _P and signs[1] == "0" else signs


def signs_of(plate: str) -> str:
    """What a reader without an O says of a plate: the way back from ``spelled``."""
    return f"{plate[0]}0{plate[2:]}" if len(plate) == 7 and plate[0] in _P and plate[1] == "O" else plate
