"""What a person wrote as a tariff, looked at: the plans where they can be read, and each fault with its line."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import yaml

from domain.tariff import BadTariff, Tariff, read_tariff
from domain.tariff.coverage import findings
from server.tariff_file import line_of
from server.tariff_yaml import mistyped, parse


class Problem(msgspec.Struct, frozen=True):
    """Something wrong, where; ``what``: a stable word that a page explains with ``about``."""

    what: str
    text: str
    path: str = ""
    line: int | None = None
    is_wrong: bool = True
    about: Mapping[str, str] = {}


class Examined(msgspec.Struct, frozen=True):
    """``tariff`` is None where the text is none."""

    tariff: Tariff | None
    problems: list[Problem]

    @property
    def is_sound(self) -> bool:
        """Whether it can be proposed."""
        return self.tariff is not None and not any(one.is_wrong for one in self.problems)


def examine(text: str) -> Examined:
    """Read a text of YAML as a tariff and say all that is to be said of it."""
    try:
        document = parse(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return Examined(None, [Problem("not_yaml", _said(error), line=_line(error))])
    if said := mistyped(document):
        path, _, said = said.partition(": ")
        return Examined(None, [Problem("bad_key", said, path, line_of(text, path))])
    try:
        tariff = read_tariff(document)
    except BadTariff as error:
        path, _, said = str(error).partition(": ")
        return Examined(None, [Problem("bad_key", said, path, line_of(text, path))])
    found = [
        Problem(one.what, one.text, one.path, line_of(text, one.path), one.is_wrong, one.about)
        for one in findings(tariff)
    ]
    if tariff.versions:
        found.append(Problem("dated", "versions: a version has no dates of its own", "versions"))
    return Examined(tariff, found)


def _line(error: Exception) -> int | None:
    mark = getattr(error, "problem_mark", None)
    return None if mark is None else mark.line + 1


def _said(error: Exception) -> str:
    return str(getattr(error, "problem", None) or error)
