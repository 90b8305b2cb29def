"""Who looks at a camera's frames, by name: a package of ``edge.vision`` that has ``make(settings) -> Looker``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from typing import Any, cast

from edge.vision.frames import Looker

Settings = Mapping[str, Any]


class NoLooker(Exception):
    """A looker that is not there, or cannot be made of its settings; says which and why."""


def names() -> list[str]:
    """The lookers there are: a new package is enough."""
    import edge.vision as folder

    found = [module.name for module in pkgutil.iter_modules(folder.__path__) if module.ispkg]
    return [name for name in found if callable(getattr(_package(name), "make", None))]


def made(name: str, settings: Settings) -> Looker:
    """Raises NoLooker, whatever the package does of its own: one camera's mistake is nobody else's."""
    if name not in names():
        raise NoLooker(f"lookers.{name}: there are {', '.join(names()) or 'none'}")
    make = cast("Callable[[Settings], Looker]", vars(_package(name))["make"])
    try:
        return make(settings)
    except Exception as error:
        raise NoLooker(f"lookers.{name}: {error}") from error


def _package(name: str) -> Any:
    return importlib.import_module(f"edge.vision.{name}")
