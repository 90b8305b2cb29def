"""``gatehouse-edge decode``: lines, refusals and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from edge.commands.decode import decode
from edge.devices.driver import discover
from tests.edge.devices.samples import FOLDER, Sample, assert_says_plain, samples

app = typer.Typer()
app.command()(decode)
UP = [sample for sample in samples() if sample.expect and sample.family in discover().by_family]
CAR = FOLDER / "vzenith-mqtt" / "ivs-result-blue.json"


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    assert result.stderr == ""
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_each_recorded_message_gives_a_line_per_event(sample: Sample) -> None:
    retained = ["--retained"] if sample.entry.get("retain") else []
    said = lines(run(sample.family, FOLDER / sample.family / sample.entry["file"], "--topic", sample.path, *retained))
    assert len(said) == len(sample.expect)
    for line, expected in zip(said, sample.expect, strict=True):
        assert_says_plain(line, expected)


def test_a_plate_is_printed_as_it_is_written() -> None:
    result = run("vzenith-mqtt", CAR)
    assert "粤B8K6Q2" in result.stdout


def test_time_and_its_quality_are_always_said(tmp_path: Path) -> None:
    file = tmp_path / "motion.txt"
    file.write_bytes(b"ON")
    (line,) = lines(run("frigate", file, "--topic", "frigate/lobby/motion"))
    assert (line["time"], line["time_quality"], line["phase"]) == (None, "gateway", "start")


@pytest.mark.parametrize(
    ("received_at", "time", "quality"),
    [
        ("2026-03-01T00:16:00Z", "2026-03-01T00:15:30.000Z", "ok"),
        ("2026-03-01T08:16:00", "2026-03-01T00:15:30.000Z", "ok"),  # without a zone: the site's
        ("2026-03-01 08:16:00+08:00", "2026-03-01T00:15:30.000Z", "ok"),
        ("2026-03-01T08:16:00Z", "2026-03-01T08:15:30.000Z", "assumed_zone"),
        ("2026-03-01T02:00:00Z", None, "device_clock_bad"),
    ],
)
def test_the_clock_is_checked_with_a_time_of_receipt(received_at: str, time: str | None, quality: str) -> None:
    (line,) = lines(run("vzenith-mqtt", CAR, "--received-at", received_at))
    assert (line["time"], line["time_quality"]) == (time, quality)


def test_the_site_s_zone_is_told() -> None:
    file = FOLDER / "uhppoted-mqtt" / "event-swipe-granted.json"
    (line,) = lines(run("uhppoted-mqtt", file, "--site-zone", "Europe/Berlin"))
    assert line["time"] == "2026-03-01T07:15:30.000Z"


def test_a_hex_file_is_hex_text(tmp_path: Path) -> None:
    file = tmp_path / "car.hex"
    file.write_text(CAR.read_bytes().hex(" "), encoding="ascii")
    assert lines(run("vzenith-mqtt", file)) == lines(run("vzenith-mqtt", CAR))


def test_a_valid_message_may_say_nothing(tmp_path: Path) -> None:
    file = tmp_path / "count.txt"
    file.write_bytes(b"2")
    assert lines(run("frigate", file, "--topic", "frigate/lobby/person", "--header", "X-A: b:c")) == []


@pytest.mark.parametrize(
    ("family", "name", "body", "said"),
    [
        ("vzenith-mqtt", "cut.json", b'{"sn": "x"', "Vzenith"),
        ("uhppoted-mqtt", "empty.json", b"", "uhppoted-mqtt"),
        ("frigate", "untold.txt", b"ON", "topic"),
        ("toaster", "x.json", b"{}", "no driver serves 'toaster'"),
        ("vzenith-mqtt", "odd.hex", b"0g", "not hex"),
        ("vzenith-mqtt", "odd.hex", b"\xff", "not hex"),
    ],
)
def test_a_refused_message_says_why_and_fails(tmp_path: Path, family: str, name: str, body: bytes, said: str) -> None:
    file = tmp_path / name
    file.write_bytes(body)
    result = run(family, file)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert said in result.stderr
    assert str(file) in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "wrong",
    [("--received-at", "yesterday"), ("--site-zone", "Mars/Olympus"), ("--site-zone", "../x"), ("--header", "nocolon")],
)
def test_a_wrong_option_is_a_mistake_in_use(wrong: tuple[str, str]) -> None:
    result = run("vzenith-mqtt", CAR, *wrong)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_missing_file_is_a_mistake_in_use(tmp_path: Path) -> None:
    assert run("vzenith-mqtt", tmp_path / "none.json").exit_code == 2


def test_help_has_an_example() -> None:
    assert "gatehouse-edge decode frigate" in run("--help").stdout
