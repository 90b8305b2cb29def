"""docs/scale.md says what its own figures give."""

from __future__ import annotations

import re
import subprocess
import sys

from scripts import scale

TEXT = scale.DOCUMENT.read_text(encoding="utf-8")


def test_the_table_is_what_the_figures_give() -> None:
    assert scale.renewed(TEXT) == TEXT, "python scripts/scale.py --write"
    worse = re.sub(r"(\| `readers_us` \| )[\d.]+", r"\g<1>999", TEXT)
    assert worse != TEXT and scale.renewed(worse) != worse, "another figure gives another table"


def test_the_arithmetic_by_hand() -> None:
    known = dict.fromkeys(scale.figures(TEXT), 1.0) | {"events_a_day": 86_400.0, "peak": 8.0, "readers_us": 250_000.0}
    found = {line.what: line.values[0] for line in scale.reckon(known, [10])}
    assert (found["events a second, mean"], found["events a second, peak"]) == ("10", "80")
    assert found["cores for readers at the peak"] == "20.0"


def test_any_number_of_complexes() -> None:
    asked = [sys.executable, "scripts/scale.py", "--complexes", "500"]
    said = subprocess.run(asked, cwd=scale.DOCUMENT.parent.parent, capture_output=True, text=True, check=True).stdout
    assert said.startswith("complexes: 500\n")
