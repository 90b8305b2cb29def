"""What is kept of cameras beside the children that see, who may die: how their views look, and what lasts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import structlog

from edge.devices._camera_words import Told
from edge.store.durable import make_folder, write_file
from edge.vision.lasting import Lasting

log = structlog.get_logger()

_FILE = "vision.msgpack"
_VIEWS_EVERY = timedelta(minutes=30)  # what is learnt is written seldom: half a megabyte for eighteen cameras
_OLDEST_VIEW = timedelta(hours=6)  # by then the light is another, and so may be what is to be seen
_MOST_CAMERAS = 256


class _View(msgspec.Struct, frozen=True):
    at: datetime
    body: bytes


class _Kept(msgspec.Struct):
    views: dict[str, _View] = {}
    lasting: dict[str, dict[str, dict[str, Any]]] = {}


class Memory:
    """One file in the agent's folder; a file that cannot be read is as none."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        kept = _read(self._path)
        self._views = kept.views
        self._lasting = {device: Lasting(begun) for device, begun in kept.lasting.items()}
        self._is_news, self._written_at = False, datetime.min.replace(tzinfo=UTC)

    def learn(self, device: str, body: bytes, now: datetime) -> None:
        if device in self._views or len(self._views) < _MOST_CAMERAS:
            self._is_news = self._is_news or device not in self._views
            self._views[device] = _View(now, body)

    def views(self, devices: Iterable[str], now: datetime) -> dict[str, bytes]:
        """Those that are not too old to be held against what is seen now."""
        found = {device: self._views[device] for device in devices if device in self._views}
        return {device: view.body for device, view in found.items() if timedelta(0) <= now - view.at <= _OLDEST_VIEW}

    def hear(self, told: Told) -> None:
        self._is_news = self._lasting.setdefault(told.device, Lasting()).hear(told.id, told.fields) or self._is_news

    def cut_short(self, devices: Iterable[str], at: datetime) -> list[Told]:
        """The ends of what lasts of these cameras, whose child is gone."""
        ends = [(device, end) for device in devices for end in self._lasting.pop(device, Lasting()).cut_short()]
        self._is_news = self._is_news or bool(ends)
        return [Told(device=device, id=number, at=at, fields=fields) for device, (number, fields) in ends]

    @property
    def devices(self) -> list[str]:
        """Those of which something lasts."""
        return [device for device, lasting in self._lasting.items() if lasting.begun]

    def write(self, now: datetime, *, at_once: bool = False) -> None:
        """What lasts as soon as it changes, the views now and then. A disk that is full costs no more than this."""
        if not (self._is_news or at_once or now - self._written_at >= _VIEWS_EVERY):
            return
        lasting: dict[str, Any] = {name: dict(one.begun) for name, one in self._lasting.items() if one.begun}
        try:
            make_folder(self._path.parent)
            write_file(self._path, msgspec.msgpack.encode(_Kept(self._views, lasting)))
        except OSError as error:
            log.warning("vision_memory_not_written", error=str(error))
            return
        self._is_news, self._written_at = False, now


def _read(path: Path) -> _Kept:
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=_Kept)
    except FileNotFoundError:
        return _Kept()
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        log.warning("vision_memory_not_read", error=f"{type(error).__name__}: {error}"[:200])
        return _Kept()
