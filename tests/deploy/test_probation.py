"""When a new version has passed, when the one before comes back, and when nobody may judge yet."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from edge.releases.probation import HEALTHY_S, TRIES, WITHIN_S, Moment, Unit, judge, starting
from edge.releases.releases import Busy, CannotReturn, Releases
from edge.releases.trees import BadTree
from tests.deploy.test_power_cuts import package, pass_probation

START_S = 1000.0


def at(after_s: float, boot: str = "boot") -> Moment:
    return Moment(boot, START_S + after_s)


def up(since_s: float) -> Unit:
    """A unit that has been ready since so long after the start."""
    return Unit("active", START_S + since_s)


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    """Version 1 proved, version 2 just installed."""
    made = Releases(tmp_path / "root")
    for number in "12":
        made.install(package(tmp_path / number, number))
    return made


def test_ready_for_its_window_it_is_confirmed_and_not_a_moment_before(releases: Releases) -> None:
    starting(releases, at(0))
    assert judge(releases, up(5), at(5 + HEALTHY_S - 1)) == ""
    assert judge(releases, up(5), at(5 + HEALTHY_S)).startswith("confirmed 2")
    assert (releases.current, releases.previous, releases.pending()) == ("2", "1", None)


def test_what_has_not_started_since_is_not_judged_by_how_long_the_one_before_ran(releases: Releases) -> None:
    """Between the switch and the restart systemd speaks of the version before."""
    assert judge(releases, up(-5000), at(0)) == ""
    starting(releases, at(1))
    assert judge(releases, up(-5000), at(2)) == ""
    assert releases.pending() is not None


def test_crashes_within_the_window_bring_the_one_before_back(releases: Releases) -> None:
    for crash in range(TRIES):
        assert f"start {crash + 1} of {TRIES}" in starting(releases, at(crash * 60.0))
        assert judge(releases, up(crash * 60.0 + 5), at(crash * 60.0 + 50)) == ""
    assert starting(releases, at(180)).startswith("returned to 1")
    assert (releases.current, releases.pending()) == ("1", None)
    assert "returned from 2 to 1" in releases.returned()
    assert releases.kept == ["1"]


def test_not_ready_in_time_brings_the_one_before_back(releases: Releases) -> None:
    starting(releases, at(0))
    assert judge(releases, Unit("activating", 0.0), at(WITHIN_S - 1)) == ""
    assert judge(releases, Unit("activating", 0.0), at(WITHIN_S)).startswith("returned to 1")


def test_a_unit_that_somebody_stopped_is_not_judged(releases: Releases) -> None:
    starting(releases, at(0))
    assert judge(releases, Unit("inactive", START_S), at(10 * WITHIN_S)) == ""


def test_a_boot_begins_the_window_anew_and_counts_as_a_start(releases: Releases) -> None:
    starting(releases, at(0))
    assert judge(releases, up(-900), Moment("second boot", 900.0)) == ""
    assert "start 2" in starting(releases, Moment("second boot", 10.0))
    assert judge(releases, Unit("active", 15.0), Moment("second boot", 15.0 + HEALTHY_S)).startswith("confirmed 2")


def test_an_upgrade_of_one_on_probation_goes_back_to_the_last_that_was_proved(
    releases: Releases, tmp_path: Path
) -> None:
    releases.install(package(tmp_path / "3", "3"))
    assert (releases.current, releases.previous) == ("3", "1")
    for _ in range(TRIES + 1):
        starting(releases, at(0))
    assert releases.current == "1"


def test_the_first_version_has_none_to_go_back_to(tmp_path: Path) -> None:
    first = Releases(tmp_path / "root")
    first.install(package(tmp_path / "1", "1"))
    assert (first.pending(), starting(first, at(0))) == (None, "")
    with pytest.raises(CannotReturn, match="no version before 1"):
        first.go_back("by hand")


def test_two_are_kept(releases: Releases, tmp_path: Path) -> None:
    pass_probation(releases)
    releases.install(package(tmp_path / "3", "3"))
    assert releases.kept == ["1", "2", "3"]
    pass_probation(releases)
    assert releases.kept == ["2", "3"]


def test_the_same_number_with_other_contents_lies_beside_it(releases: Releases, tmp_path: Path) -> None:
    other = package(tmp_path / "again", "2")
    with (other / "MANIFEST").open("a") as file:
        file.write(f"{hashlib.sha256(b'').hexdigest()}  lib/new.txt\n")
    (other / "lib" / "new.txt").touch()
    assert releases.install(other).startswith("2.")
    assert releases.install(tmp_path / "2") == "2"


def test_a_damaged_package_is_refused_by_the_name_of_the_file(releases: Releases, tmp_path: Path) -> None:
    damaged = package(tmp_path / "3", "3")
    (damaged / "lib" / "agent.txt").write_text("flipped")
    with pytest.raises(BadTree, match=r"lib/agent\.txt is not what the package holds"):
        releases.install(damaged)
    assert releases.current == "2"


def test_a_link_that_leads_nowhere_is_mended_at_the_next_start(releases: Releases) -> None:
    (releases.root / "current").unlink()
    assert starting(releases, at(0)) == "current led nowhere; now 1"


def test_one_at_a_time(releases: Releases) -> None:
    with releases.locked(0.0), pytest.raises(Busy), Releases(releases.root).locked(0.0):
        raise AssertionError("two were let in")
