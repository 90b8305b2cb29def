"""Pictures up to the centre, beside the log: the newest unsent first, each checked against its name by the centre."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import msgspec
import structlog

from domain.ids import content_name
from edge.store.media import MediaStore
from edge.sync.transport import Refused, Uplink, UplinkDown, understood
from eventlog.follow import rung_or_after

log = structlog.get_logger()

_AT_ONCE = 8
_ASKED_AT_ONCE = 100
_POLL_S = 5.0

Outcome = Literal["sent", "lost", "refused"]


class _Kept(msgspec.Struct):
    """The centre's answer: whether the picture was new to it. A portal's answer has no such field."""

    stored: bool


class _Known(msgspec.Struct):
    """Which of the pictures asked about the centre has."""

    known: list[str]


class PicturePush:
    """Sends until cancelled. What can never be sent (gone, damaged, too large) is said, counted and not tried again;
    any other refusal may come from something in between, and is tried again behind all others."""

    def __init__(self, media: MediaStore, uplink: Uplink, retry_s: Callable[[int], float]) -> None:
        self._media, self._uplink, self._retry_s = media, uplink, retry_s

    async def run(self) -> None:
        failures = 0
        while True:
            self._media.more.clear()  # before the look: what is announced between look and wait rings again
            try:
                failures = await self._round(failures)
            except (UplinkDown, Refused) as error:
                failures += 1
                log.warning("pictures_wait", error=str(error))
                await asyncio.sleep(self._retry_s(failures))
            except Exception as error:  # noqa: BLE001 - the edge of a loop: shown, and tried again
                failures += 1
                log.error("pictures_failed", error=repr(error))
                await asyncio.sleep(self._retry_s(failures))

    async def _round(self, failures: int) -> int:
        """Send the next group, or wait for one; how many rounds in a row came to nothing."""
        await self._settle_offered()
        names = await self._media.unsent(_AT_ONCE)
        if not names:
            await rung_or_after(self._media.more, _POLL_S)
            return 0
        if await self._send_all(names) < len(names):
            return 0
        # A new picture does not sit out the pause of those that were refused.
        await rung_or_after(self._media.more, self._retry_s(failures + 1))
        return failures + 1

    async def _settle_offered(self) -> None:
        """After the centre lost something: ask which pictures it still has, and send the others again."""
        while names := await self._media.offered(_ASKED_AT_ONCE):
            answer = await self._uplink.send_json("POST", "/v1/media/known", {"names": names})
            known = set(understood(answer, _Known).known)
            await self._media.mark_unsent([name for name in names if name not in known])
            await self._media.mark_sent([name for name in names if name in known])

    async def _send_all(self, names: list[str]) -> int:
        """Send each; how many were refused. Raises UplinkDown, or Refused where the gateway itself is not let in."""
        outcomes: dict[str, Outcome] = {}
        try:
            for name in names:
                outcomes[name] = await self._send(name)
        finally:
            await self._note(outcomes)
        return list(outcomes.values()).count("refused")

    async def _note(self, outcomes: dict[str, Outcome]) -> None:
        by_outcome: dict[Outcome, list[str]] = {"sent": [], "lost": [], "refused": []}
        for name, outcome in outcomes.items():
            by_outcome[outcome].append(name)
        await self._media.mark_sent(by_outcome["sent"])
        await self._media.mark_lost(by_outcome["lost"])
        await self._media.mark_refused(by_outcome["refused"])

    async def _send(self, name: str) -> Outcome:
        body = await asyncio.to_thread(self._read, name)
        if body is None:
            return "lost"
        try:
            understood(await self._uplink.send("PUT", f"/v1/media/{name}", body, _type_of(body)), _Kept)
        except Refused as refusal:
            return self._judge(refusal, name, len(body))
        return "sent"

    def _judge(self, refusal: Refused, name: str, size_bytes: int) -> Outcome:
        """Only the centre's own word is final: a proxy says 404 or 413 too, and a damaged body was whole here."""
        if refusal.status == 401:
            raise refusal
        if (refusal.status, refusal.error) == (413, "too_large"):
            return self._lost("picture_too_large", name, f"{size_bytes} bytes")
        self._media.counts["picture_refused"] += 1
        log.warning("picture_refused", sha256=name, bytes=size_bytes, error=str(refusal))
        return "refused"

    def _read(self, name: str) -> bytes | None:
        try:
            body = self._media.path(name).read_bytes()
        except FileNotFoundError as error:
            self._lost("picture_gone", name, str(error))
            return None
        except OSError as error:
            self._lost("picture_unreadable", name, str(error))
            return None
        if content_name(body) != name:
            self._lost("picture_damaged", name, f"{len(body)} bytes that are not what their name says")
            return None
        return body

    def _lost(self, event: str, name: str, error: str) -> Literal["lost"]:
        self._media.counts[event] += 1
        log.error(event, sha256=name, error=error)
        return "lost"


def _type_of(body: bytes) -> str:
    """A clip says what it is in its fifth to eighth byte; everything else was always called a JPEG."""
    return "video/mp4" if body[4:8] == b"ftyp" else "image/jpeg"
