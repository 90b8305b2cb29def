"""Keeps the store fit to write: makes room, reopens and verifies after a fault, sets aside what is corrupt. It never
writes on as if nothing had been."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

import structlog

from edge.store import epochs, salvage
from edge.store.durable import make_folder, sync_folder, write_file
from edge.store.file import FILE, new_epoch, open_store
from edge.store.happenings import Happened
from edge.store.reserve import Reserve
from eventlog.log import LogBroken, LogBusy, LogCorrupt, LogFull, LogRefused
from eventlog.sqlite import SqliteEventLog

log = structlog.get_logger()

SET_ASIDE = "corrupt-"
_HALF_WAY = "setting-aside"
_MOST_PAUSE_S = 5.0  # room is made by people: whoever waits at a door should not wait long after
_FILES = (FILE, f"{FILE}-wal", f"{FILE}-shm", epochs.FILE)

T = TypeVar("T")
State = Literal["ok", "full", "reopening", "set_aside"]


class Keeper:
    """One at a time, whoever met the fault first; the others wait until the store is fit again."""

    def __init__(
        self,
        folder: Path,
        store: SqliteEventLog,
        reserve: Reserve,
        make_room: Callable[[], Awaitable[None]],
        now: Callable[[], datetime],
        pause_s: Callable[[int], float],
        happened: Sequence[Happened] = (),
    ) -> None:
        self._folder, self._store, self._reserve = folder, store, reserve
        self._make_room, self._now = make_room, now
        self._pause_s: Callable[[int], float] = lambda failures: min(_MOST_PAUSE_S, pause_s(failures))
        self._lock = asyncio.Lock()
        self._failures = 0
        self._met: LogBroken | None = None
        self._happened = list(happened)
        self.state: State = "set_aside" if happened else "ok"
        self.detail = happened[-1].detail if happened else ""
        self.since: datetime | None = now() if happened else None

    @property
    def is_fit(self) -> bool:
        """Whether what is offered can become durable."""
        return self.state in ("ok", "set_aside")

    def described(self) -> dict[str, Any]:
        return {"state": self.state, "detail": self.detail, "since": self.since, "reserve": self._reserve.is_held}

    def happened(self) -> list[Happened]:
        """What has befallen the store since this was last asked."""
        found, self._happened = self._happened, []
        return found

    async def mend(self, error: LogBroken) -> None:
        """Do what can be done about a fault; afterwards the caller may append again, and may meet the next fault.

        Raises LogRefused: the file is whole and the statement is not, and trying again would only do it again.
        """
        if isinstance(error, LogRefused):
            raise error
        async with self._lock:
            if not self._store.sound:
                await self._reopened(error)
            elif isinstance(error, LogFull):
                await self._full(error)
            elif isinstance(error, LogBusy):
                await asyncio.sleep(self._pause_s(1))
            # else another caller met the same and has mended it

    async def mended(self, action: Callable[[], Awaitable[T]]) -> T:
        """What the action gives, tried again after each mending. Raises what cannot be mended."""
        while True:
            try:
                return await action()
            except LogBroken as error:
                await self.mend(error)

    def met(self, error: LogBroken) -> None:
        """A reader met a fault and cannot wait here: it is mended within a second."""
        self._met = error

    async def mend_what_was_met(self) -> None:
        met, self._met = self._met, None
        if met is not None and not self._store.sound:
            await self.mend(met)

    def fit_again(self) -> None:
        """An append was durable: whatever was wrong is over."""
        if self.state not in ("full", "reopening"):
            return
        log.warning("store_fit_again", was=self.state, detail=self.detail)
        self.state, self.detail, self._failures = "ok", "", 0

    async def _full(self, error: LogBroken) -> None:
        """Give up the reserve, let go of what may go, and wait before the next try where that was not enough."""
        self._failures += 1
        self._enter("full", str(error))
        if not self._reserve.release() and self._failures > 1:
            await asyncio.sleep(self._pause_s(self._failures))
        try:
            await self._make_room()
        except LogBroken as still:  # the next append meets it too
            log.warning("no_room_to_make_room", error=str(still))

    async def _reopened(self, error: LogBroken) -> None:
        """Until the file is fit: the same again after a fault, another where it is corrupt."""
        while True:
            try:
                await self._begin_again(error)
            except LogCorrupt as corrupt:
                error = corrupt
            except LogBroken as again:
                self._failures += 1
                log.error("store_not_reopened", error=str(again), failures=self._failures)
                await asyncio.sleep(self._pause_s(self._failures))
                error = again
            else:
                return

    async def _begin_again(self, error: LogBroken) -> None:
        if isinstance(error, LogCorrupt):  # met by whoever read it: a look at the structure may not see it
            await self._set_aside(str(error))
            return
        self._enter("reopening", str(error))
        await self._store.reopen(new_epoch(self._now()))
        self._note("reopened", str(error))

    async def _set_aside(self, why: str) -> None:
        """Begin another file, with what doors need carried over. Raises LogBroken where not even that can be done."""
        await self._store.close_anyhow()
        place = set_aside(self._folder, self._now())
        await self._store.reopen(new_epoch(self._now()))
        await salvage.carry_tables(place / FILE, self._store)
        self._enter("set_aside", f"{place.name}: {why}")
        self._note("set_aside", f"{place.name}: {why}")

    def _enter(self, state: State, detail: str) -> None:
        if state == self.state:
            return
        log.error("store", state=state, detail=detail)
        if state == "full":
            self._note("full", detail)
        self.state, self.detail, self.since = state, detail, self._now()

    def _note(self, what: str, detail: str) -> None:
        self._happened.append(Happened(what, detail))


async def open_fit(folder: Path, now: Callable[[], datetime]) -> tuple[SqliteEventLog, list[Happened]]:
    """Open the store; one that is corrupt is set aside and another begun. Raises LogBroken."""
    finish_setting_aside(folder)
    try:
        return await open_store(folder, now), []
    except LogCorrupt as corrupt:
        place = set_aside(folder, now())
        log.error("store", state="set_aside", detail=str(corrupt), folder=place.name)
        store = await open_store(folder, now)
        await salvage.carry_tables(place / FILE, store)
        return store, [Happened("set_aside", f"{place.name}: {corrupt}")]


def set_aside(folder: Path, at: datetime) -> Path:
    """Move the store's files to a folder with the date; a kill half way is finished by the next start."""
    place = folder / f"{SET_ASIDE}{at:%Y%m%dT%H%M%S%fZ}"
    make_folder(place)
    for name in _FILES:
        if (folder / name).exists():
            (place / name).hardlink_to(folder / name)
    sync_folder(place)
    write_file(folder / _HALF_WAY, place.name.encode())
    finish_setting_aside(folder)
    return place


def finish_setting_aside(folder: Path) -> None:
    """Without its write-ahead log a store would open as an older one: either all its files are here, or none."""
    if not (folder / _HALF_WAY).exists():
        return
    for name in _FILES:
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)
    (folder / _HALF_WAY).unlink()
    sync_folder(folder)
