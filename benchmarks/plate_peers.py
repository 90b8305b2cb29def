"""Other programs on the same pictures, each in its own environment and on one core, beside ours in the same run."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.peers import PLATE_READERS, PeerMissing, plate_reader
from domain.plates import canonical
from tests.plate_pictures import Labelled
from tests.plate_scores import Read, Score

_SCRIPTS = Path(__file__).with_name("plate_readers")
_A_PICTURE_S, _START_S = 20.0, 120.0
_TAIL = 600


class CannotRun(Exception):
    """The program is not to be had or broke off; says why."""


class Answer(msgspec.Struct, frozen=True):
    """What a script says of one picture. ``failed``: the program broke on it."""

    file: str
    texts: list[str]
    ms: float
    failed: str | None


class Peer(msgspec.Struct, frozen=True):
    name: str
    score: Score
    failed: int


def peers() -> list[str]:
    return list(PLATE_READERS)


def measured(name: str, pictures: list[Labelled]) -> Peer:
    """A plate is right where a text it read is it, separators aside. Raises CannotRun."""
    score, failed = Score(), 0
    for label, answer in zip(pictures, _answers(name, pictures), strict=True):
        failed += answer.failed is not None
        score.add(label, [Read(canonical(text)) for text in answer.texts], answer.ms)
    return Peer(f"{name} {_version(name)}", score, failed)


def _answers(name: str, pictures: list[Labelled]) -> Iterator[Answer]:
    """Raises CannotRun."""
    try:
        command = [str(plate_reader(name)), str(_SCRIPTS / f"{name}_reader.py")]
    except (PeerMissing, subprocess.TimeoutExpired) as error:
        raise CannotRun(str(error)) from error
    paths = "".join(f"{label.file}\n" for label in pictures)
    limit_s = _START_S + _A_PICTURE_S * len(pictures)
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    try:
        done = subprocess.run(command, input=paths, capture_output=True, text=True, timeout=limit_s, env=env)
    except subprocess.TimeoutExpired as error:
        raise CannotRun(f"not done after {limit_s:.0f} s") from error
    answers = [line for line in done.stdout.splitlines() if line.startswith('{"file"')]  # they print besides
    if done.returncode or len(answers) != len(pictures):
        raise CannotRun(f"ended with {done.returncode}, {len(answers)} pictures read:\n{done.stderr[-_TAIL:]}")
    return (msgspec.convert(json.loads(answer), Answer) for answer in answers)


def _version(name: str) -> str:
    pinned = (_SCRIPTS / f"{name}.txt").read_text()
    return next(line.split("==")[1] for line in pinned.splitlines() if line.startswith(f"{name}=="))
