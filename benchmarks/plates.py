"""Plates of the labelled pictures, by profile and by other programs: exact, by kind, confusions, milliseconds."""

from __future__ import annotations

import statistics
from collections import Counter
from typing import Any

from benchmarks.plate_peers import CannotRun, measured, peers
from benchmarks.rows import Row, percentile, row
from edge.vision.models.manifest import Profile
from tests.plate_pictures import PICTURES, REACH, ready
from tests.plate_scores import Score, scored, some

_MOST_MS: dict[Profile, float | None] = {"best": 60, "fast": 25, "pip": None}


async def run(scale: float) -> list[Row]:
    """Ours, then the others, on the same pictures."""
    if not PICTURES.is_dir():
        raise RuntimeError(f"no labelled pictures in {PICTURES}")
    ours = [made for profile in _MOST_MS for made in _rows(profile, scored(ready(profile), scale))]
    return [*ours, *(made for name in peers() for made in _peer(name, scale))]


def _rows(profile: Profile, score: Score) -> list[Row]:
    plates, colors = REACH[profile]
    return [
        _exact(profile, score, plates),
        *_parts(profile, score),
        *_special(profile, score),
        row(f"{profile}: colour", round(score.color, 1), "%", at_least=colors, table=_table(score.colors)),
        *_colors(profile, score),
        *_signs(profile, score),
        _time(profile, score, _MOST_MS[profile]),
    ]


def _peer(name: str, scale: float) -> list[Row]:
    try:
        peer = measured(name, some(scale))
    except CannotRun as error:
        return [row(f"{name} cannot be run: {error}", 0, "", at_least=1)]
    rows = [_exact(peer.name, peer.score), *_parts(peer.name, peer.score), *_special(peer.name, peer.score)]
    rows[0] |= {"broke_on": peer.failed}
    return [*rows, _time(peer.name, peer.score)]


def _exact(name: str, score: Score, reach: float | None = None) -> Row:
    beside: dict[str, Any] = {"right": score.right["all"], "of": score.count["all"], "missed": score.missed}
    return row(f"{name}: exact", round(score.exact, 1), "%", at_least=reach, **beside, signs=_table(score.signs))


def _parts(name: str, score: Score) -> list[Row]:
    """By colour, by rows, by class."""
    keys = sorted(key for key in score.count if key != "all")
    return [_share(name, key, score.right[key], score.count[key]) for key in keys]


def _special(name: str, score: Score) -> list[Row]:
    if not score.special_count:
        return []
    right, count = score.special_right, score.special_count
    whole = _share(name, "special", right.total(), count.total()) | {"missed": score.special_missed}
    return [whole, *(_share(name, f"special {key}", right[key], count[key]) for key in sorted(count))]


def _share(name: str, what: str, right: int, count: int) -> Row:
    return row(f"{name}: {what}, {right} of {count}", round(100 * right / count, 1), "%")


def _colors(name: str, score: Score) -> list[Row]:
    """The whole table: what is on the label, what was said."""
    return [row(f"{name}: {label} told as {said}", n, "plates") for (label, said), n in sorted(score.colors.items())]


def _signs(name: str, score: Score) -> list[Row]:
    """What was taken for what; ``of``: how often it was there to be read."""
    made: list[Row] = []
    for (label, said), n in score.signs.most_common():
        of = score.signs_of[label]
        made.append(row(f"{name}: {label} read as {said}" + (f", of {of}" if of else ""), n, "times"))
    return made


def _time(name: str, score: Score, at_most: float | None = None) -> Row:
    """The median picture is judged; a reader asked twice in doubt makes some dearer, so mean and p95 stand beside."""
    times = {"mean": round(statistics.fmean(score.ms), 1), "p95": round(percentile(score.ms, 0.95), 1)}
    return row(f"{name}: a picture", round(statistics.median(score.ms), 1), "ms of a core", at_most=at_most, **times)


def _table(counts: Counter[tuple[str, str]]) -> dict[str, Any]:
    return {f"{a}>{b}": n for (a, b), n in counts.most_common()}
