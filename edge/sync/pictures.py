"""Pictures up to the centre, beside the log: the oldest unsent first, each checked against its name by the centre."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from domain.ids import content_name
from edge.media import MediaStore
from edge.sync.transport import Refused, Uplink, UplinkDown
from eventlog.follow import rung_or_after

log = structlog.get_logger()

_AT_ONCE = 8
_POLL_S = 5.0


class PicturePush:
    """Sends until cancelled; what cannot be sent for good (gone, damaged, refused) is said and not tried again."""

    def __init__(self, media: MediaStore, uplink: Uplink, retry_s: Callable[[int], float]) -> None:
        self._media, self._uplink, self._retry_s = media, uplink, retry_s

    async def run(self) -> None:
        failures = 0
        while True:
            self._media.more.clear()
            names = await self._media.unsent(_AT_ONCE)
            if not names:
                await rung_or_after(self._media.more, _POLL_S)
                continue
            try:
                await self._send_all(names)
                failures = 0
            except (UplinkDown, Refused) as error:
                failures += 1
                log.warning("pictures_wait", error=str(error), waiting=len(names))
                await asyncio.sleep(self._retry_s(failures))

    async def _send_all(self, names: list[str]) -> None:
        done: list[str] = []
        try:
            for name in names:
                await self._send(name)
                done.append(name)
        finally:
            if done:
                await self._media.mark_sent(done)

    async def _send(self, name: str) -> None:
        body = await asyncio.to_thread(self._read, name)
        if body is None:
            return
        try:
            await self._uplink.send("PUT", f"/v1/media/{name}", body, "image/jpeg")
        except Refused as refusal:
            if refusal.status == 401:
                raise
            log.error("picture_refused", sha256=name, error=refusal.error, bytes=len(body))

    def _read(self, name: str) -> bytes | None:
        try:
            body = self._media.path(name).read_bytes()
        except FileNotFoundError:
            log.error("picture_gone", sha256=name)
            return None
        if content_name(body) != name:
            log.error("picture_damaged", sha256=name, bytes=len(body))
            return None
        return body
