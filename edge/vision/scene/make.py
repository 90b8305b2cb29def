"""A camera's Looker made of its settings, and what the cameras of one process share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from domain.scenes.rules.rule import SceneMistake
from domain.scenes.settings import SceneSettings, read, rules
from edge.vision.frames import Looker
from edge.vision.motion import Motion
from edge.vision.objects.budget import Budget
from edge.vision.objects.found import CannotFind, Finder
from edge.vision.objects.yolox import Yolox
from edge.vision.scene.objects import Objects
from edge.vision.scene.scene import Named, Scene
from edge.vision.share import CORES, LOOKS_PER_S, OF_THIS_PROCESS
from edge.vision.tracks.blobs import Blobs
from edge.vision.tracks.matching import CannotMatch
from edge.vision.tracks.tracks import Tracks


class Shared:
    """Each network is loaded once, and all cameras spend from one budget. ``finder`` takes the place of any network.

    May be used from several threads: a camera whose picture has another size is made anew in its own.
    """

    def __init__(self, looks_per_s: float = LOOKS_PER_S, cores: float = CORES, *, finder: Finder | None = None) -> None:
        self.budget = Budget(looks_per_s, cores)
        self._finder = finder
        self._loaded: dict[tuple[Path, float], Finder] = {}
        self._loading = Lock()

    def finder(self, model: Path | None, floor: float) -> Finder | None:
        """Raises CannotFind."""
        if self._finder is not None or model is None:
            return self._finder
        key = (model, floor)
        with self._loading:
            if key not in self._loaded:
                self._loaded[key] = Yolox(model, floor)
            return self._loaded[key]


_making = Lock()


def _of_this_process() -> Shared:
    """One for all cameras, also where two ask for it at once."""
    with _making:
        return _made_once()


@cache
def _made_once() -> Shared:
    return Shared(OF_THIS_PROCESS.looks_per_s, OF_THIS_PROCESS.cores)


def make(settings: Mapping[str, Any], shared: Shared | None = None) -> Looker:
    """A Looker for one camera; without ``shared`` it shares with the whole process. Raises SceneMistake."""
    read_ = read(settings)
    named = [Named(kind.name, kind.of, rule) for kind, rule in rules(read_)]
    shared = shared or _of_this_process()
    finder = _finder(read_, shared) if any(rule.of == "objects" for rule in named) else None
    try:
        objects = None if finder is None else Objects(read_.objects, finder, shared.budget, Tracks(read_.tracks))
        blobs = Blobs(read_.motion.smallest) if any(rule.of == "motion" for rule in named) else None
    except CannotMatch as error:
        raise SceneMistake(f"tracks: {error}") from error
    return Scene(Motion(read_.motion), read_.motion.looks_per_s, objects, blobs, named)


def _finder(settings: SceneSettings, shared: Shared) -> Finder:
    model = settings.objects.model
    try:
        finder = shared.finder(None if model is None else Path(model), settings.objects.floor)
    except CannotFind as error:
        raise SceneMistake(f"objects.{error}") from error
    if finder is None:
        raise SceneMistake("objects.model: rules ask for persons or vehicles, and no network is named to find them")
    return finder
