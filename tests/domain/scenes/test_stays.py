"""Stays in a zone: against everything a track may do, nobody is told of twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.conditions import During
from domain.places import Place
from domain.scenes.sightings import Sighting, Told
from domain.scenes.stays import Stays, _Stay
from tests.domain.scenes.paths import NOON, Where, moment

ZONE = ((0.4, 0.0), (1.0, 0.0), (1.0, 1.0), (0.4, 1.0))
IN, OUT = (0.7, 0.5), (0.2, 0.5)
STAY_S, GAP_S = 3.0, 2.0
ways = st.lists(st.fixed_dictionaries({name: st.sampled_from([IN, IN, OUT, None]) for name in "ab"}), max_size=40)


class Forgetful(Stays):
    """Forgets whom it told of when he leaves the zone."""

    def _outside(self, stay: _Stay, sighting: Sighting) -> Iterator[Told]:
        del self._stays[sighting.track]
        if stay.told:
            yield Told(phase="end", about=sighting.track)


def everybody(_: Sighting) -> bool:
    return True


def told_by(stays: Stays, way: list[dict[str, Where | None]], start: datetime = NOON) -> list[list[Told]]:
    return [
        stays.look(moment(tick, {name: at for name, at in where.items() if at is not None}, start=start))
        for tick, where in enumerate(way)
    ]


def check_laws(way: list[dict[str, Where | None]], told: list[list[Told]]) -> None:
    """A name that was gone for a tick is another track; of each life at most one start, and an end after it."""
    lives = dict.fromkeys("ab", 0)
    starts, ends = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for tick, where in enumerate(way):
        for one in told[tick]:
            life = (one.about, lives[one.about])
            assert one.phase == "start" or starts[life] == 1, "over before it began"
            (starts if one.phase == "start" else ends)[life] += 1
            if one.phase == "start":
                _check_inside(way, tick, one.about)
        for name, at in where.items():
            lives[name] += at is None
    assert max([*starts.values(), *ends.values()], default=0) <= 1, "told twice"


def _check_inside(way: list[dict[str, Where | None]], tick: int, name: str) -> None:
    assert way[tick][name] == IN
    stayed = way[max(0, tick - int(STAY_S)) : tick + 1]
    assert len(stayed) > STAY_S and all(where[name] is not None for where in stayed), "told too early"


@given(ways)
def test_a_track_is_told_once_when_it_stayed_and_once_when_it_is_over(way: list[dict[str, Where | None]]) -> None:
    check_laws(way, told_by(Stays(ZONE, everybody, stay_s=STAY_S, gap_s=GAP_S), way))


def test_the_laws_see_a_machine_that_tells_twice() -> None:
    way: list[dict[str, Where | None]] = [{"a": at, "b": None} for at in ([IN] * 5 + [OUT] * 5) * 2]
    with pytest.raises(AssertionError, match=r"twice|before it began"):
        check_laws(way, told_by(Forgetful(ZONE, everybody, stay_s=STAY_S, gap_s=GAP_S), way))
    check_laws(way, told_by(Stays(ZONE, everybody, stay_s=STAY_S, gap_s=GAP_S), way))


@given(st.integers(0, 30), st.integers(1, 30))
def test_who_stays_long_enough_is_always_told(before: int, more: int) -> None:
    way: list[dict[str, Where | None]] = [{"a": OUT}] * before + [{"a": IN}] * (int(STAY_S) + more)
    told = told_by(Stays(ZONE, everybody, stay_s=STAY_S, gap_s=GAP_S), way)
    assert [tick for tick, some in enumerate(told) for _ in some] == [before + int(STAY_S)]


def test_one_look_is_not_believed() -> None:
    assert told_by(Stays(ZONE, everybody), [{"a": IN}]) == [[]]
    assert len(told_by(Stays(ZONE, everybody), [{"a": IN}] * 2)[1]) == 1


def test_a_step_out_of_the_zone_does_not_begin_the_wait_anew() -> None:
    way: list[dict[str, Where | None]] = [{"a": IN}, {"a": IN}, {"a": OUT}, {"a": IN}]
    assert [len(some) for some in told_by(Stays(ZONE, everybody, stay_s=STAY_S, gap_s=GAP_S), way)] == [0, 0, 0, 1]


def test_what_must_stand_is_judged_by_how_long_it_has_stood() -> None:
    stays = Stays(ZONE, everybody, stay_s=60, still=True)
    drove = [stays.look(moment(tick, {"car": IN}, "car", still_s=2)) for tick in range(200)]
    stood = [stays.look(moment(200 + tick, {"car": IN}, "car", still_s=tick)) for tick in range(100)]
    assert not any(drove) and [tick for tick, some in enumerate(stood) if some] == [60]


def test_what_was_not_found_since_has_not_stayed() -> None:
    stays = Stays(ZONE, everybody, stay_s=60)
    for tick in range(30):
        assert not stays.look(moment(tick, {"a": IN}))
    last = moment(29, {"a": IN}).seen
    held = [stays.look(moment(tick, {}).__class__(seconds=tick, at=NOON, seen=last)) for tick in range(30, 200)]
    assert not any(held)


@pytest.mark.parametrize(
    ("zone", "hour", "is_told"),
    [
        ("Asia/Shanghai", 16, True),
        ("Asia/Urumqi", 16, True),
        ("Asia/Shanghai", 12, False),
        ("UTC", 16, False),
        ("UTC", 23, True),
    ],
)
def test_hours_are_of_the_clocks_of_the_complex(zone: str, hour: int, is_told: bool) -> None:
    """16:00 UTC is midnight in Shanghai and 22:00 in Ürümqi."""
    during, place = During(hours=("22:00-05:00",)), Place(ZoneInfo(zone))
    stays = Stays(ZONE, everybody, at_hours=lambda at: during.holds(at, place))
    start = datetime(2026, 11, 27, hour, tzinfo=UTC)
    assert any(told_by(stays, [{"a": IN}] * 5, start)) is is_told


def test_who_is_there_when_the_hours_begin_is_told_then() -> None:
    during = During(hours=("12:01-13:00",))
    stays = Stays(ZONE, everybody, at_hours=lambda at: during.holds(at, Place()))
    told = told_by(stays, [{"a": IN}] * 90)
    assert [NOON + timedelta(seconds=tick) for tick, some in enumerate(told) if some] == [NOON + timedelta(seconds=61)]
