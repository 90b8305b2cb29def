"""A tariff file on disk: YAML to a tariff, with errors that say where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import yaml

from domain.tariff import BadTariff, Tariff, read_tariff
from domain.tariff.coverage import faults
from server.tariff_yaml import mistyped, parse

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class BadFile(Exception):
    """A file that cannot be read as what it should be; the message says which and where."""


def load_tariff(path: Path) -> Tariff:
    """The tariff in a YAML file of the schema in docs/tariffs.md. Raises BadFile or BadTariff."""
    return parse_tariff(_text(path), str(path))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise BadFile(f"{path} is not YAML: {error}") from error


def parse_tariff(text: str, where: str) -> Tariff:
    """The tariff in a text of YAML; ``where`` it is from, for the message. Raises BadFile or BadTariff."""
    try:
        document: object = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadFile(f"{where} is not YAML: {error}") from error
    try:
        return read_tariff(document)
    except BadTariff as error:
        raise BadTariff(f"{where}: {error}") from error


def sound_tariff(path: Path) -> Tariff:
    """The same of a tariff without a hole, bands that overlap, and keys that stand twice or are nearly known ones.

    Raises BadFile or BadTariff.
    """
    text = _text(path)
    try:
        document = parse(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadFile(f"{path} is no tariff: {said_of(error)}") from error
    if said := mistyped(document):
        raise BadTariff(f"{path}: {said}")
    tariff = parse_tariff(text, str(path))
    if wrong := faults(tariff):
        raise BadTariff("\n".join(f"{path}: {one.path}: {one.text}" for one in wrong))
    return tariff


def said_of(error: Exception) -> str:
    """What is wrong with a text of YAML, and in which line."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    return str(error) if mark is None or problem is None else f"line {mark.line + 1}: {problem}"


def line_of(text: str, path: str) -> int | None:
    """In which line of a YAML text a path like ``plans.small.charge.bands[1].from`` stands, as far as it leads."""
    try:
        node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        return None if mark is None else mark.line + 1
    line: int | None = None
    for key, index in _STEP.findall(path):
        found = _item(node, int(index)) if index else _entry(node, key)
        if found is None:
            break
        at, node = found
        line = at.start_mark.line + 1
    return line


def _entry(node: Any, key: str) -> tuple[Any, Any] | None:
    pairs = cast("list[tuple[Any, Any]]", node.value) if isinstance(node, yaml.MappingNode) else []
    return next(((name, value) for name, value in pairs if name.value == key), None)


def _item(node: Any, index: int) -> tuple[Any, Any] | None:
    items = cast("list[Any]", node.value) if isinstance(node, yaml.SequenceNode) else []
    return (items[index], items[index]) if index < len(items) else None
