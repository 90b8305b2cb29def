"""``bills reconcile``: the collected day to the fen, in any order and twice; and how it refuses."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from server import cli_bills
from tests.bills import DAY, Day, plain, seeded
from tests.bills import pay as paid

FIXTURES = Path(__file__).parents[1] / "fixtures" / "bills"
LOCAL = FIXTURES / "local_2026-11-20.json"
BILLS = sorted(path for path in FIXTURES.iterdir() if path.suffix in (".csv", ".zip"))
EXPECTED = json.loads((FIXTURES / "expected_2026-11-20.json").read_text(encoding="utf-8"))
FIELDS = ("channel", "key", "class", "bill_fen", "local_fen")

root = typer.Typer()
root.add_typer(cli_bills.app, name="bills")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(root, ["bills", "reconcile", *map(str, arguments)])


def reported(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


def collected(*bills: Path) -> dict[str, Any]:
    given = [word for path in bills for word in ("--bill", path)]
    return reported("--day", "2026-11-20", "--local", LOCAL, *given)


def told(items: list[dict[str, Any]]) -> list[list[Any]]:
    return [[item[field] for field in FIELDS] for item in items]


def test_the_collected_day_is_found_to_the_fen() -> None:
    found = collected(*BILLS)
    assert told(found["items"]) == told(EXPECTED["items"])
    assert (found["open_items"], found["files"]) == (EXPECTED["open_items"], EXPECTED["files"])
    assert found["bill_date"] == EXPECTED["bill_date"]
    assert (len(found["items"]), len(found["open_items"])) == (27, 14)


def test_any_order_and_giving_twice_change_nothing(tmp_path: Path) -> None:
    first = collected(*BILLS)
    copy = tmp_path / "zz-copy.csv"
    copy.write_bytes(BILLS[-1].read_bytes())
    for seed in range(5):
        files = [*BILLS, *BILLS, copy]
        random.Random(seed).shuffle(files)
        assert {**collected(*files), "hash": ""} == {**first, "hash": ""}
        assert collected(*files)["hash"] == first["hash"]


def test_a_table_for_people() -> None:
    result = run("--day", "2026-11-20", "--local", LOCAL, *BILLS)
    assert result.exit_code == 0
    assert "PK2611200005  amount_mismatch: bill 15.00, ours 14.00" in result.stdout
    assert "27 items, 14 open; report" in result.stdout


def test_bills_alone_are_held_against_each_other() -> None:
    found = reported("--day", "2026-11-20", *BILLS)
    assert {item["channel"] for item in found["items"]} == {"bank"}
    assert found["not_judged"][-1] == {"channel": "wechat", "payments": 9, "fen": 6450}


def test_a_channel_without_a_bill_is_not_judged_or_had_none() -> None:
    wechat = [path for path in BILLS if path.name.startswith("wechat")]
    found = reported("--day", "2026-11-20", "--local", LOCAL, *wechat)
    assert found["not_judged"] == [{"channel": "alipay", "payments": 4, "fen": 2700}]
    found = reported("--day", "2026-11-20", "--local", LOCAL, "--no-bill", "alipay", *wechat)
    classes = [item["class"] for item in found["items"] if item["channel"] == "alipay"]
    assert classes == [
        "missing_in_bill",
        "missing_in_bill",
        "missing_in_bill",
        "cutoff_pending",
        "refund_missing_in_bill",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--day", "yesterday"], "write it as 2026-11-20"),
        (["--day", "2026-11-21", *BILLS[:1]], "--day 2026-11-20"),
        (["--day", "2026-11-20", LOCAL], "not a bill"),
        (["--day", "2026-11-20", FIXTURES / "README.md"], "--bank-columns"),
        (["--day", "2026-11-20", "nowhere.csv"], "nowhere.csv"),
        (["--day", "2026-11-20", "--local", "nowhere.json"], "nowhere.json"),
        (["--day", "2026-11-20", "--local", LOCAL, "--merchant", "wechat=1", *BILLS], "ours is 1"),
        (["--day", "2026-11-20", "--no-bill", "paypal"], "wechat, alipay"),
        (["--day", "2026-11-20", "--sha1", f"{BILLS[-1].name}=00", *BILLS], "SHA-1"),
        (["--day", "2026-11-20", "--sha1", "other.csv=00", *BILLS], "no such file"),
        (["--day", "2026-11-20", "--before", LOCAL, *BILLS], "bills reconcile --json"),
    ],
)
def test_what_is_refused_says_why_and_reports_nothing(arguments: list[str | Path], says: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr.replace("\n", " ")


def test_every_refused_file_is_named_at_once(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_bytes(BILLS[-1].read_bytes()[:-30])
    result = run("--day", "2026-11-20", tmp_path / "a.csv", tmp_path / "b.csv", *BILLS)
    assert result.exit_code == 1
    assert ("a.csv: " in result.stderr, "b.csv: " in result.stderr) == (True, True)


def write(folder: Path, day: Day) -> list[str | Path]:
    folder.mkdir()
    for name, content in {"t.csv": day.wechat(), "l.json": day.local_bytes(), "b.csv": day.bank("gbk")}.items():
        (folder / name).write_bytes(content)
    return ["--day", f"{day.day}", "--local", folder / "l.json", folder / "t.csv"]


def test_open_items_go_on_with_their_age_until_a_later_bill_settles_them(tmp_path: Path) -> None:
    first, second = Day(DAY), Day(DAY.replace(day=16))
    late, lost = paid(first, 1, "wechat", 500, 86_390), paid(first, 2, "wechat", 700, 50_000)
    gone, booked = paid(first, 3, "wechat", 900, 86_395), paid(first, 4, "wechat", 300, 40_000)
    for number, trade in ((1, late), (2, lost), (3, gone)):
        first.book(trade, first.stay(number, trade.fen, trade.at))
    first.billed.append(booked)  # unknown here, until somebody books it the day after
    before = tmp_path / "before.json"
    before.write_text(json.dumps(reported(*write(tmp_path / "one", first))), encoding="utf-8")
    assert json.loads(before.read_text())["open_items"] == [late.order, lost.order, gone.order, booked.order]

    for trade in (paid(second, 5, "wechat", 400, 40_000), late):
        trade.at = second.at(10)
        plain(second, 5, trade) if trade is not late else second.billed.append(trade)
    second.book(booked, "C4", at=second.at(30_000))
    found = reported(*write(tmp_path / "two", second), "--before", before)
    classes = {item["key"]: (item["class"], item.get("age_days")) for item in found["items"]}
    assert classes[late.order] == ("matched_cross_day", 2)
    assert classes[lost.order] == ("missing_in_bill", 2)
    assert classes[gone.order] == ("missing_in_bill", 2), "one bill is waited for, not two"
    assert classes[booked.order] == ("matched_cross_day", 2)
    assert found["open_items"] == [lost.order, gone.order]
    again = reported(*write(tmp_path / "three", second), "--before", before)
    assert again == found, "the same again is the same"


def test_the_banks_columns_are_told_by_a_mapping(tmp_path: Path) -> None:
    columns, bank = tmp_path / "columns.yaml", tmp_path / "bank.csv"
    columns.write_text("day: Datum\namount: Betrag\nway: Soll\nnumber: Beleg\nwords: Text\n", encoding="utf-8")
    rows = [
        "户名,停车场A",
        "",
        "Beleg,Datum,Text,Betrag,Soll",
        "1,20261121,财付通提现,50.00,贷",
        "2,20261121,租金,70.00,借",
    ]
    bank.write_text("\r\n".join(rows), encoding="gbk")
    fund = next(path for path in BILLS if "fund" in path.name)
    assert "--bank-columns" in run("--day", "2026-11-20", fund, bank).stderr
    found = reported("--day", "2026-11-20", fund, bank, "--bank-columns", columns)
    assert told(found["items"]) == [["bank", "WD2611200001", "settlement_matched", 5000, 5000]]


def test_the_command_alone_is_the_command_of_the_whole_program(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    monkeypatch.setattr("sys.argv", ["gatehouse-server", "bills", "reconcile", "--day", "2026-11-20", *map(str, BILLS)])
    with pytest.raises(SystemExit) as ended:
        cli_bills.alone()
    assert ended.value.code == 0
    assert "items" in capfd.readouterr().out


def test_a_seeded_day_of_many_faults_is_found_whole(tmp_path: Path) -> None:
    day = seeded(600, seed=42, faults=400)
    write(tmp_path / "day", day)
    (tmp_path / "day" / "a.zip").write_bytes(day.alipay())
    (tmp_path / "day" / "f.csv").write_bytes(day.fund())
    folder = tmp_path / "day"
    files = [folder / name for name in ("t.csv", "a.zip", "f.csv", "b.csv")]
    found = reported("--day", f"{DAY}", "--local", folder / "l.json", *files)
    quiet = ("matched", "refund_matched")
    classes = {(item["channel"], item["key"]): item["class"] for item in found["items"] if item["class"] not in quiet}
    assert classes == day.expected
    for sums in found["totals"].values():
        assert sums["explained_fen"] + sums["open_fen"] + sums["superseded_fen"] == sums["bill_fen"]
