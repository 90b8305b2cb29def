"""A reader that is too slow: what is seen is never older than the bound, and without it becomes ever older."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.vision.frames import Frame
from edge.vision.streams import source as reading
from edge.vision.streams.lateness import Lateness
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where
from tests.edge.vision.clips_made import yard

AT = datetime(2026, 3, 1, tzinfo=UTC)
BOUND_S, GRACE_S, READ_S = 1.0, 0.5, 0.002


def shown(fps: float, group: int, cost_s: float, seconds: float, bound_s: float = BOUND_S) -> list[tuple[float, float]]:
    """Of each picture that is decoded: when, and how old it is by then. ``cost_s``: of one."""
    lateness, now_s, found = Lateness(bound_s, Counter()), 0.0, []
    for number in range(int(seconds * fps)):
        stamp_s = number / fps
        now_s = max(now_s, stamp_s) + READ_S
        lateness.hear(stamp_s, now_s)
        if lateness.lets_through(is_key=number % group == 0):
            found.append((now_s, now_s - stamp_s))
            now_s += cost_s
    return found


@given(st.floats(5, 30), st.integers(1, 60), st.floats(0.0, 0.4))
def test_no_picture_is_older_than_the_bound_however_slow_the_reader(fps: float, group: int, cost_s: float) -> None:
    found = shown(fps, group, cost_s, 60)
    assert max(age for _, age in found) <= BOUND_S + GRACE_S + cost_s + 4 * READ_S
    gaps = [later - sooner for (sooner, _), (later, _) in pairwise(found)]
    assert max(gaps) <= 2 * group / fps + cost_s + 1, "it sees again with the next keyframes"


@given(st.floats(5, 30), st.integers(1, 60))
def test_who_keeps_up_loses_no_picture(fps: float, group: int) -> None:
    assert len(shown(fps, group, 0.9 / fps - READ_S, 30)) == int(30 * fps)


def test_without_a_bound_pictures_become_ever_older() -> None:
    """The control of the first: the same reader, and nothing passed over."""
    ages = [age for _, age in shown(15, 30, 0.1, 60, bound_s=math.inf)]
    assert ages[-1] > 25 and ages == sorted(ages)


@pytest.mark.parametrize("clock", [1.0001, 0.9999])
def test_clocks_that_run_apart_as_clocks_do_are_no_lateness(clock: float) -> None:
    counts: Counter[str] = Counter()
    lateness = Lateness(BOUND_S, counts)
    for number in range(24 * 3_600):
        lateness.hear(number / clock, float(number))
        assert lateness.lets_through(is_key=True)
    assert not counts and lateness.lag_s < 0.1


def test_a_camera_whose_stamps_are_slower_than_its_pictures_is_not_passed_over_for_ever() -> None:
    """One that writes 25 a second and sends 24.5: nothing piles up, and reading alone gains nothing."""
    counts: Counter[str] = Counter()
    lateness = Lateness(BOUND_S, counts)
    seen = 0
    for number in range(3_600 * 25):
        lateness.hear(number / 25, number / 24.5)
        seen += lateness.lets_through(is_key=number % 50 == 0)
    assert counts["stamps_slow"] == counts["late"] > 10
    assert seen > 3_600 * 25 * 0.9


def test_a_pause_of_the_network_costs_no_picture() -> None:
    lateness = Lateness(BOUND_S, Counter())
    for number in range(300):
        stalled_s = 12.0 if 100 <= number < 120 else 0.0  # the packets of 1.4 s come at once
        lateness.hear(number / 15, max(number / 15, stalled_s and 100 / 15 + 1.4))
        assert lateness.lets_through(is_key=number % 30 == 0)


def test_stamps_that_jump_are_no_lateness() -> None:
    lateness = Lateness(BOUND_S, Counter())
    stamps = [*(n / 10 for n in range(50)), *(3_600 + n / 10 for n in range(50)), *(n / 10 for n in range(50))]
    for number, stamp_s in enumerate([*stamps, *[None] * 50]):
        lateness.hear(stamp_s, number / 10)
        assert lateness.lag_s == pytest.approx(0, abs=0.11)


class Line:
    """A camera's packets, each when it was made and not before; its clock is the reader's too."""

    def __init__(self, path: Path) -> None:
        self._file = av.open(str(path))
        self.streams, self.now_s = self._file.streams, 0.0

    def demux(self, stream: Any) -> Iterator[Any]:
        for packet in self._file.demux(stream):
            due_s = float(packet.dts * packet.time_base) if packet.dts is not None else 0.0
            self.now_s = max(self.now_s, due_s) + READ_S
            yield packet

    def close(self) -> None:
        self._file.close()


class Slow:
    """Looks at a real film over such a line, and needs ``cost_s`` for each picture."""

    def __init__(self, path: Path, patch: pytest.MonkeyPatch, **how: Any) -> None:
        self._line, self.counts, self.heard = Line(path), Counter[str](), list[datetime]()
        patch.setattr(reading, "opened", lambda where: self._line)
        self.source = Source(
            Where("rtsp://192.0.2.1/yard"), How(**how), self._now, self.counts, clock_s=lambda: self._line.now_s
        )

    def look(self, cost_s: float) -> list[tuple[Frame, float]]:
        """Each picture and how old it was."""
        found: list[tuple[Frame, float]] = []
        with pytest.raises(StreamFault, match="ended"):
            for frame in self.source.frames(lambda packet, at: self.heard.append(at)):
                found.append((frame, self._line.now_s - frame.seconds))
                self._line.now_s += cost_s
        self.source.close()
        return found

    def _now(self) -> datetime:
        return AT + timedelta(seconds=self._line.now_s)


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return yard(tmp_path_factory.mktemp("films") / "yard.mkv", 40, group=20, codec="libx264")


def test_a_slow_reader_of_a_film_skips_to_what_is_current_and_keeps_every_packet(
    film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(film, monkeypatch)
    found = slow.look(0.25)
    assert max(age for _, age in found) <= BOUND_S + GRACE_S + 0.3
    assert slow.counts["late"] > 2
    assert slow.counts["frames"] + slow.counts["frames_skipped"] == len(slow.heard) == 400, "none is lost to clips"
    assert found[-1][0].seconds > 36, "and it goes on to the end"
    assert slow.heard == sorted(slow.heard)


def test_a_picture_says_when_it_was_taken_and_not_when_it_was_read(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for frame, _ in Slow(film, monkeypatch).look(0.25):
        assert (frame.at - AT).total_seconds() == pytest.approx(frame.seconds, abs=0.05)


def test_without_catching_up_the_same_film_is_seen_ever_later(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Slow(film, monkeypatch, late_s=math.inf).look(0.25)
    assert found[-1][1] > 50 and len(found) == 400


def test_who_does_not_catch_up_opens_the_stream_anew(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group without an end, as of a camera that sends a keyframe a minute: there is nothing to go on from."""
    slow = Slow(yard(film.parent / "endless.mkv", 40, group=1_000, codec="libx264"), monkeypatch)
    with pytest.raises(StreamFault, match="late"):
        for _ in slow.source.frames():
            slow._line.now_s += 0.25
    assert 15 < slow._line.now_s < 40
