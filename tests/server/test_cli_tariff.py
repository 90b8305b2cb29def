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


HOUR = "{kind: unit, unit_min: 60, fen: 400}"
BOTH = "[{from: %s, to: 21:00, charge: %s}, {from: 21:00, to: %s, charge: %s}]"
BANDS = "plans: {small: {charge: {kind: bands, bands: " + BOTH + "}}}"
FLAT = "plans: {small: {charge: {kind: flat, fen: %s}}}"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "plans:\n  small:\n    charge: {kind: flat, fen: 1}\n    charge: {kind: flat, fen: 9}",
            "line 4: the key 'charge'",
        ),
        ("calendar: {2026-10-01: workday, '2026-10-01': restday}\n" + FLAT % 1, "'2026-10-01' stands twice"),
        (f"calendar: {{2026-02-30: restday}}\n{FLAT % 1}", "line 1: 2026-02-30 is no date"),
        (f"exempt_clases: [police]\n{FLAT % 1}", "exempt_clases: unknown; is `exempt_classes` meant?"),
        (BANDS % (7, HOUR, "07:00", HOUR), "from: 7 is no time of day"),
        (BANDS % (700, HOUR, "07:00", HOUR), "from: 700 is no time of day"),
        (BANDS % ("07:00", HOUR, "yes", HOUR), "to: yes is no time of day"),
        (FLAT % 10**12, "plans.small.charge.fen: Expected `int` <= 10000000"),
        ("plans: {small: {charge: {kind: flat, fen: 1}, cycle: {hours: 0.001}}}", "cycle.hours: must be 0.25 to"),
        (FLAT % 1 + "\nversions: [3]", "versions[0]: expected a mapping"),
        (
            BANDS % ("07:00", "{kind: tiers, tiers: [{until_min: 60, charge: " + HOUR + "}]}", "07:00", HOUR),
            "plans.small.charge.bands[0].charge: a stay beyond 60 min has no price",
        ),
    ],
)
def test_a_bad_plan_is_refused_with_where_and_what(text: str, reason: str, tmp_path: Path) -> None:
    """YAML itself takes the last of two keys, and 7 for seven minutes past midnight."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    result = run(path, "--class", "small", *DAY)
    assert (result.exit_code, result.stdout) == (1, "")
    assert reason in result.stderr


def test_hours_without_quotes_tables_within_tables_and_merged_keys_are_read(tmp_path: Path) -> None:
    path = tmp_path / "good.yaml"
    within = "{kind: tiers, tiers: [{until_min: 60, charge: *hour}, {until_min: 120, charge: *hour}]}"
    tables = "{kind: tiers, tiers: [{until_min: 120, charge: " + within + "}, {charge: {<<: *hour, fen: 300}}]}"
    path.write_text(
        f"base: &hour {HOUR}\nplans: {{small: {{charge: {tables}}}, other: {{charge: {{kind: bands, bands: "
        "[{from: 7:00, to: 21:00, charge: *hour}, {from: 21:00, to: 7:00, charge: *hour}]}}}",
        encoding="utf-8",
    )
    three = ("--entry", "2026-11-18 06:30", "--exit", "2026-11-18 09:30")
    assert quoted(path, "--class", "small", *three)["fee_fen"] == 400 + 400 + 300
    assert quoted(path, "--class", "other", *three)["fee_fen"] == 400 + 3 * 400


@pytest.mark.parametrize(
    ("entry", "exit_", "reason"),
    [
        ("2026-03-08 02:30", "2026-03-08 09:30", "--entry: the clocks of America/New_York change"),
        ("2026-10-31 12:00", "2026-11-01 01:30", "like 2026-11-01T01:30:00-05:00"),
        ("0001-01-01 00:00", "2026-11-01 09:30", "no such years"),
    ],
)
def test_a_time_that_no_clock_shows_once_is_refused(entry: str, exit_: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "york.yaml"
    path.write_text(f"timezone: America/New_York\n{FLAT % 1}", encoding="utf-8")
    result = run(path, "--class", "small", "--entry", entry, "--exit", exit_)
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


HOLE = """plans:
  small:
    charge:
      kind: bands
      bands:
        - {from: "08:00", to: "20:00", charge: {kind: flat, fen: 500}}
        - {from: "19:00", to: "21:00", charge: {kind: flat, fen: 300}}
"""


def other(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["tariff", *map(str, arguments)])


def test_holes_and_overlaps_are_refused_with_their_line_and_hours(tmp_path: Path) -> None:
    path = tmp_path / "tariff.yaml"
    path.write_text(HOLE)
    checked = other("check", path)
    assert checked.exit_code == 1
    told = checked.stderr.splitlines()
    assert [line.split(": ")[0] for line in told] == [f"{path}:3"] * 3
    assert "no band is for 00:00 to 08:00" in told[0]
    assert "bands[0] and bands[1] are for 19:00 to 20:00" in told[1]
    refused = run(path, "--class", "small", *DAY)
    assert refused.exit_code == 1
    assert "outside: free" in refused.stderr
    path.write_text(HOLE.replace("kind: bands", "kind: bands\n      outside: free\n      overlap: first"))
    assert other("check", path).exit_code == 0
    assert quoted(path, "--class", "small", *DAY)["fee_fen"] == 500 + 300 + 500


def test_every_collected_tariff_is_sound() -> None:
    checked = {path.stem: other("check", path) for path in FIXTURES.glob("*.yaml")}
    assert {name: result.stderr for name, result in checked.items() if result.exit_code} == {}


def test_times_within_an_inner_lot_are_priced_by_its_plan(tmp_path: Path) -> None:
    path, within = tmp_path / "tariff.yaml", tmp_path / "within.json"
    unit = "{kind: unit, unit_min: 60, fen: 500}"
    path.write_text(
        f"plans: {{small: {{charge: {unit}, inner: {{B2: {{plan: {{charge: {{kind: flat, fen: 300}}}}}}}}}}}}"
    )
    within.write_text('[{"lot": "B2", "entry": "2026-11-18 11:00", "exit": "2026-11-18 12:00"}]')
    times = ("--entry", "2026-11-18 10:00", "--exit", "2026-11-18 13:00", "--within", within)
    assert quoted(path, "--class", "small", *times)["fee_fen"] == 2 * 500 + 300


@pytest.mark.parametrize("to", ["cds", "apds"])
def test_every_collected_tariff_is_exported_with_its_losses(to: str) -> None:
    for path in sorted(FIXTURES.glob("*.yaml")):
        made = other("export", "--to", to, path)
        assert made.exit_code == 0, made.stderr
        assert json.loads(made.stdout), path
    lost = other("export", "--to", to, ROLLING).stderr
    assert "a cap over several stays of one car" in lost
    capped = other("export", "--to", to, YANTAI).stderr
    assert ("the cap of a cycle" in capped) == (to == "cds")
