"""Pictures of items as people upload them: drawn anew from their pixels alone, without EXIF, and kept by content."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import structlog
from starlette.datastructures import FormData, UploadFile

from domain.ids import content_name
from server.media import MediaAway, MediaBox
from server.plan_pictures import BadPicture, Drawn, read_picture

log = structlog.get_logger()

MOST_FILES = 3
MOST_BYTES = 12 * 1024 * 1024  # of a form with its pictures
_MOST_WAITING = 20
_FIELD = "picture"


class NotTaken(Exception):
    """A picture that is not kept; ``reason`` is a stable word."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the picture is not taken: {reason}")
        self.reason = reason


class _Waiting:
    """One is drawn at a time, for it costs a core for seconds; who comes when too many wait is sent away."""

    def __init__(self) -> None:
        self._turn, self._count = asyncio.Semaphore(1), 0

    async def drawn(self, body: bytes) -> Drawn:
        """Raises BadPicture, NotTaken."""
        if self._count >= _MOST_WAITING:
            raise NotTaken("busy")
        self._count += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(read_picture, body)
        finally:
            self._count -= 1


_waiting = _Waiting()


class Picture(NamedTuple):
    """A picture that is ready to be kept, and its name."""

    sha256: str
    drawn: Drawn


async def read_pictures(form: FormData) -> tuple[Picture, ...]:
    """What a form brings in its files, each once. Raises NotTaken."""
    found: dict[str, Drawn] = {}
    for given in form.getlist(_FIELD)[:MOST_FILES]:
        body = await given.read(MOST_BYTES) if isinstance(given, UploadFile) else b""
        if body:
            drawn = await _read(body)
            found[content_name(drawn.body)] = drawn
    return tuple(Picture(*pair) for pair in found.items())


async def _read(body: bytes) -> Drawn:
    try:
        return await _waiting.drawn(body)
    except BadPicture as error:
        log.info("item_picture_refused", reason=error.reason, detail=str(error))
        raise NotTaken(error.reason) from error


async def keep_pictures(media: MediaBox, complex_id: str, pictures: tuple[Picture, ...]) -> tuple[str, ...]:
    """Their names, once they are durable. Raises NotTaken."""
    try:
        for picture in pictures:
            await media.keep(picture.sha256, complex_id, picture.drawn.body, picture.drawn.type)
    except MediaAway as error:
        log.error("media_away", complex=complex_id, error=str(error))
        raise NotTaken("media_away") from error
    return tuple(picture.sha256 for picture in pictures)
