"""Every kind of platform, ill, away for three days, and we ourselves dying: each record once, in order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from simulators.upper.profiles import PROFILES
from tests.faults.mutants.settles_first import SettlesFirst
from tests.scenarios.platform_story import CAMERAS, Told, camera, story
from tests.server.engines import SQLITE, Engine, chosen

FULL = bool(os.environ.get("FULL"))
SIZE, DEATHS = (800, 10) if FULL else (40, 1)
ENGINES = chosen() if FULL else [SQLITE]


def check(told: Told) -> None:
    """Each record that has a code once by its id; of each camera in order; the statement adds up at every look."""
    kept = told.platform.kept
    mine = [one for kind in ("MotorVehicle", "Person") for one in kept.of(kind)]
    wanted = [number for number in range(told.offered) if number % 10 != 9]
    assert len(mine) == len({one.id for one in mine}) == len(wanted)
    plates = sorted(str(one.said["PlateNo"]) for one in kept.of("MotorVehicle") if one.said)
    assert plates == [f"浙A{number:05}" for number in wanted if number % 3]
    for n in range(CAMERAS):
        # The first 41 digits are the camera's, the second's and a serial: its own order of happening.
        came = [one.id[:41] for one in sorted(mine, key=lambda one: one.serial) if one.device == camera(n)]
        assert came == sorted(came)
    assert kept.counts().differing == 0
    _adds_up(told)


def _adds_up(told: Told) -> None:
    for one in told.statements:
        total = one.total
        assert total.offered == total.accepted + total.refused + total.withheld + total.sent + total.waiting
    last = told.statements[-1].total
    assert (last.offered, last.waiting, last.sent) == (told.offered, 0, 0)
    assert last.refused == sum(number % 10 == 9 for number in range(told.offered))
    assert told.statements[-1].reasons == (
        ("refused", "vzenith:99 of garden has no code of twenty digits at this platform", last.refused),
    )


@pytest.mark.parametrize("engine", ENGINES, ids=[one.name for one in ENGINES])
@pytest.mark.parametrize("profile", PROFILES)
async def test_each_record_once_in_order_over_faults_a_death_and_three_days_away(
    tmp_path: Path, profile: str, engine: Engine
) -> None:
    told = await story(tmp_path, engine, profile, SIZE, deaths=DEATHS)
    check(told)
    assert told.waited > SIZE, "nothing waited while the platform was away: there was no outage"
    assert told.under_way, "nothing was under way when we died"
    faults = {name for name in told.platform.kept.requests if name.startswith("fault ")}
    assert "fault hang" in faults and len(faults) > 3, faults


async def test_the_control_who_settles_before_the_answer_is_caught(tmp_path: Path) -> None:
    told = await story(tmp_path, SQLITE, "strict", SIZE, SettlesFirst)
    with pytest.raises(AssertionError):
        check(told)
