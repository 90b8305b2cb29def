"""A camera's scene from pixels to events: on drawn clips with a finder that knows their colours, no file needed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest

from domain.alerts.built_in import BUILT_IN
from domain.alerts.rules import Fact
from domain.events import Event, decode_event, encode_event
from domain.places import Place, hours
from domain.scenes.geometry import Box
from domain.scenes.rules.rule import kinds
from edge.vision.frames import Frame, Picture, Seen
from edge.vision.objects.found import Found
from edge.vision.scene import SceneMistake, Shared, make
from tests.edge.vision.clips import CALM_PICTURES as CALM
from tests.edge.vision.clips import DISTURBANCES, HEIGHT, NOON, WIDTH, disturbed, frame, noisy, room, with_box

pytest.importorskip("similari", reason="there are wheels of it for Python 3.11 and 3.12 alone")

MIDNIGHT = datetime(2026, 11, 27, 16, tzinfo=UTC)  # in Shanghai
COLOURS = {230: "person", 240: "car", 250: "non_motor_vehicle"}
Thing = tuple[int, Box]


class Colours:
    """Finds the striped things of ``with_box``, wherever they are, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def find(self, picture: Picture) -> list[Found]:
        self.asked += 1
        height, width = picture.shape[:2]
        found: list[Found] = []
        for grey, label in COLOURS.items():
            ys, xs = np.nonzero((np.abs(picture.astype(int) - grey) <= 3).all(axis=2))
            if len(xs) > 30:
                left, top, right, bottom = (int(edge) for edge in (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1))
                found.append(Found(label, 0.9, (left / width, top / height, right / width, bottom / height)))
        return found


class Gullible:
    """Takes whatever it is shown for a person in the middle, but for its first look at the empty place."""

    asked = 0

    def find(self, picture: Picture) -> list[Found]:
        self.asked += 1
        if self.asked == 1:
            return []
        return [Found("person", 0.9, (0.3, 0.2, 0.7, 0.9))]


def drawn(ways: Iterable[list[Thing]], start: datetime = NOON, still: Picture | None = None) -> Iterator[Frame]:
    """An empty place for four seconds, then the things of each picture; without grain, so that colours stay."""
    ground = np.minimum(room(), 215) if still is None else still
    for number, things in enumerate([*([[]] * CALM), *ways]):
        picture = ground
        for grey, box in things:
            picture = with_box(picture, box, grey)
        yield frame(number, picture, start=start)


def person(left: float) -> Thing:
    return 230, (left, 0.4, left + 0.08, 0.8)


def over(count: int, thing: int = 230) -> list[list[Thing]]:
    """From the left to the right."""
    return [[(thing, (0.9 * step / count, 0.4, 0.9 * step / count + 0.08, 0.8))] for step in range(count)]


def told(settings: Mapping[str, Any], frames: Iterable[Frame], finder: Any = None) -> list[Seen]:
    looker = make(settings, Shared(looks_per_s=50, finder=finder or Colours()))
    return [seen for one in frames for seen in looker.look(one)]


def starts(seen: list[Seen]) -> Counter[str]:
    return Counter(one.fields["label"] for one in seen if one.fields["phase"] != "end")


def as_event(seen: Seen) -> Event:
    """As the agent makes it; every field must be one of the event's, and outlive the wire."""
    event = Event(device="camera:1", time=seen.at, source_event_id=seen.id, **seen.fields)
    return decode_event(encode_event(event))


def alert(seen: Seen) -> str | None:
    place = Place(quiet=(hours("22:00", "05:00"),))
    fired = BUILT_IN.alert(as_event(seen), place, Fact(b"1" * 16, "garden", "live"))
    return fired and fired.rule


ZONES = {"restricted": [[0.4, 0], [1, 0], [1, 1], [0.4, 1]], "fire_lane": [[0.4, 0], [1, 0], [1, 1], [0.4, 1]]}


def test_a_person_at_night_is_an_alert_with_picture_box_track_and_zone() -> None:
    settings = {"zones": ZONES, "rules": [{"kind": "person_in_zone", "zone": "restricted", "hours": ["22:00-05:00"]}]}
    begun, over_ = told(settings, drawn([*over(40), *[[]] * 40], MIDNIGHT))
    assert begun.fields["zones"] == ["restricted"] and begun.fields["rule"] == "person_in_zone-restricted"
    assert begun.picture is not None and begun.picture.shape == (HEIGHT, WIDTH, 3)
    assert begun.box is not None and begun.fields["confidence"] == 0.9
    assert begun.fields["ext"]["box"] == pytest.approx(begun.box, abs=1e-4)
    left, top, right, bottom = (round(share * size) for share, size in zip(begun.box, (WIDTH, HEIGHT) * 2, strict=True))
    assert (begun.picture[top + 1 : bottom - 1, left + 1 : right - 1] == 230).mean() > 0.8  # it is in its box
    assert MIDNIGHT < begun.at < over_.at and over_.fields["phase"] == "end" and over_.id == begun.id
    assert alert(begun) == "person_at_night"
    assert not told(settings, drawn([*over(40), *[[]] * 40], NOON))


def test_a_track_is_told_once_by_each_rule_and_each_is_its_own_fact() -> None:
    settings = {
        "lines": {"middle": [[0.5, 0], [0.5, 1]]},
        "rules": [{"kind": "person_in_zone"}, {"kind": "line_crossing", "line": "middle", "inward": "left"}],
    }
    there = over(30)
    seen = told(settings, drawn([*there, *reversed(there), *there]))
    assert starts(seen) == {"person": 1, "line_crossed": 1}
    assert len({one.fields["ext"]["track"] for one in seen}) == 1 and len({one.id for one in seen}) == 2
    crossing = next(one for one in seen if one.fields["label"] == "line_crossed")
    assert (crossing.fields["travel"], crossing.fields["direction"]) == ("left", "in")


def test_a_car_in_the_fire_lane_is_told_when_it_has_stood() -> None:
    settings = {"zones": ZONES, "rules": [{"kind": "vehicle_standing", "zone": "fire_lane", "minutes": 0.5}]}
    arrives, stands = over(20, 240)[:13], [[(240, over(20, 240)[12][0][1])]] * 250
    (begun,) = told(settings, drawn([*arrives, *stands]))
    assert begun.fields["label"] == "parked" and begun.fields["reason_code"] == "car"
    assert alert(begun) == "vehicle_in_fire_lane"
    assert begun.fields["metrics"]["stayed_s"] >= 30
    told_at_s = (begun.at - NOON).total_seconds()
    assert told_at_s >= CALM / 5 + 30 - 10, "its picture is from when it came, and so it would be no news"
    assert not told(settings, drawn([*arrives, *stands[:100]]))
    assert not told(settings, drawn([*over(60, 240), *reversed(over(60, 240)), *over(60, 240)]))  # it drives about


def test_who_stands_costs_few_looks() -> None:
    finder = Colours()
    arrives, stands = over(20)[:13], [[person(over(20)[12][0][1][0])]] * 250
    told({"rules": [{"kind": "person_in_zone"}]}, drawn([*arrives, *stands]), finder)
    assert 13 <= finder.asked <= 13 + 25, finder.asked


def test_what_is_there_before_anybody_watches_is_seen_too() -> None:
    """A car that was parked before the box started; and a bicycle that fills a lift's picture, so that all is new."""
    settings = {"zones": ZONES, "rules": [{"kind": "vehicle_standing", "zone": "fire_lane", "minutes": 0.5}]}
    parked = with_box(np.minimum(room(), 215), (0.5, 0.3, 0.7, 0.8), 240)
    assert starts(told(settings, drawn([[]] * 200, still=parked))) == {"parked": 1}
    fills = [[(230, (0.0, 0.0, 1.0, 1.0)), (250, (0.3, 0.2, 0.6, 0.9))]] * 40
    assert starts(told({"rules": [{"kind": "ebike_in_lift"}]}, drawn(fills))) == {"ebike_in_elevator": 1}


def test_an_empty_place_costs_no_look_but_one_a_minute() -> None:
    finder = Colours()
    told(
        {"rules": [{"kind": "person_in_zone"}]}, (frame(number, noisy(room(), number)) for number in range(100)), finder
    )
    assert finder.asked == 1


def test_loitering_crowds_and_bicycles_in_lifts_have_their_words() -> None:
    to_and_fro = [*over(50), *reversed(over(50))]
    seen = told({"rules": [{"kind": "loitering", "seconds": 15}]}, drawn(to_and_fro))
    assert starts(seen) == {"loitering": 1}
    seen = told({"rules": [{"kind": "ebike_in_lift"}]}, drawn(over(20, 250)))
    assert starts(seen) == {"ebike_in_elevator": 1} and alert(seen[0]) == "ebike_in_elevator"


def test_a_crowd_is_told_with_how_many() -> None:
    class Six:
        step = 0

        def find(self, picture: Picture) -> list[Found]:
            self.step += 1
            across = 0.002 * self.step
            return [Found("person", 0.9, (x / 8 + across, 0.3, x / 8 + 0.06 + across, 0.8)) for x in range(6)]

    moving = [[(230, (0.1 + 0.01 * (step % 10), 0.3, 0.9, 0.8))] for step in range(80)]
    seen = told({"rules": [{"kind": "crowd", "persons": 6, "seconds": 2}]}, drawn(moving), Six())
    assert starts(seen) == {"crowd": 1} and seen[0].fields["metrics"] == {"persons": 6.0}
    assert seen[0].picture is not None and alert(seen[0]) == "crowd"


def test_motion_alone_counts_over_a_line_and_needs_no_network() -> None:
    settings = {
        "lines": {"drive": [[0, 0.5], [1, 0.5]]},
        "rules": [{"kind": "motion_line", "line": "drive", "inward": "right"}],
    }
    down = [[(240, (0.1, step / 20 - 0.4, 0.3, step / 20))] for step in range(30)]
    up = [[(240, (0.6, 1 - step / 20, 0.8, 1.4 - step / 20))] for step in range(30)]
    both = [[*one, *other] for one, other in zip(down, up, strict=True)]
    looker = make(settings, Shared())
    seen = [one for shot in drawn([*both, *[[]] * 20, *down]) for one in looker.look(shot)]
    assert [one.fields["direction"] for one in seen].count("in") == 2
    assert [one.fields["direction"] for one in seen].count("out") == 1
    assert all(as_event(one).trigger == "motion" and one.picture is not None for one in seen)


@pytest.mark.parametrize("name", ["lamp", "lamp of half the picture", "rain"])
def test_light_and_rain_are_no_person_though_the_network_believes_anything(name: str) -> None:
    """It is asked once, when the ground is known. With the bare average it is asked on, and always says the same."""
    frames = list(disturbed([noisy(room(), number) for number in range(110)], DISTURBANCES[name], CALM))
    settings: dict[str, Any] = {"rules": [{"kind": "person_in_zone"}]}
    assert not told(settings, frames, Gullible())
    assert starts(told({**settings, "motion": {"resists": False}}, frames, Gullible()))["person"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rules": [{"kind": "person_in_zon"}]}, r"rules\[0\].kind: no rule 'person_in_zon'; there are crowd"),
        ({"rules": [{"kind": "person_in_zone", "zone": "yard"}]}, r"rules\[0\].zone: no zone 'yard'; there are none"),
        ({"rules": [{"kind": "loitering", "seconds": 1}]}, r"rules\[0\]: Expected `float` >= 5"),
        ({"rules": [{"kind": "crowd", "hours": ["late"]}]}, r"'late' is no span of hours like 22:00-05:00"),
        ({"rules": [{"kind": "vehicle_standing"}]}, r"rules\[0\]: `zone`: name the one"),
        ({"rules": [{"kind": "line_crossing", "line": "x", "labels": ["cat"]}]}, r"nothing is called 'cat'"),
        ({"rules": [{"kind": "motion_line", "line": "x", "seem": "car"}]}, r"unknown field `seem`"),
        ({"zones": {"a": [[0, 0], [1.5, 0], [1, 1]]}}, r"<= 1.0 - at `\$.zones\[...\]\[0\]\[0\]`|<= 1.0"),
        ({"zones": {"a": [[0, 0], [0.5, 0.5], [1, 1]]}}, r"'a' encloses nothing"),
        ({"lines": {"a": [[0.5, 0.5], [0.5, 0.5]]}}, r"'a' begins where it ends"),
        ({"timezone": "Asia/Peking"}, r"timezone: 'Asia/Peking' is none"),
        ({"motion": {"threshold": 0}}, r"\$.motion.threshold"),
        ({"objects": {"model": "/nowhere/x.onnx"}, "rules": [{"kind": "crowd"}]}, r"objects.model: no file"),
    ],
)
def test_mistakes_are_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(SceneMistake, match=says):
        make(settings, Shared())


def test_rules_that_need_a_network_say_so() -> None:
    with pytest.raises(SceneMistake, match=r"objects.model: .* no network is named"):
        make({"rules": [{"kind": "person_in_zone"}]}, Shared())


def test_every_rule_is_found_and_says_what_it_is() -> None:
    assert {
        "person_in_zone",
        "loitering",
        "vehicle_standing",
        "line_crossing",
        "crowd",
        "ebike_in_lift",
        "motion_line",
    } <= set(kinds())
    for name, kind in kinds().items():
        settings = msgspec.convert(
            {"kind": name, **({"line": "a"} if "line" in kind.settings.__struct_fields__ else {}), "zone": "z"},
            kind.settings,
        )
        assert settings.kind == kind.name and kind.settings.__module__ == f"domain.scenes.rules.{name}"


def test_cameras_share_one_budget_and_each_gets_of_it() -> None:
    finders = Colours()
    shared = Shared(looks_per_s=2, finder=finders)
    cameras = [make({"rules": [{"kind": "person_in_zone"}]}, shared) for _ in range(2)]
    ways = list(drawn([*over(40), *reversed(over(40)), *over(40)]))  # 24 s of walking on both
    seen = [(number, one) for shot in ways for number, camera in enumerate(cameras) for one in camera.look(shot)]
    assert 2 * 20 <= finders.asked <= 2 * 24 + 4
    assert {number for number, one in seen if one.fields["phase"] == "start"} == {0, 1}


def test_without_the_library_that_follows_a_scene_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "similari", None)
    with pytest.raises(SceneMistake, match=r"tracks: similari is not installed; use Python 3.11 or 3.12"):
        make({"lines": {"a": [[0, 0], [1, 1]]}, "rules": [{"kind": "motion_line", "line": "a"}]}, Shared())


def test_odd_frames_are_borne() -> None:
    looker = make({"rules": [{"kind": "person_in_zone"}]}, Shared(finder=Colours()))
    sizes = [(0, 0, 3), (1, 1, 3), (2, 500, 3), (500, 2, 3), (180, 320, 3), (90, 160, 3)]
    for number, size in enumerate(sizes * 3):
        picture = np.full(size, 90, np.uint8)
        assert looker.look(Frame(number, number / 5, NOON, picture[..., 0], lambda picture=picture: picture)) == []
