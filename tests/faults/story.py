"""One seed is one story: what a rig chooses is drawn from the seed, and what it saw is written down."""

from __future__ import annotations

import os
import random
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("GATEHOUSE_SEED") or secrets.randbelow(2**32))
FULL = bool(os.environ.get("FULL"))
_REPORT = "GATEHOUSE_FAULTS_REPORT"


class Line(msgspec.Struct, frozen=True):
    """What one rig did and saw, as it stands in the report."""

    at: datetime
    test: str
    seed: int
    outcome: str
    seconds: float
    counts: dict[str, Any]

    def __str__(self) -> str:
        shown = ", ".join(f"{name} {value}" for name, value in self.counts.items())
        return f"{self.test}: {shown}"


class Story:
    """A rig's run: its choices come from ``chance``, its numbers go to ``tell``."""

    def __init__(self, test: str, seed: int = SEED) -> None:
        self.test, self.seed = test, seed
        self.counts: dict[str, Any] = {}

    def chance(self, purpose: str = "") -> random.Random:
        """The same draws for the same seed, test and purpose, whatever else was drawn."""
        return random.Random(f"{self.seed}/{self.test}/{purpose}")

    def tell(self, **counts: Any) -> None:
        """Numbers for the report; the last word of a name counts."""
        self.counts.update(counts)

    def add(self, **counts: int) -> None:
        """Numbers that add up."""
        for name, count in counts.items():
            self.counts[name] = self.counts.get(name, 0) + count


def report_file() -> Path:
    """Where the lines go: named by GATEHOUSE_FAULTS_REPORT, else build/faults-report.jsonl."""
    return Path(os.environ.get(_REPORT) or ROOT / "build" / "faults-report.jsonl")


def write(story: Story, outcome: str, seconds: float) -> Line:
    """Append a story's line to the report."""
    line = Line(datetime.now(UTC), story.test, story.seed, outcome, round(seconds, 1), story.counts)
    file = report_file()
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.write(msgspec.json.encode(line) + b"\n")
    return line


def choose(short: int, full: int) -> int:
    """How often: the short form's number, or that of FULL=1."""
    return full if FULL else short
