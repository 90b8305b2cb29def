"""How an upper platform is reached over GA/T 1400, and as whom: the settings of one platform."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

import domain.viid
from domain.located import located
from domain.viid.profile import BadProfile, Profile, profile_of, switched

_SHIPPED = Path(domain.viid.__file__).parent / "profiles"
KIND = "gat1400"
OWN_PROFILES = "profiles"  # in the data folder: a city's own


class BadSettings(ValueError):
    """Settings that cannot be used: what is wrong, and what to do."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a person enters. The password is no part of it."""

    address: Annotated[str, Meta(pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")]
    device_id: Annotated[str, Meta(pattern=r"^\d{20}$")]  # ours, as the police assigned it
    username: str = ""  # left out: our own code
    profile: str = "standard"
    switched_on: tuple[str, ...] = ()  # rules that are off by themselves: face
    ca_file: str = ""  # where the platform's certificate is of an authority of its own
    picture_wait_s: Annotated[float, Meta(ge=0, le=86_400)] = 600  # for pictures that are still on their way

    @property
    def user(self) -> str:
        return self.username or self.device_id

    @property
    def base(self) -> str:
        return self.address.rstrip("/")


def read_settings(said: object) -> Settings:
    """Raises BadSettings."""
    try:
        return msgspec.convert(said, Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(located("gat1400: ", str(error))) from error


def profile_texts(folder: Path) -> dict[str, str]:
    """Every profile by name: those that come with the program, and a city's own in the data folder."""
    files = [*_SHIPPED.glob("*.toml"), *(folder / OWN_PROFILES).glob("*.toml")]
    return {file.stem: file.read_text(encoding="utf-8") for file in files}


def profile_for(settings: Settings, folder: Path) -> Profile:
    """The platform's profile, with what is switched on. Raises BadSettings."""
    try:
        return switched(profile_of(settings.profile, profile_texts(folder)), settings.switched_on)
    except BadProfile as error:
        raise BadSettings(str(error)) from error
