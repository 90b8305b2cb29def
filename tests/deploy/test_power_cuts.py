"""The power fails at every step of an upgrade and of a return: whichever disk that leaves, a whole version starts."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.releases import releases as release
from edge.releases import trees as release_trees
from edge.releases.probation import HEALTHY_S, TRIES, Moment, Unit, judge, starting
from edge.releases.releases import Releases
from tests.deploy.power import Disk, PowerCut, power

Act = Callable[[Releases], None]

# Says its number if all that it is made of is there, as an agent that imports its modules does.
PROGRAM = """#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
cd "$here" && sha256sum --quiet --strict -c MANIFEST >&2 && cat VERSION
"""


def package(folder: Path, number: str) -> Path:
    """What a package brings, with a stand-in for the agent."""
    (folder / "lib").mkdir(parents=True)
    (folder / "VERSION").write_text(f"{number}\n")
    (folder / "gatehouse-edge").write_text(PROGRAM)
    (folder / "gatehouse-edge").chmod(0o755)
    (folder / "lib" / "agent.txt").write_text(number * 1000)
    names = ["VERSION", "gatehouse-edge", "lib/agent.txt"]
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "MANIFEST").write_text("".join(lines))
    return folder


def version_that_starts(root: Path) -> str:
    """What ``current`` says of itself when it is run; what is wrong, where it does not run."""
    try:
        done = subprocess.run(
            [root / "current" / "gatehouse-edge", "--version"], capture_output=True, text=True, timeout=10
        )
    except OSError as error:
        return f"does not start: {error}"
    return done.stdout.strip() if done.returncode == 0 else f"does not start: {done.stderr}"


class Box:
    """A gateway's disk with versions 1 and 2, of which 2 starts and 1 was before; version 3 is to come."""

    def __init__(self, folder: Path) -> None:
        self.packages = {number: package(folder / f"package-{number}", number) for number in "123"}
        self.made = folder / "made"
        for number in "12":
            Releases(self.made).install(self.packages[number])
        pass_probation(Releases(self.made))
        self._folder, self._count = folder, 0

    def fresh(self) -> Path:
        """A copy to spoil."""
        self._count += 1
        return Path(shutil.copytree(self.made, self._folder / f"box-{self._count}", symlinks=True))

    def install_3(self, releases: Releases) -> None:
        releases.install(self.packages["3"])


def pass_probation(releases: Releases) -> None:
    starting(releases, Moment("boot", 10.0))
    judge(releases, Unit("active", 12.0), Moment("boot", 12.0 + HEALTHY_S))
    assert releases.pending() is None


def fail_probation(releases: Releases) -> None:
    for _ in range(TRIES + 1):
        starting(releases, Moment("boot", 10.0))


def cuts(box: Box, act: Act, before: Act = lambda _: None) -> list[tuple[int, Path]]:
    """Every disk that a cut in ``act`` may leave, with the number of the step it came at."""
    found: list[tuple[int, Path]] = []
    for steps in range(1000):
        root = box.fresh()
        before(Releases(root))
        disk = Disk(root)
        try:
            with power(disk, steps):
                act(Releases(root))
        except PowerCut:
            found += [(steps, root), (steps, disk.lay_out(root.with_name(f"{root.name}-synced")))]
            continue
        found.append((steps, disk.lay_out(root.with_name(f"{root.name}-synced"))))  # right after the last step
        assert steps > 5, "nothing was cut"
        return found
    raise AssertionError("it never came to an end")


def broken(found: list[tuple[int, Path]], allowed: set[str]) -> list[str]:
    """The cuts after which no whole version starts, or none of those that should."""
    started = [(step, root.name, version_that_starts(root)) for step, root in found]
    return [f"step {step}, {name}: {version}" for step, name, version in started if version not in allowed]


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


def test_a_cut_anywhere_in_an_installation_leaves_the_old_or_the_new(box: Box) -> None:
    found = cuts(box, box.install_3)
    assert broken(found, {"2", "3"}) == []
    assert {version_that_starts(root) for _, root in found} == {"2", "3"}


def test_after_such_a_cut_the_box_starts_and_the_installation_done_again_ends_well(box: Box) -> None:
    for step, root in cuts(box, box.install_3):
        releases = Releases(root)
        starting(releases, Moment("next boot", 5.0))
        assert version_that_starts(root) in {"2", "3"}, step
        box.install_3(releases)
        assert (version_that_starts(root), releases.current, releases.previous) == ("3", "3", "2"), step
        fail_probation(releases)
        assert version_that_starts(root) == "2", step


def test_a_new_version_never_starts_without_the_way_back(box: Box) -> None:
    for step, root in cuts(box, box.install_3):
        releases = Releases(root)
        if releases.current == "3":
            assert releases.pending() is not None, step
            assert releases.can_start(releases.previous), step


def test_a_cut_while_starts_are_counted_confirmed_or_cleaned_up_leaves_one_that_runs(box: Box) -> None:
    def probation(releases: Releases) -> None:
        for uptime_s in (5.0, 20.0):
            starting(releases, Moment("boot", uptime_s))
        judge(releases, Unit("active", 22.0), Moment("boot", 22.0 + HEALTHY_S))

    assert broken(cuts(box, probation, box.install_3), {"3"}) == []


def test_a_cut_anywhere_in_a_return_leaves_the_failed_or_the_one_before(box: Box) -> None:
    found = cuts(box, fail_probation, box.install_3)
    assert broken(found, {"2", "3"}) == []
    for step, root in found:
        fail_probation(Releases(root))
        assert version_that_starts(root) == "2", step


def test_a_cut_anywhere_in_a_return_by_hand_leaves_one_that_runs(box: Box) -> None:
    found = cuts(box, lambda releases: releases.go_back("by hand") and None)
    assert broken(found, {"1", "2"}) == []


# --- positive controls: each of these was tempting, and each is caught ---


def _point_in_two_steps(link: Path, target: str) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    release.sync_folder(link.parent)


def test_a_link_made_in_two_steps_is_caught(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_trees, "point", _point_in_two_steps)
    assert any("No such file" in line for line in broken(cuts(box, box.install_3), {"2", "3"}))


def test_a_version_named_before_it_is_on_the_disk_is_caught(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_trees, "sync_file_system", lambda _: None)
    assert broken(cuts(box, box.install_3), {"2", "3"}) != []


def test_cleaning_up_before_the_switch_is_on_the_disk_is_caught(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(releases: Releases) -> None:
        box.install_3(releases)
        release_trees.remove(releases.root / "versions" / "2")

    real = release_trees.sync_folder
    monkeypatch.setattr(
        release_trees, "sync_folder", lambda folder: None if folder.name.startswith("box") else real(folder)
    )
    assert broken(cuts(box, careless), {"2", "3"}) != []
