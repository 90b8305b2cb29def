"""Which detectors and readers work together: by what a box can fetch, and how much time it has."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from threading import Lock

import cv2

from edge.vision.models.manifest import PROFILES, MissingModels, Profile, needed
from edge.vision.plates.closer import Closer
from edge.vision.plates.clp_det import ClpDet
from edge.vision.plates.inception import InceptionReader
from edge.vision.plates.own_reader import OwnReader
from edge.vision.plates.plate_reader import PlateReader
from edge.vision.plates.y5fu import Y5fu

_INCEPTION = ["SegmenationFree-Inception.prototxt", "SegmenationFree-Inception.caffemodel"]
_FIRST, _CLOSER = (0.04,), (0.02, 0.04, 0.06)  # margins about the corners
_PIP_SIDE, _PIP_CLOSER_SIDE, _PIP_THRESHOLD = 640, 320, 0.3


def plate_reader(profile: Profile, folder: Path, own: OwnReader | None = None) -> PlateReader:
    """May be asked from several threads. Raises MissingModels. One core is all it takes: a camera's process has no
    more."""
    cv2.setNumThreads(1)
    own = own or OwnReader()
    inception = InceptionReader(*needed(_INCEPTION, profile, folder))
    match profile:
        case "best":
            large, small = map(Y5fu, needed(["y5fu_640x_sim.onnx", "y5fu_320x_sim.onnx"], profile, folder))
            return PlateReader(large, Closer(small), own, inception, _FIRST, _CLOSER, find_quickly=small)
        case "fast":
            [small] = map(Y5fu, needed(["y5fu_320x_sim.onnx"], profile, folder))
            return PlateReader(small, Closer(small), own, inception, (), _CLOSER)
        case "pip":
            [path] = needed(["clp_det.onnx"], profile, folder)
            closer = Closer(ClpDet(path, _PIP_CLOSER_SIDE, _PIP_THRESHOLD), _PIP_CLOSER_SIDE)
            far = ClpDet(path, _PIP_SIDE, _PIP_THRESHOLD)
            return PlateReader(far, closer, own, inception, _FIRST, _CLOSER)


_loading = Lock()


def shared_reader(profile: Profile, folder: Path) -> PlateReader:
    """One for all cameras of a process, each network loaded once. Raises MissingModels."""
    with _loading:
        return _loaded(profile, folder)


@cache
def _loaded(profile: Profile, folder: Path) -> PlateReader:
    return plate_reader(profile, folder)


def best_here(folder: Path) -> Profile:
    """The best profile whose models are on this box. Raises MissingModels."""
    for profile in reversed(PROFILES):
        try:
            plate_reader(profile, folder)
        except MissingModels:
            continue
        return profile
    raise MissingModels(f"no models in {folder}: gatehouse-edge models fetch --profile pip")
