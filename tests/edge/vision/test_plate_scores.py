"""The measure itself: what counts as right, what was taken for what, and a program that cannot be run."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import plate_peers, plates
from benchmarks.peers import PLATE_READERS, PeerMissing
from tests.plate_pictures import Labelled
from tests.plate_scores import Read, Score, confused


def label(plate: str, color: str = "blue", *, standard: bool = True, rows: str = "single") -> Labelled:
    return Labelled(Path(f"{plate[:7]}.jpg"), tuple(plate.split("|")), color, standard, rows)


def test_a_picture_is_right_where_one_of_its_plates_is_read_and_nothing_else_is() -> None:
    score = Score()
    score.add(label("粤B12345|粤B67890"), [Read("京A11111", "blue"), Read("粤B67890", "black")], 1.0)
    score.add(label("粤B12346", "yellow", rows="double"), [Read("粤B12340", "yellow")], 1.0)
    assert (score.right["all"], score.count["all"], score.exact) == (1, 2, 50.0)
    assert (score.right["blue"], score.right["yellow"], score.right["double row"]) == (1, 0, 0)
    assert (score.count["class small"], score.count["class large"]) == (1, 1)
    assert dict(score.colors) == {("blue", "black"): 1}  # of the plates that were read right
    assert dict(score.signs) == {("6", "0"): 1} and score.signs_of["6"] == 1


def test_special_plates_are_counted_by_their_class_and_apart() -> None:
    score = Score()
    score.add(label("使198476", "black", standard=False), [], 1.0)
    score.add(label("粤OA2160", standard=False), [Read("粤OA2160")], 1.0)
    assert score.count.total() == 0 and score.special_count == {"embassy": 1, "office": 1}
    assert score.special_right["office"] == 1 and score.special_missed == [("使198476", [])]


def test_another_car_is_no_confusion_of_signs() -> None:
    assert confused("粤B12345", ["京A99999", "粤B12S45"]) == [("3", "S")]
    assert confused("粤B12345", ["京A99999"]) == [("plate", "another's")]
    assert confused("粤B12345", ["粤B1234"]) == [("plate", "none")]


SAYS = """
import json, sys
for line in sys.stdin:
    print("some chatter")
    print(json.dumps({{"file": line.strip(), "texts": {texts!r}, "ms": 5.0, "failed": {failed!r}}}))
{end}
"""


def script(folder: Path, monkeypatch: pytest.MonkeyPatch, texts: list[str], failed: str | None = None, end: str = ""):
    name = PLATE_READERS[0]
    (folder / f"{name}_reader.py").write_text(SAYS.format(texts=texts, failed=failed, end=end))
    (folder / f"{name}.txt").write_text(f"{name}==1.0\n")
    monkeypatch.setattr(plate_peers, "_SCRIPTS", folder)
    monkeypatch.setattr(plate_peers, "plate_reader", lambda name: Path(sys.executable))
    return name


def test_another_program_is_held_to_the_same_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = script(tmp_path, monkeypatch, ["粤B·12345", "shop"])
    peer = plate_peers.measured(name, [label("粤B12345"), label("粤B12346")])
    assert (peer.score.exact, peer.failed, peer.score.ms) == (50.0, 0, [5.0, 5.0])
    assert plate_peers.measured(script(tmp_path, monkeypatch, [], "Boom"), [label("粤B12345")]).failed == 1


def test_a_program_that_breaks_off_or_is_not_to_be_had_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = script(tmp_path, monkeypatch, [], end="sys.exit('no such model')")
    monkeypatch.setattr(plates, "some", lambda share: [label("粤B12345")])
    [row] = plates._peer(name, 1.0)
    assert "cannot be run" in row["what"] and "no such model" in row["what"] and not row["reached"]

    def missing(name: str) -> Path:
        raise PeerMissing("pip could not install it")

    monkeypatch.setattr(plate_peers, "plate_reader", missing)
    [row] = plates._peer(name, 1.0)
    assert "pip could not install it" in json.dumps(row) and not row["reached"]


def test_every_program_has_its_script_and_its_pinned_list() -> None:
    for name in PLATE_READERS:
        pinned = (Path(plate_peers.__file__).with_name("plate_readers") / f"{name}.txt").read_text().split()
        assert all("==" in one for one in pinned) and any(one.startswith(f"{name}==") for one in pinned)
        assert (Path(plate_peers.__file__).with_name("plate_readers") / f"{name}_reader.py").is_file()
