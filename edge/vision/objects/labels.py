"""The words of this product for the classes that the network knows. It knows more; those are no matter of ours."""

from __future__ import annotations

from types import MappingProxyType

from domain.scenes.sightings import PERSON, TWO_WHEELS, VEHICLES

# By number in COCO's list of 80. In its pictures an electric bicycle is a motorcycle as often as a bicycle.
COCO = MappingProxyType({0: PERSON, 1: TWO_WHEELS, 2: "car", 3: TWO_WHEELS, 5: "bus", 7: "truck"})
PERSONS = 0
_GROUPS = (frozenset({PERSON}), frozenset({TWO_WHEELS}), VEHICLES)


def group_of(label: str) -> int:
    """Labels of one group may be taken for each other; those of others may not."""
    return next((number for number, labels in enumerate(_GROUPS) if label in labels), len(_GROUPS))
