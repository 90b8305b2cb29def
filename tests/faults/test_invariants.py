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

    def __init__(
        self, told: Sequence[tuple[int, int]], gaps: Sequence[tuple[int, int]] = (), decided: Sequence[int] = ()
    ) -> None:
        """``told``: (sequence, the device's own number), in the centre's order; the gateway's own are ``decided``."""
        self._told, self._gaps, self._decided = told, gaps, decided
        self.edge_folder = cast(Any, None)

    def centre_events(self) -> list[tuple[Origin, dict[str, Any]]]:
        return [
            (Origin("gw", "money", "e1", sequence), self._event(sequence, number)) for sequence, number in self._told
        ]

    def _event(self, sequence: int, number: int) -> dict[str, Any]:
        event = {"device": "d", "source_event_id": str(number), "recorded_at": AT.format(number)}
        if sequence not in self._decided:
            return event
        return event | {"source_event_id": f"decision/{number}", "ext": {"decided_by": "gateway"}}

    def centre_query(self, _sql: str) -> list[tuple[Any, ...]]:
        return [("gw", "money", "e1", first, last) for first, last in self._gaps]


def found(
    told: Sequence[tuple[int, int]], gaps: Sequence[tuple[int, int]] = (), decided: Sequence[int] = ()
) -> Findings:
    return look(cast(Rig, Ends(told, gaps, decided)), set(), source_order=True)


def test_what_is_whole_holds() -> None:
    must_hold(found([(1, 1), (2, 2), (3, 3)]))
    must_hold(found([(1, 1), (4, 4)], gaps=[(2, 3)]))


def test_a_decision_may_stand_behind_what_its_device_said_next() -> None:
    must_hold(found([(1, 1), (2, 2), (3, 1)], decided=[3]))


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
