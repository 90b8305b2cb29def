"""A tariff file on disk: YAML to a tariff, with errors that say where."""

from __future__ import annotations

from pathlib import Path

import yaml

from domain.tariff import BadTariff, Tariff, read_tariff


class BadFile(Exception):
    """A file that cannot be read as what it should be; the message says which and where."""


def load_tariff(path: Path) -> Tariff:
    """The tariff in a YAML file of the schema in docs/tariffs.md. Raises BadFile or BadTariff."""
    try:
        document: object = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadFile(f"{path} is not YAML: {error}") from error
    try:
        return read_tariff(document)
    except BadTariff as error:
        raise BadTariff(f"{path}: {error}") from error
