"""What was told to have begun is ended by somebody: by who told it, by who comes after, or by the agent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge.devices._camera_words import Told
from edge.transports.vision_memory import Memory
from edge.vision.frames import Frame, Seen
from edge.vision.health.health import Health
from edge.vision.health.reference import Reference
from edge.vision.health.sight import sight_of
from edge.vision.lasting import Lasting
from edge.vision.looking import Looking
from edge.vision.settings import Health as HealthSettings
from tests.edge.vision.clips_made import scene

AT = datetime(2026, 3, 1, tzinfo=UTC)


def fields(phase: str, **more: Any) -> dict[str, Any]:
    return {"kind": "detection", "phase": phase, "rule": "r", "ext": {"track": "t", "box": [0, 0, 1, 1]}, **more}


def frame(second: float, size: tuple[int, int] = (180, 320)) -> Frame:
    luma = np.zeros(size, np.uint8)
    return Frame(1, second, AT + timedelta(seconds=second), luma, lambda: np.zeros((*size, 3), np.uint8))


class Tells:
    """Tells at its first look that something began; fails where it is told to."""

    looks_per_s = 5.0

    def __init__(self, fails_at_s: float) -> None:
        self._fails_at_s, self._told = fails_at_s, False

    def look(self, frame: Frame) -> list[Seen]:
        if frame.seconds >= self._fails_at_s:
            raise RuntimeError("a defect")
        told, self._told = self._told, True
        return [] if told else [Seen(id=f"{frame.seconds}", at=frame.at, fields=fields("start"))]


@pytest.fixture
def looking(monkeypatch: pytest.MonkeyPatch) -> Looking:
    monkeypatch.setattr("edge.vision.looking.made", lambda name, settings: Tells(settings["fails_at_s"]))
    return Looking({"tells": {"fails_at_s": 5.0}}, lambda text: None)


def phases(seen: list[Seen]) -> list[tuple[str, str]]:
    return [(one.id, one.fields["phase"]) for one in seen]


def test_a_looker_made_anew_for_another_size_has_what_it_told_ended(looking: Looking) -> None:
    assert phases(looking.look(frame(1.0))) == [("1.0", "start")]
    assert phases(looking.look(frame(2.0))) == [], "the control: while it goes on nothing ends"
    anew = looking.look(frame(3.0, (270, 480)))
    assert phases(anew) == [("1.0", "end"), ("3.0", "start")]
    assert anew[0].fields["ext"] == {"track": "t", "cut_short": True}


def test_a_looker_that_fails_has_what_it_told_ended_once(looking: Looking) -> None:
    looking.look(frame(1.0))
    assert phases(looking.look(frame(6.0))) == [("1.0", "end")]
    assert phases(looking.look(frame(7.0))) == []


def test_what_ended_by_itself_or_never_lasted_is_not_ended_again() -> None:
    lasting = Lasting()
    assert lasting.hear("a", fields("start")) and lasting.hear("a", fields("end"))
    assert not lasting.hear("b", fields("instant")) and not lasting.hear("", fields("start"))
    assert not lasting.hear("c", {"kind": "alarm", "phase": "start"}), "a state of the camera is its health's affair"
    assert lasting.cut_short() == []


def test_what_lasts_is_bounded() -> None:
    lasting = Lasting()
    for number in range(1_000):
        lasting.hear(str(number), fields("start"))
    assert [number for number, _ in lasting.cut_short()] == [str(number) for number in range(1_000 - 256, 1_000)]


def told(phase: str, device: str = "camera:a") -> Told:
    return Told(device=device, id="t/r", at=AT, fields=fields(phase))


def test_what_lasts_outlives_the_agent(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.hear(told("start"))
    memory.write(AT)
    [end] = Memory(tmp_path).cut_short(["camera:a", "camera:b"], AT)
    assert (end.device, end.id, end.fields["phase"]) == ("camera:a", "t/r", "end")
    memory.hear(told("end"))
    memory.write(AT)
    assert Memory(tmp_path).cut_short(["camera:a"], AT) == [], "the control: what ended is not ended again"


def test_a_file_that_cannot_be_read_is_as_none(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "vision.msgpack").write_bytes(b"\xc1 no such thing")
    assert Memory(tmp_path).devices == []
    assert "vision_memory_not_read" in capsys.readouterr().out


def test_a_view_is_kept_for_hours_and_no_longer(tmp_path: Path) -> None:
    memory = Memory(tmp_path)
    memory.learn("camera:a", b"view", AT)
    memory.write(AT)
    after = Memory(tmp_path)
    assert after.views(["camera:a", "camera:b"], AT + timedelta(hours=1)) == {"camera:a": b"view"}
    assert after.views(["camera:a"], AT + timedelta(hours=7)) == {}
    assert after.views(["camera:a"], AT - timedelta(hours=1)) == {}, "a clock that was set back vouches for nothing"


def looks(health: Health, second: float, **how: Any) -> list[str]:
    picture = scene(second, **how)
    luma = np.ascontiguousarray(picture[:, :, 1])
    seen = health.look(Frame(1, second, AT, luma, lambda: picture))
    return [str(one.fields.get("reason")) for one in seen if one.fields.get("phase") == "start"]


def test_a_camera_turned_while_nobody_looked_is_noticed() -> None:
    before = Health(HealthSettings())
    assert before.kept() is None
    for second in range(12):
        looks(before, second)
    kept = before.kept()
    assert kept is not None and len(kept) <= 32 * 1024
    after, without = Health(HealthSettings(), kept), Health(HealthSettings())
    assert [reason for second in range(20, 32) for reason in looks(after, second, seed=99)] == ["moved"]
    assert not any(looks(without, second, seed=99) for second in range(20, 32)), "the control: nothing was kept"
    same = Health(HealthSettings(), kept)
    assert not any(looks(same, second) for second in range(20, 32)), "the same view is well"


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x94\xc4\x01a\xc4\x01b\x00\x00"])
def test_a_view_that_cannot_be_read_is_learnt_anew(body: bytes) -> None:
    reference = Reference()
    assert not reference.restore(body) and reference.view is None


def test_a_kept_view_is_the_view(tmp_path: Path) -> None:
    reference, again = Reference(), Reference()
    for second in range(6):
        reference.learn(sight_of(np.ascontiguousarray(scene(second)[:, :, 1])))
    assert again.restore(reference.kept() or b"")
    one, other = reference.view, again.view
    assert one is not None and other is not None
    assert np.abs(one.rough - other.rough).max() <= 1 and np.abs(one.edges - other.edges).max() <= 0.25
    assert (one.textured, one.sharpness) == (other.textured, other.sharpness)
