"""Reckons what a city, a province and a country need from the measured figures in docs/scale.md.

``--write`` renews the table there; without it the table is only checked.
python scripts/scale.py --complexes 500 reckons for any number.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

DOCUMENT = Path(__file__).parent.parent / "docs" / "scale.md"
BEGIN, END = "<!-- reckoned by scripts/scale.py -->", "<!-- end -->"
SIZES = {"a city": 2_067, "a province: one cell": 25_000, "a country: 16 cells": 400_000}
_ROW = re.compile(r"^\| `([a-z_]+)` \| ([\d.,]+) \|", re.MULTILINE)
_DAY_S = 86_400
_GIB, _TIB = 1024**3, 1024**4


class Line(NamedTuple):
    """A line of the table: what, and its value for each size."""

    what: str
    values: list[str]


def figures(text: str) -> dict[str, float]:
    """The figures of the document's tables, by name. Raises SystemExit where one is missing or stands twice."""
    found = [(name, float(value.replace(",", ""))) for name, value in _ROW.findall(text)]
    by_name = dict(found)
    if len(by_name) != len(found):
        sys.exit(f"{DOCUMENT}: a figure stands twice")
    return by_name


def reckon(known: dict[str, float], complexes: Sequence[int]) -> list[Line]:
    """The whole arithmetic, in one place: every line is so much for one complex, times how many there are."""
    day = known["events_a_day"]
    mean = day / _DAY_S
    peak, worst = mean * known["peak"], known["events_a_worst_day"] / _DAY_S
    kept = known["days_kept"] * (known["log_bytes"] + known["rows_bytes"])
    of_one: list[tuple[str, float, str]] = [
        ("complexes", 1, ",.0f"),
        ("events a second, mean", mean, ",.0f"),
        ("events a second, peak", peak, ",.0f"),
        ("events a second, mean of the worst day", worst, ",.0f"),
        ("cores for requests at the peak", peak / known["events_a_request"] * known["request_us"] / 1e6, ",.1f"),
        ("cores for readers at the peak", peak * known["readers_us"] / 1e6, ",.1f"),
        ("cores for all of the worst day, as a backlog", worst * known["backlog_us"] / 1e6, ",.1f"),
        ("log, GiB a day", day * known["log_bytes"] / _GIB, ",.1f"),
        ("projections and books, GiB a day", day * known["rows_bytes"] / _GIB, ",.1f"),
        ("write-ahead log, GiB a day", day * (known["wal_log_bytes"] + known["wal_rows_bytes"]) / _GIB, ",.1f"),
        ("log and rows kept, TiB", day * kept / _TIB, ",.2f"),
        ("pictures, GiB a day", day * known["pictures_an_event"] * known["picture_bytes"] / _GIB, ",.0f"),
        ("from gateways at the peak, pictures apart, Mbit/s", peak * known["wire_bytes"] * 8 / 1e6, ",.1f"),
        ("memory of gateways that wait, GiB", known["gateway_bytes"] / _GIB, ",.2f"),
    ]
    return [Line(what, [format(value * count, form) for count in complexes]) for what, value, form in of_one]


def table(known: dict[str, float]) -> str:
    """The table as it stands in the document."""
    rows = [f"| | {' | '.join(SIZES)} |", f"|---|{'---:|' * len(SIZES)}"]
    rows += [f"| {line.what} | {' | '.join(line.values)} |" for line in reckon(known, list(SIZES.values()))]
    return "\n".join(rows)


def renewed(text: str) -> str:
    """The document with its table reckoned anew."""
    before, rest = text.split(BEGIN)
    return f"{before}{BEGIN}\n{table(figures(text))}\n{END}{rest.split(END)[1]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--complexes", type=int, help="print the column for so many")
    parser.add_argument("--write", action="store_true", help="renew docs/scale.md")
    asked, text = parser.parse_args(), DOCUMENT.read_text(encoding="utf-8")
    if asked.complexes:
        for line in reckon(figures(text), [asked.complexes]):
            print(f"{line.what}: {line.values[0]}")
    elif asked.write:
        DOCUMENT.write_text(renewed(text), encoding="utf-8")
    elif renewed(text) != text:
        sys.exit("docs/scale.md is not what its figures give: python scripts/scale.py --write")


if __name__ == "__main__":
    main()
