"""``gatehouse-edge tail``: what the log takes, in order, and of nobody in particular."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from typer.testing import CliRunner

from domain.events import Event, Subject
from edge.commands.app import app
from edge.commands.event_line import masked, phrase
from edge.commands.newest import Tail
from tests.edge.box import Box

PLATE, CARD, NAME = "京A12345", "8165537", "王小明"
EVENTS = [
    Event(kind="plate", device="vzenith:1", subject=Subject(type="plate", id=PLATE), direction="in", lane="east"),
    Event(kind="alarm", device="uhppoted:2", alarm="forced", point="door/1"),
    Event(kind="access", device="uhppoted:2", subject=Subject(type="card", id=CARD, name=NAME), result="granted"),
    Event(kind="access", device="uhppoted:2", subject=Subject(type="pin", id="4711"), result="granted"),
]


async def filled(folder: Path) -> Box:
    box = Box(folder)
    await box.fill([msgspec.structs.replace(event) for event in EVENTS])
    return box


def run(box: Box, *words: str) -> str:
    done = CliRunner().invoke(app, ["tail", "--config", str(box.config), *words])
    assert done.exit_code == 0, done.output
    return done.output


def rows(box: Box, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run(box, "--json", *words).splitlines()]


async def test_all_streams_in_the_order_of_recording(tmp_path: Path) -> None:
    box = await filled(tmp_path)
    assert [(row["stream"], row["position"]) for row in rows(box)] == [
        ("money", 1),
        ("urgent", 1),
        ("routine", 1),
        ("routine", 2),
    ]
    assert "urgent 1         03-01 08:00:01 alarm         uhppoted:2  forced at door/1" in run(box)


async def test_of_one_stream_one_device_or_behind_a_position(tmp_path: Path) -> None:
    box = await filled(tmp_path)
    assert [row["kind"] for row in rows(box, "--stream", "urgent")] == ["alarm"]
    assert {row["device"] for row in rows(box, "--device", "vzenith:*")} == {"vzenith:1"}
    assert [row["position"] for row in rows(box, "--stream", "routine", "--since", "1")] == [2]
    assert [row["position"] for row in rows(box, "--stream", "routine", "-n", "1")] == [2]
    done = CliRunner().invoke(app, ["tail", "--config", str(box.config), "--since", "1"])
    assert done.exit_code == 2


@pytest.mark.parametrize("form", [[], ["--json"]])
async def test_nobody_is_named_unless_it_is_asked_for(form: list[str], tmp_path: Path) -> None:
    box = await filled(tmp_path)
    hidden, whole = run(box, *form), run(box, "--unmask", *form)
    for secret in (PLATE, CARD, "4711"):
        assert secret not in hidden
        assert secret in whole, "the control: it was there to be hidden"
    assert "京A***45" in hidden


def test_a_field_nobody_has_thought_about_is_hidden() -> None:
    event = Event(kind="access", device="x:1", subject=Subject(type="person", id="110101199001011234", name=NAME))
    event.text, event.value, event.serial = NAME, CARD, CARD
    event.raw_codes, event.ext = {"card": CARD}, {"who": NAME}
    printed = msgspec.json.encode(masked(event)).decode() + phrase(masked(event))
    for secret in (NAME, CARD, "110101199001011234"):
        assert secret not in printed


async def test_what_comes_later_is_seen_once_also_over_a_new_epoch_and_a_damaged_record(tmp_path: Path) -> None:
    box = await filled(tmp_path)
    reading = Tail(box.folder, ["routine"])
    reading.begin(last=0)
    assert reading.look() == []
    await box.fill([Event(kind="input", device="t:1", point="input/1")])
    assert [(line.position, line.event.point) for line in reading.look()] == [(3, "input/1")]
    assert reading.look() == []
    with sqlite3.connect(box.folder / "log.db") as db:
        db.execute("UPDATE stream SET epoch = 'later', head = 1 WHERE name = 'routine'")
        db.execute("DELETE FROM record WHERE key > (2 << 48) + 1")
    assert reading.look() == [], "what an epoch began with is old"
    with sqlite3.connect(box.folder / "log.db") as db:
        db.execute("INSERT INTO record(key, body) VALUES((2 << 48) + 2, x'00')")
    (line,) = reading.look()
    assert (line.position, line.event.text) == (2, "a record that is no event")
