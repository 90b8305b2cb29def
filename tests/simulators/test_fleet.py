"""The simulated fleet: a day that adds up, a plan that repeats itself, and a centre that holds what it acknowledged."""

from __future__ import annotations

import itertools
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from simulators.fleet import keys
from simulators.fleet.fleet import Fleet
from simulators.fleet.plan import happenings, natures
from simulators.fleet.report import Times
from simulators.fleet.rhythm import PEAK, Weighted, rhythm
from simulators.fleet.settings import Settings
from simulators.processes import Child
from simulators.products import command, run_command
from tests.rig import SERVER_TOML, TARIFF, start, until


def test_a_day_has_its_mean_and_its_peak() -> None:
    day = [rhythm((minute + 0.5) / 60) for minute in range(24 * 60)]
    assert sum(day) / len(day) == pytest.approx(1)
    assert max(day) == pytest.approx(PEAK) and min(day) > 0


def test_the_same_seed_is_the_same_city() -> None:
    one, other = Settings(seed=3, gateways=50), Settings(seed=4, gateways=50)
    assert natures(one) == natures(one) != natures(other)
    first = [list(itertools.islice(happenings(settings), 20)) for settings in (one, one, other)]
    assert first[0] == first[1] != first[2]
    assert first[0] == sorted(first[0])
    stormy = list(itertools.islice(happenings(Settings(storm_at_s=5.0)), 50))
    assert [one.what for one in stormy].count("storm") == 1


def test_a_complex_is_chosen_by_its_weight() -> None:
    chosen = Weighted([1, 3])
    assert [chosen.choose(at / 100) for at in range(100)].count(1) == 75


def test_times_are_kept_to_a_twentieth() -> None:
    times = Times()
    for number in range(1, 1_001):
        times.add(number / 1_000)
    assert times.percentile(0.5) == pytest.approx(0.5, rel=0.06)
    assert times.percentile(0.99) == pytest.approx(0.99, rel=0.06)


async def test_the_centre_holds_what_it_acknowledged(tmp_path: Path) -> None:
    """With wrong clocks, batches sent twice and a cut of every line; and the check sees what is not there."""
    centre = tmp_path / "centre"
    centre.mkdir()
    (centre / "server.toml").write_text(SERVER_TOML.format(host="127.0.0.1", port=0, database=""))
    (centre / "tariff.yaml").write_text(TARIFF)
    await run_command("gatehouse-server", "init", "--data", str(centre))
    told = ("--complex", "garden", "--count", "12", "--data", str(centre))
    codes = (await run_command("gatehouse-server", "enrol-code", *told)).split()
    server = Child("server", [command("gatehouse-server"), "serve", "--data", str(centre)], tmp_path)
    try:
        url = (await start(server, "ready http")).split()[1]
        identities = await keys.enrol(url, codes)
        keys.save(identities, tmp_path / "keys.json")
        assert keys.load(tmp_path / "keys.json") == identities
        await _play(url, identities)
    finally:
        server.stop(5.0)


async def _play(url: str, identities: list[keys.Identity]) -> None:
    odd = Settings(gateways=12, minutes=0.08, events=400, wrong_clocks=0.5, doubled=0.5, late=0.0, heartbeat_s=0.5)
    fleet = Fleet(url, identities, msgspec.structs.replace(odd, storm_at_s=1.5, storm_s=1.0, old_versions=0.3))
    await fleet.run()
    assert await fleet.drained(60) and await fleet.check() == []
    report = fleet.report
    assert report.events["acknowledged"] == report.events["made"] > 0
    assert report.happened["clock_learnt"] and report.happened["storm"] == 1 and report.outcomes["known"]
    await until(lambda: fleet.online == 12)
    life = next(life for life in fleet.lives if life.box.streams["routine"].head)
    life.box.streams["routine"].head += 1
    assert len(await fleet.check()) == 1, "the check must see what the centre lacks"
    assert max(abs(life.box.signer.off) for life in fleet.lives) < timedelta(minutes=1), "the clocks were learnt"
    await fleet.close()
