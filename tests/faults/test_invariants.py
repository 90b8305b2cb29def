"""The judge of all rigs is itself judged: a chain's ends with each fault in them, made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from domain.ids import Origin
from tests.faults.invariants import Findings, look, must_hold
from tests.rig import Rig

AT = "2026-11-20T08:00:{:02}.000Z"


class Ends:
    """Stands in for a rig: what its centre holds, and which gaps were declared."""

    def __init__(self, told: Sequence[tuple[int, int]], gaps: Sequence[tuple[int, int]] = ()) -> None:
        """``told``: (sequence, the device's own number), in the centre's order."""
        self._told, self._gaps = told, gaps
        self.edge_folder = cast(Any, None)

    def centre_events(self) -> list[tuple[Origin, dict[str, Any]]]:
        return [
            (
                Origin("gw", "money", "e1", sequence),
                {"device": "d", "source_event_id": str(number), "recorded_at": AT.format(number)},
            )
            for sequence, number in self._told
        ]

    def centre_query(self, _sql: str) -> list[tuple[Any, ...]]:
        return [("gw", "money", "e1", first, last) for first, last in self._gaps]


def found(told: Sequence[tuple[int, int]], gaps: Sequence[tuple[int, int]] = ()) -> Findings:
    return look(cast(Rig, Ends(told, gaps)), set(), source_order=True)


def test_what_is_whole_holds() -> None:
    must_hold(found([(1, 1), (2, 2), (3, 3)]))
    must_hold(found([(1, 1), (4, 4)], gaps=[(2, 3)]))


@pytest.mark.parametrize(
    ("told", "what"),
    [
        ([(1, 1), (1, 1)], "origins_twice"),
        ([(1, 1), (2, 1)], "facts_twice"),
        ([(1, 1), (3, 3)], "unlisted"),
        ([(2, 2), (1, 1)], "disordered"),
        ([(1, 2), (2, 1)], "disordered"),
    ],
)
def test_each_fault_is_seen(told: list[tuple[int, int]], what: str) -> None:
    findings = found(told)
    assert getattr(findings, what)
    with pytest.raises(AssertionError):
        must_hold(findings)
