"""The two pipes between the agent and its children: what is no word is refused, what finds no room is counted."""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.devices._camera_words import Shot, Told
from edge.transports.vision_groups import after_death, shared_out
from edge.vision import looking
from edge.vision.frames import Frame, Seen
from edge.vision.lookers import NoLooker, made, names
from edge.vision.outbox import Outbox
from edge.vision.words import BadWord, Figures, Mistake, Ordered, Orders, down_in, length_in, up_in, worded

AT = datetime(2026, 3, 1, tzinfo=UTC)
cameras = st.lists(st.text(min_size=1, max_size=5), unique=True, max_size=40)


def told(size: int = 0) -> Told:
    return Told(device="camera:a", at=AT, fields={"kind": "alarm"}, shots=(Shot("scene", "image/jpeg", b"x" * size),))


@pytest.mark.parametrize("word", [told(5), Mistake("camera:a", "no"), Figures(1.0, 2.0, {"camera:a": {"frames": 3.0}})])
def test_a_word_comes_back_as_it_went(word: Told | Mistake | Figures) -> None:
    body = worded(word)
    assert up_in(body[4:]) == word and length_in(body[:4]) == len(body) - 4


@given(st.binary(max_size=200))
def test_any_bytes_are_a_word_or_refused(body: bytes) -> None:
    for read in (up_in, down_in):
        try:
            read(body)
        except BadWord as error:
            assert str(error)


@pytest.mark.parametrize("head", [b"\xff\xff\xff\xff", b"\0\0\0\0"])
def test_a_length_that_cannot_be_is_refused(head: bytes) -> None:
    with pytest.raises(BadWord):
        length_in(head)


def test_orders_do_not_show_passwords() -> None:
    orders = Orders((Ordered("camera:a", "rtsp://x", user="u", password="s3cret"),), "Asia/Shanghai", 100)
    assert "s3cret" not in repr(orders)
    assert down_in(worded(orders)[4:]) == orders


def test_a_full_outbox_gives_up_pictures_first_and_counts_what_it_did_not_tell() -> None:
    reading, writing = os.pipe()
    box = Outbox(writing, most_bytes=10_000)
    for _ in range(100):
        box.put(told(3_000))
    assert box.bytes <= 10_000
    assert box.counts["without_pictures"] > 0 and box.counts["untold"] > 0
    os.close(reading)
    os.close(writing)


def test_what_is_put_is_written_in_order_until_nobody_listens() -> None:
    reading, writing = os.pipe()
    box = Outbox(writing)
    ended = threading.Event()

    def run() -> None:
        with pytest.raises(OSError, match="Broken pipe"):
            box.run()
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    for number in range(3):
        box.put(Mistake("camera:a", str(number)))
    with os.fdopen(reading, "rb") as pipe:
        words = [up_in(pipe.read(length_in(pipe.read(4)))) for _ in range(3)]
    assert [word.text for word in words if isinstance(word, Mistake)] == ["0", "1", "2"]
    box.put(Mistake("camera:a", "nobody hears"))
    assert ended.wait(5)
    os.close(writing)


@given(cameras, st.integers(1, 12))
def test_each_camera_has_one_child_and_no_child_too_many(listed: list[str], most: int) -> None:
    groups = shared_out(listed, most)
    assert sorted(camera for group in groups for camera in group) == sorted(listed)
    assert all(0 < len(group) <= most for group in groups)
    assert len(groups) == -(-len(listed) // most)


@given(cameras.filter(len), st.data())
def test_who_kills_its_child_soon_stands_alone(listed: list[str], drawn: st.DataObject) -> None:
    killer = drawn.draw(st.sampled_from(listed))
    group, deaths, lived = tuple(listed), 0, 0
    while len(group) > 1:
        deaths += 1
        halves = after_death(group, deaths)
        if len(halves) > 1:
            group, deaths = next(half for half in halves if killer in half), 0
        lived += 1
        assert lived <= 2 * 7
    assert after_death(group, 9) == [(killer,)]


def test_a_looker_that_is_not_there_is_named() -> None:
    with pytest.raises(NoLooker, match=r"lookers\.nonsense"):
        made("nonsense", {})
    assert "health" not in names(), "a package without make is no looker"


def test_a_looker_that_fails_rests_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    class Fails:
        looks_per_s = 2.0

        def look(self, frame: Frame) -> list[Seen]:
            raise RuntimeError("a defect")

    class Sees:
        looks_per_s = 7.0

        def look(self, frame: Frame) -> list[Seen]:
            return [Seen(id="1", at=frame.at, fields={})]

    made_of: list[str] = []

    def make(name: str, settings: object) -> Fails | Sees:
        made_of.append(name)
        return Fails() if name == "fails" else Sees()

    monkeypatch.setattr(looking, "made", make)
    said: list[str] = []
    both = looking.Looking({"fails": {}, "sees": {}}, said.append)
    assert both.looks_per_s == 7.0, "who wants most is shown enough"
    luma = np.zeros((4, 4), np.uint8)
    for second in range(25):
        frame = Frame(second + 1, float(second), AT, luma, lambda: np.zeros((4, 4, 3), np.uint8))
        assert len(both.look(frame)) == 1
    assert made_of.count("fails") == 2 and len(said) == 2, "at 0 and, after 10 s of rest, once more"
    both.look(Frame(26, 25.0, AT, np.zeros((8, 8), np.uint8), lambda: np.zeros((8, 8, 3), np.uint8)))
    assert made_of.count("sees") == 2, "another size: it begins anew"
