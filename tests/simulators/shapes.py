"""The shape of a JSON document: which keys it has, where, and what kind of value stands there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SAMPLES = Path(__file__).parents[1] / "fixtures" / "devices"


def sample(family: str, name: str) -> Any:
    """A vendor's recorded message."""
    return json.loads((SAMPLES / family / name).read_bytes())


def keys(document: Any, path: str = "") -> set[str]:
    """Every key's path; the entries of a list share one."""
    if isinstance(document, dict):
        return {found for key, value in document.items() for found in {f"{path}/{key}"} | keys(value, f"{path}/{key}")}
    if isinstance(document, list):
        return {found for value in document for found in keys(value, f"{path}[]")}
    return set()


def kinds(document: Any, path: str = "") -> dict[str, str]:
    """The kind of value at each path: text, number, truth, list, object; null is left out."""
    if isinstance(document, dict):
        found = {path: "object"}
        for key, value in document.items():
            found |= kinds(value, f"{path}/{key}")
        return found
    if isinstance(document, list):
        found = {path: "list"}
        for value in document:
            found |= kinds(value, f"{path}[]")
        return found
    return {} if document is None else {path: _kind(document)}


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    return "number" if isinstance(value, int | float) else "text"


def same_kinds(ours: Any, theirs: Any) -> list[str]:
    """The paths where both have a value, but of different kinds."""
    mine, others = kinds(ours), kinds(theirs)
    return sorted(path for path in mine.keys() & others.keys() if mine[path] != others[path])
