"""Whether the settings of an upper platform can be used, by the word of its protocol: for the command and the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from server.feeds import mqtt_platform
from server.feeds.cascade import narrowing as cascade
from server.feeds.gat1400 import settings as gat1400
from server.feeds.gb28181 import making as gb28181

_ANY_LIBRARY = "0" * 20  # a cascade goes by the code of our own library


class BadSettings(ValueError):
    """Settings that cannot be used: what is wrong, and where."""


def check(kind: str, said: Mapping[str, Any], address: str, folder: Path) -> None:
    """``folder``: the data folder, where a city's own profiles lie. Raises BadSettings."""
    look = CHECKS.get(kind)
    if look is None:
        raise BadSettings(f"{kind}: this protocol has no settings; there are some of {', '.join(sorted(CHECKS))}")
    try:
        look(dict(said), address, folder)
    except (gat1400.BadSettings, gb28181.BadSettings, mqtt_platform.BadSettings) as error:
        raise BadSettings(str(error)) from error


def _gat1400(said: dict[str, Any], address: str, folder: Path) -> None:
    gat1400.profile_for(gat1400.read_settings({**said, "address": address}), folder)


def _cascade(said: dict[str, Any], address: str, folder: Path) -> None:
    _gat1400({"device_id": _ANY_LIBRARY, **said}, address, folder)


def _gb28181(said: dict[str, Any], address: str, _folder: Path) -> None:
    gb28181.read_settings(said, address)


def _mqtt(said: dict[str, Any], _address: str, _folder: Path) -> None:
    mqtt_platform.read_settings(said)


CHECKS: Mapping[str, Callable[[dict[str, Any], str, Path], None]] = MappingProxyType(
    {gat1400.KIND: _gat1400, cascade.KIND: _cascade, gb28181.KIND: _gb28181, mqtt_platform.KIND: _mqtt}
)
