"""Plates of the labelled pictures, by profile: exact, by colour and rows, confusions, and milliseconds of a core."""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.rows import Row, percentile, row
from edge.vision.models.manifest import Profile
from tests.plate_pictures import PICTURES, REACH, Score, ready, scored

_MOST_MS: dict[Profile, float | None] = {"best": 60, "fast": 25, "pip": None}


async def run(scale: float) -> list[Row]:
    """The median picture is judged; a reader asked twice in doubt makes some dearer, so mean and p95 stand beside."""
    if not PICTURES.is_dir():
        raise RuntimeError(f"no labelled pictures in {PICTURES}")
    return [made for profile in _MOST_MS for made in _rows(profile, scored(ready(profile), min(1.0, scale)))]


def _rows(profile: Profile, score: Score) -> list[Row]:
    plates, colors = REACH[profile]
    beside = {
        "right": score.right["all"],
        "of": score.count["all"],
        "missed": score.missed,
        "signs": _table(score.signs),
    }
    special = {"special_right": sum(score.special), "special_of": len(score.special)}
    times = {"mean": round(statistics.fmean(score.ms), 1), "p95": round(percentile(score.ms, 0.95), 1)}
    parts = [_part(profile, score, key) for key in sorted(score.count) if key != "all"]
    median = round(statistics.median(score.ms), 1)
    return [
        row(f"{profile}: exact", round(score.exact, 1), "%", at_least=plates, **beside, **special),
        *parts,
        row(f"{profile}: colour", round(score.color, 1), "%", at_least=colors, table=_table(score.colors)),
        *[row(f"{profile}: {a} read as {b}", n, "times") for (a, b), n in score.signs.most_common()],
        row(f"{profile}: a picture", median, "ms of a core", at_most=_MOST_MS[profile], **times),
    ]


def _part(profile: Profile, score: Score, key: str) -> Row:
    right, count = score.right[key], score.count[key]
    return row(f"{profile}: {key}, {right} of {count}", round(100 * right / count, 1), "%")


def _table(counts: Any) -> dict[str, int]:
    return {f"{a}>{b}": n for (a, b), n in counts.most_common()}
