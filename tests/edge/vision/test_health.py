"""A camera that is dark, covered, out of focus, moved or frozen is told within ten seconds, and so is the end of it;
noise, another light and people who walk are none of these."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.built_in import BUILT_IN
from domain.events import Event
from domain.places import Place
from edge.vision.frames import Frame
from edge.vision.health.health import ALARMS, Health
from edge.vision.health.state import STANDS_S, Settled
from edge.vision.settings import Health as Settings
from edge.vision.streams.source import How, Source
from edge.vision.streams.where import StreamFault, Where
from tests.edge.vision.clips_made import film, scene

AT = datetime(2026, 3, 1, tzinfo=UTC)
VIDEO = Path(__file__).parents[4] / "shared" / "fixtures" / "video"
CLIPS = ("vtest.avi", "one-by-one-person-detection.mp4", "car-detection.mp4")
WRONG_FROM_S, WRONG_TO_S = 8.0, 18.0
Change = Callable[[Any], Any]


def _covered(luma: Any) -> Any:
    """A bag over it: light without a shape. Smoothed small, for at full size that takes a second a picture."""
    small = cv2.GaussianBlur(
        cv2.resize(luma, None, fx=1 / 8, fy=1 / 8, interpolation=cv2.INTER_AREA), (0, 0), luma.shape[1] / 96
    )
    return np.clip(cv2.resize(small, luma.shape[::-1]) * 0.2 + 90, 0, 255).astype(np.uint8)


def _turned(luma: Any) -> Any:
    return np.roll(np.roll(luma, luma.shape[1] // 5, 1), luma.shape[0] // 6, 0)


def _noisy(luma: Any) -> Any:
    return np.clip(luma + np.random.default_rng(int(luma.sum())).normal(0, 8, luma.shape), 0, 255).astype(np.uint8)


FAULTS: dict[str, Change] = {
    "dark": lambda luma: (luma * 0.08).astype(np.uint8),
    "covered": _covered,
    "defocused": lambda luma: cv2.GaussianBlur(luma, (0, 0), luma.shape[1] / 100),
    "moved": _turned,
}
HARMLESS: dict[str, Change] = {
    "dusk": lambda luma: (luma * 0.45).astype(np.uint8),
    "light": lambda luma: np.clip(luma * 1.25 + 20, 0, 255).astype(np.uint8),
    "rain": _noisy,
    "swaying pole": lambda luma: np.roll(luma, 3, 1),
}


def told(frames: Iterable[Frame], settings: Settings | None = None) -> list[tuple[float, str, str]]:
    """When, which reason, which state; of alarms alone, without what only confirms."""
    health, found = Health(settings or Settings()), []
    for frame in frames:
        for seen in health.look(frame):
            if seen.fields["kind"] == "alarm" and "rest" not in seen.fields:
                found.append((frame.seconds, seen.fields["reason"], seen.fields["state"]))
    return found


def drawn(
    seconds: float, change: Change = lambda luma: luma, fps: int = 2, until_s: float = WRONG_TO_S
) -> Iterable[Frame]:
    for number in range(int(seconds * fps)):
        at_s = number / fps
        luma = cv2.cvtColor(scene(at_s, (640, 360)), cv2.COLOR_BGR2GRAY)
        wrong = WRONG_FROM_S <= at_s < until_s
        shown = change(luma) if wrong else luma
        at = AT + timedelta(seconds=at_s)
        yield Frame(number + 1, at_s, at, shown, lambda shown=shown: cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR))


def filmed(clip: str, change: Change) -> Iterable[Frame]:
    if not (VIDEO / clip).exists():
        pytest.skip(f"no {VIDEO / clip}: the shared clips are not beside this checkout")
    for frame in _decoded(clip):
        wrong = WRONG_FROM_S <= frame.seconds < WRONG_TO_S
        yield msgspec.structs.replace(frame, luma=change(np.ascontiguousarray(frame.luma))) if wrong else frame


@functools.cache
def _decoded(clip: str) -> Sequence[Frame]:
    """Its first 29 seconds, once for all who look: nobody writes to a picture."""
    source, frames = (
        Source(Where(str(VIDEO / clip)), How(fps=2, in_real_time=False), lambda: AT, Counter()),
        list[Frame](),
    )
    with closing(source), suppress(StreamFault):  # its end
        frames += itertools.takewhile(lambda frame: frame.seconds <= 29, source.frames())
    return frames


def _is_told_in_time(found: list[tuple[float, str, str]], reason: str) -> None:
    assert [(why, state) for _, why, state in found] == [(reason, "active"), (reason, "cleared")]
    assert WRONG_FROM_S <= found[0][0] <= WRONG_FROM_S + 10
    assert WRONG_TO_S <= found[1][0] <= WRONG_TO_S + 10


@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_is_told_within_ten_seconds_and_so_is_its_end(reason: str) -> None:
    _is_told_in_time(told(drawn(28, FAULTS[reason])), reason)


@pytest.mark.parametrize("name", HARMLESS)
def test_weather_and_light_are_no_fault(name: str) -> None:
    assert told(drawn(28, HARMLESS[name])) == []


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("reason", FAULTS)
def test_a_fault_of_a_real_camera_is_told(clip: str, reason: str) -> None:
    _is_told_in_time(told(filmed(clip, FAULTS[reason])), reason)


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("name", HARMLESS)
def test_people_cars_weather_and_light_before_a_real_camera_are_no_fault(clip: str, name: str) -> None:
    assert told(filmed(clip, HARMLESS[name])) == []


def test_a_picture_that_stands_is_told_also_once_it_is_encoded(tmp_path: Path) -> None:
    lively = [scene(number / 10) for number in range(100)]
    path = film(tmp_path / "frozen.mkv", [*lively, *[lively[-1]] * 140, *lively[:100]], codec="libx264", group=20)
    source = Source(Where(str(path)), How(in_real_time=False), lambda: AT, Counter())
    frames: list[Frame] = []
    with pytest.raises(StreamFault):
        frames += source.frames()
    found = told(frames)
    assert [(why, state) for _, why, state in found] == [("frozen", "active"), ("frozen", "cleared")]
    assert found[0][0] <= 20
    assert told(frames, Settings(frozen_s=0)) == [], "the control: it is the one watch that sees it"


def test_a_camera_that_turns_is_not_said_to_be_moved() -> None:
    assert told(drawn(28, FAULTS["moved"]), Settings(moved=False)) == []


def test_a_view_that_stays_is_the_reference_from_then_on() -> None:
    found = told(drawn(34, FAULTS["moved"], until_s=99), Settings(new_view_s=3))
    assert [(why, state) for _, why, state in found] == [("moved", "active"), ("moved", "cleared")]
    stays = told(drawn(34, FAULTS["moved"], until_s=99), Settings())
    assert [state for _, _, state in stays] == ["active"], "the control: within the hour it stays said"


def test_a_lost_stream_is_offline_and_one_without_a_picture_is_an_alarm() -> None:
    health = Health(Settings())
    (offline,) = health.lost("offline", "unauthorised", 5.0, AT)
    assert (offline.fields["kind"], offline.fields["state"], offline.fields["reason"]) == (
        "availability",
        "offline",
        "unauthorised",
    )
    assert health.lost("offline", "unauthorised", 6.0, AT) == [], "once"
    online, alarm = health.lost("no_picture", "too_large", 7.0, AT)
    assert (online.fields["state"], alarm.fields["alarm"], alarm.fields["reason_code"]) == (
        "online",
        "video_loss",
        "too_large",
    )


def test_what_was_wrong_before_a_restart_is_cleared_by_a_first_look_that_is_well() -> None:
    health = Health(Settings())
    said = [seen.fields for frame in drawn(5) for seen in health.look(frame)]
    rest = {(fields["alarm"], fields["reason"]) for fields in said if fields.get("rest")}
    assert rest == {(alarm, state) for state, alarm in ALARMS.items()}


@pytest.mark.parametrize("state", ALARMS)
def test_each_fault_rings_by_the_rules_that_there_are(state: str) -> None:
    event = Event(
        kind="alarm", device="camera:a", time=AT, recorded_at=AT, alarm=ALARMS[state], state="active", phase="start"
    )
    fired = BUILT_IN.fired(event, Place())
    assert fired is not None and fired.rule == f"alarm_{ALARMS[state]}"
    cleared = msgspec.structs.replace(event, state="cleared", phase="end")
    assert BUILT_IN.fired(cleared, Place()) is None


@given(st.lists(st.tuples(st.sampled_from([*STANDS_S]), st.floats(0.1, 3)), max_size=80))
def test_a_state_counts_only_once_it_stood(heard: list[tuple[Any, float]]) -> None:
    settled, seconds = Settled(), 0.0
    since: dict[str, float] = {}
    for verdict, step in heard:
        seconds += step
        since = {verdict: since.get(verdict, seconds)}
        if settled.hear(verdict, seconds):
            assert settled.state == verdict
            assert seconds - since[verdict] >= STANDS_S[verdict]


def test_a_picture_of_no_size_is_refused() -> None:
    empty = np.zeros((0, 0), np.uint8)
    with pytest.raises(ValueError, match="0 x 0"):
        Health(Settings()).look(Frame(1, 0.0, AT, empty, lambda: np.zeros((0, 0, 3), np.uint8)))
