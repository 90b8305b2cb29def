"""Pictures as a platform can take them: of the record's own complex, no larger than it wants."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

import msgspec
from PIL import Image

from domain.events import Media
from domain.viid.mapping import Shown
from domain.viid.profile import Peer
from server.feeds.gat1400.prepared import Ready, shown_by
from server.media import MediaAway, MediaBox
from server.picture_head import jpeg_size
from server.plan_pictures import BadPicture, check_pixels, plain_of, refusing, saved

_FORMATS = {"JPEG": "Jpeg", "PNG": "Png"}
_READ = ("JPEG", "PNG", "WEBP", "GIF")
# Side and quality of the JPEG, tried in turn where a picture is too large.
_STEPS = ((1920, 80), (1600, 72), (1280, 65), (960, 60), (640, 55), (480, 45), (320, 35))


Pair = tuple[str, str]  # a picture's name, and the complex whose it is: a name alone opens nothing
Bodies = Mapping[Pair, bytes]


class NotYet(Exception):
    """A picture that is on its way here, or whose store is away: the record waits for it."""


class _Sized(msgspec.Struct, frozen=True):
    body: bytes
    width: int
    height: int
    format: str


class Pictures:
    """``wait_s``: how long after its arrival a record waits for its pictures."""

    def __init__(self, box: MediaBox, peer: Peer, wait_s: float) -> None:
        self._box, self._peer, self._wait_s = box, peer, wait_s
        self._owned: set[tuple[str, str]] = set()

    async def look(self, wanted: Collection[tuple[str, str]]) -> None:
        """Which of these (name, complex) are here and the complex's own: asked once for many records."""
        self._owned = await self._box.owned(wanted) if wanted else set()

    async def read(self, records: Sequence[Ready], share: float = 1.0) -> Bodies:
        """The bytes of what these show, as far as they are here. ``share`` 0: of nothing. Raises NotYet."""
        wanted = {pair for one in records for pair in shown_by(one)} & self._owned if share else set[Pair]()
        try:
            found = await self._box.get_many({name for name, _ in wanted}) if wanted else {}
        except MediaAway as error:
            raise NotYet(f"the store of pictures is away: {error}") from error
        return {pair: found[pair[0]] for pair in wanted if pair[0] in found}

    async def of(self, one: Ready, bodies: Bodies, age_s: float, share: float = 1.0) -> list[Shown]:
        """Its pictures, at a share of the sizes that the peer takes. Raises NotYet while one may still come."""
        found: list[Shown] = []
        for place, entry in enumerate(one.offer.event.media):
            if entry.sha256 is None or entry.role not in one.rule.pictures or not share:
                continue
            body = bodies.get((entry.sha256, one.offer.fact.complex))
            if body is None and age_s < self._wait_s:
                raise NotYet(f"picture {entry.sha256[:12]} is not here yet")
            if body is not None:
                sized = await _fitted(body, int(self._most(entry.role) * share))
                found.append(Shown(entry.role, sized.body, sized.width, sized.height, place, sized.format))
        return found

    def estimate(self, media: list[Media], roles: Collection[str]) -> int:
        """How many bytes they take in a message at most."""
        wanted = [one for one in media if one.sha256 and one.role in roles]
        return sum(min(one.bytes or self._most(one.role), self._most(one.role)) for one in wanted) * 4 // 3

    def _most(self, role: str) -> int:
        return self._peer.scene_bytes if role == "scene" else self._peer.crop_bytes


def age_s(received_at: datetime, now: datetime) -> float:
    return (now - received_at).total_seconds()


async def _fitted(body: bytes, most: int) -> _Sized:
    measured = _measured(body)
    if len(body) <= most and measured.format in _FORMATS.values():
        return measured
    try:
        return await asyncio.to_thread(_smaller, body, most)
    except BadPicture:
        return measured  # its bytes are evidence, whatever they are: the platform may judge them


def _measured(body: bytes) -> _Sized:
    if size := jpeg_size(body):
        return _Sized(body, *size, "Jpeg")
    try:
        with refusing(), Image.open(io.BytesIO(body), formats=_READ) as opened:
            return _Sized(body, *opened.size, _FORMATS.get(opened.format or "", "Other"))
    except BadPicture:
        return _Sized(body, 0, 0, "Other")


def _smaller(body: bytes, most: int) -> _Sized:
    with refusing(), Image.open(io.BytesIO(body), formats=_READ) as opened:
        check_pixels(opened)
        opened.draft("RGB", (_STEPS[0][0], _STEPS[0][0]))
        opened.load()
        plain = plain_of(opened, _STEPS[0][0])
    made = body
    for side_px, quality in _STEPS:
        plain.thumbnail((side_px, side_px))
        made = saved(plain, "JPEG", quality=quality)
        if len(made) <= most:
            break
    return _Sized(made, plain.width, plain.height, "Jpeg")
