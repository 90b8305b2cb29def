"""A picture in, its plates out: find, look again closer, straighten, read, weigh."""

from __future__ import annotations

from collections.abc import Callable, Collection

import msgspec

from domain.plate_beam import Step
from domain.plate_shapes import grammar
from domain.plate_weighing import Candidate, Look, Weighed, by_registered, can_be_asked, glanced, is_plate, weigh
from edge.vision.frames import Picture
from edge.vision.plates.closer import Closer
from edge.vision.plates.colors import plate_color
from edge.vision.plates.corners import Floats, Found
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.straight import straighten

_GLANCE = (0.02, 0.06)  # margins of the two cuts that are read before anything is looked at again
_SURE = 0.995  # so sure that nobody else is asked
_SECOND_WEIGHT = 0.6  # of the second reader, against all looks of the first
_MOST_PLATES = 4

Find = Callable[[Picture], list[Found]]
SecondReader = Callable[[Picture, Found], list[Step]]


class Plate(msgspec.Struct, frozen=True, eq=False):
    """A plate that was read. ``candidates``: what it may be besides, itself first."""

    plate: str
    color: str
    confidence: float
    color_confidence: float
    fit: float
    candidates: list[Candidate]
    found: Found
    by_list: bool = False


class PlateReader:
    """``first_margins`` cut the plate by the corners first found, ``closer_margins`` by those found from closer.

    ``find_quickly``: who looks at a picture first, where another one looks better: what it finds is enough where each
    of it is surely read. A plate that it does not see beside such a one is not looked for.
    """

    def __init__(
        self,
        find: Find,
        closer: Closer,
        own: OwnReader,
        second: SecondReader | None,
        first_margins: tuple[float, ...],
        closer_margins: tuple[float, ...],
        find_quickly: Find | None = None,
    ) -> None:
        self._find_quickly = find_quickly
        self._find, self._closer, self._own, self._second = find, closer, own, second
        self._first_margins, self._closer_margins = first_margins, closer_margins

    def find(self, picture: Picture) -> list[Found]:
        """Where plates are, the surest first."""
        return self._find(picture)[:_MOST_PLATES]

    def __call__(self, picture: Picture, province: str = "", registered: Collection[str] = ()) -> list[Plate]:
        """The plates in it; what is no plate is none."""
        if plates := self._read_quickly(picture):
            return plates
        read = (self.read(picture, found, province, registered) for found in self.find(picture))
        return [plate for plate in read if plate is not None]

    def read(
        self, picture: Picture, found: Found, province: str = "", registered: Collection[str] = ()
    ) -> Plate | None:
        """What is sure at a glance is not looked at again: that took three quarters of the time."""
        return self._glanced(picture, found) or self._looked_at(picture, found, province, registered)

    def _read_quickly(self, picture: Picture) -> list[Plate]:
        """All that is found quickly, each of it surely; nothing where there is any doubt."""
        if self._find_quickly is None:
            return []
        plates = [self._glanced(picture, found) for found in self._find_quickly(picture)[:_MOST_PLATES]]
        sure = [plate for plate in plates if plate is not None]
        return sure if len(sure) == len(plates) else []

    def _glanced(self, picture: Picture, found: Found) -> Plate | None:
        signs, colors = self._own(picture, [(found, margin) for margin in _GLANCE])
        weighed = glanced([Look(steps) for steps in signs], grammar(found.rows))
        return _plate(picture, found, weighed, colors.mean(axis=0)) if weighed else None

    def _looked_at(self, picture: Picture, found: Found, province: str, registered: Collection[str]) -> Plate | None:
        closer = self._closer(picture, found)
        ways = [self._read_as(rows, picture, found, closer, province) for rows in {found.rows, closer.rows}]
        weighed, colors, shown = max(ways, key=lambda way: way[0].confidence if way[0] else 0.0)
        if weighed is None:
            return None
        return _plate(picture, shown, by_registered(weighed, registered), colors.mean(axis=0))

    def _read_as(
        self, rows: int, picture: Picture, found: Found, closer: Found, province: str
    ) -> tuple[Weighed | None, Floats, Found]:
        """One row or two: where the two looks do not agree, both are tried."""
        first, closer = (msgspec.structs.replace(each, rows=rows) for each in (found, closer))
        cuts = [(first, margin) for margin in self._first_margins]
        signs, colors = self._own(picture, [*cuts, *((closer, margin) for margin in self._closer_margins)])
        looks = [Look(steps) for steps in signs]
        return self._judged(picture, closer, looks, province), colors, closer

    def _judged(self, picture: Picture, found: Found, looks: list[Look], province: str) -> Weighed | None:
        """Asks the second reader in doubt, of what it can spell: one row of seven signs."""
        weighed, second = weigh(looks, grammar(found.rows), province), None
        if self._second is not None and found.rows == 1 and weighed is not None and _is_doubtful(weighed):
            second = Look(self._second(picture, found), _SECOND_WEIGHT * len(looks))
            weighed = weigh([*looks, second], grammar(1), province)
        closer = looks[len(self._first_margins) :]
        return weighed if weighed is not None and is_plate(weighed, closer, second) else None


def _is_doubtful(weighed: Weighed) -> bool:
    return weighed.confidence < _SURE and can_be_asked(weighed.plate)


def _plate(picture: Picture, found: Found, weighed: Weighed, head: Floats) -> Plate:
    crop = straighten(picture, found.corners, 168, 96 if found.rows == 2 else 48, 0.0)
    color, color_confidence = plate_color(crop, head, weighed.plate)
    return Plate(
        plate=weighed.plate,
        color=color,
        confidence=weighed.confidence,
        color_confidence=color_confidence,
        fit=weighed.fit,
        candidates=weighed.candidates,
        found=found,
        by_list=weighed.by_list,
    )
