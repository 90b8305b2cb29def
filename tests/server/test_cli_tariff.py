"""``tariff quote``: what it prints, for people and for scripts, and how it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner, Result

from server import cli_tariff

FIXTURES = Path(__file__).parents[1] / "fixtures" / "tariffs"
YANTAI = FIXTURES / "yantai-airport.yaml"
ROLLING = FIXTURES / "rolling-window-cap.yaml"
DAY = ("--entry", "2026-11-18 10:00", "--exit", "2026-11-19 10:00")

root = typer.Typer()
root.add_typer(cli_tariff.app, name="tariff")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["tariff", "quote", *map(str, arguments)])


def quoted(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def collected() -> list[Any]:
    files = [(path, yaml.safe_load(path.read_text(encoding="utf-8"))) for path in sorted(FIXTURES.glob("*.yaml"))]
    return [pytest.param(path, case, id=f"{path.stem}-{case['id']}") for path, each in files for case in each["cases"]]


@pytest.mark.parametrize(("path", "case"), collected())
def test_every_collected_case(path: Path, case: dict[str, Any], tmp_path: Path) -> None:
    stays = tmp_path / "stays.json"
    stays.write_text(json.dumps(case.get("stays", [])), encoding="utf-8")
    times = ["--stays", stays] if "stays" in case else ["--entry", case["entry"], "--exit", case["exit"]]
    quote = quoted(path, "--class", case["class"], *times)
    expected = [stay["expect_fen"] for stay in case.get("stays", [case])]
    assert quote["fee_fen"] == sum(expected) == sum(line["fen"] for line in quote["lines"])
    assert quote.get("stays_fen", expected) == expected


def test_a_quote_has_its_lines_and_its_version() -> None:
    quote = quoted(YANTAI, "--class", "small", *DAY)
    assert set(quote) == {"fee_fen", "lines", "version"}
    assert quote["lines"][-1] == {
        "from": "2026-11-18T10:00:00+08:00",
        "to": "2026-11-19T10:00:00+08:00",
        "rule": "cap of cycle 1: 3000 fen",
        "units": 0,
        "fen": -9200,
    }


def test_a_time_without_a_zone_is_in_the_plans() -> None:
    utc = ("--entry", "2026-11-18T02:00:00Z", "--exit", "2026-11-19T10:00+08:00")
    assert quoted(YANTAI, "--class", "small", *utc) == quoted(YANTAI, "--class", "small", *DAY)


def stays_file(tmp_path: Path, *stays: tuple[str, str]) -> Path:
    path = tmp_path / "stays.json"
    path.write_text(json.dumps([{"entry": entry, "exit": exit_} for entry, exit_ in stays]), encoding="utf-8")
    return path


FIRST = ("2026-12-08 08:00", "2026-12-08 09:00")
SECOND = ("2026-12-08 12:00", "2026-12-08 13:00")


def test_entry_and_exit_add_a_stay_to_those_listed(tmp_path: Path) -> None:
    path = stays_file(tmp_path, FIRST)
    quote = quoted(ROLLING, "--class", "split", "--stays", path, "--entry", SECOND[0], "--exit", SECOND[1])
    assert (quote["fee_fen"], quote["stays_fen"]) == (1500, [1000, 500])


@pytest.mark.parametrize(("entry", "exit_"), [SECOND, (FIRST[0], SECOND[1])])
def test_a_stay_already_listed_is_not_counted_twice(tmp_path: Path, entry: str, exit_: str) -> None:
    path = stays_file(tmp_path, FIRST, SECOND)
    quote = quoted(ROLLING, "--class", "split", "--stays", path, "--entry", entry, "--exit", exit_)
    assert quote["stays_fen"] == [1000, 500]


def test_people_get_a_table() -> None:
    result = run(YANTAI, "--class", "small", *DAY)
    assert result.exit_code == 0
    assert "30.00 yuan" in result.stdout
    assert "-9200" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((YANTAI, "--class", "bus", *DAY), "no class 'bus'; there are small, large"),
        ((YANTAI, "--class", "small", "--entry", DAY[3], "--exit", DAY[1]), "before the entry"),
        ((YANTAI, "--class", "small", "--entry", "yesterday", "--exit", DAY[1]), "--entry: 'yesterday' is no time"),
        ((FIXTURES / "none.yaml", "--class", "small", *DAY), "none.yaml: No such file"),
        ((FIXTURES / "README.md", "--class", "small", *DAY), "README.md"),
        ((ROLLING, "--class", "split", "--stays", YANTAI), "no JSON list"),
        ((ROLLING, "--class", "split", "--stays", FIXTURES / "none.json"), "none.json: No such file"),
    ],
)
def test_what_cannot_be_priced_is_refused_with_its_reason(arguments: tuple[str | Path, ...], reason: str) -> None:
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert reason in result.stderr


def test_overlapping_stays_are_refused(tmp_path: Path) -> None:
    path = stays_file(tmp_path, FIRST, ("2026-12-08 08:30", "2026-12-08 13:00"))
    result = run(ROLLING, "--class", "split", "--stays", path)
    assert result.exit_code == 1
    assert "give stays in order" in result.stderr


@pytest.mark.parametrize("text", ["plans: [", "a: 2026-13-45", "\x00", "plans: {small: {charge: {kind: flat}}}"])
def test_a_broken_plan_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    result = run(path, "--class", "small", *DAY)
    assert result.exit_code == 1
    assert str(path) in result.stderr


@pytest.mark.parametrize(
    "arguments", [(), (YANTAI,), (YANTAI, "--class", "small"), (YANTAI, "--class", "small", *DAY[:2])]
)
def test_wrong_usage_is_another_exit(arguments: tuple[str | Path, ...]) -> None:
    assert run(*arguments).exit_code == 2


def test_the_help_has_an_example() -> None:
    assert "gatehouse-server tariff quote" in " ".join(run("--help").stdout.split())
