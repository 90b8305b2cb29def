"""The contract of a discoverer, and how they are found: every module in this folder that has a ``DISCOVERER``.

A discoverer looks one way for devices that are there, tells each it finds at once, and touches none of them: what it
sends is what the family itself asks everybody ("who is there?"). What comes back is anybody's word, so it is bounded,
and nothing more than an offer to a person.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import msgspec

from edge.config import Config
from edge.devices.announced import Known
from edge.devices.driver import Registry


class Tell(Protocol):
    """Takes a device that was found; ``at``: when it was seen, None for now."""

    def __call__(self, known: Known, at: datetime | None = None) -> None: ...


class CannotLook(Exception):
    """This way cannot be looked just now; says why, and what to do. The others are looked all the same."""


class Search(msgspec.Struct, frozen=True):
    """What one search goes by. ``interface``: this box's own address on the network to be searched, "" for all."""

    config: Config
    registry: Registry
    now: Callable[[], datetime]
    seconds: float
    interface: str = ""

    @property
    def folder(self) -> Path:
        return self.config.folder


class Discoverer(msgspec.Struct, frozen=True):
    """One way to find devices. ``look`` tells what it finds while it looks, no longer than the search's seconds.

    It raises CannotLook.
    """

    name: str
    look: Callable[[Search, Tell], Awaitable[None]]


@cache
def discoverers() -> tuple[Discoverer, ...]:
    """Those of every module in ``edge.discovery`` that has a ``DISCOVERER``: a new file is enough."""
    import edge.discovery as folder

    modules = (
        importlib.import_module(f"edge.discovery.{found.name}") for found in pkgutil.iter_modules(folder.__path__)
    )
    return tuple(module.DISCOVERER for module in modules if hasattr(module, "DISCOVERER"))
