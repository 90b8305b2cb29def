"""Tells a platform that subscribed to the catalogue what becomes of it: who is there and who is gone."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domain.gb28181.catalogue import Item, changes
from domain.gb28181.said import catalogue_changes
from server.feeds.gb28181.directory import Directory
from server.feeds.gb28181.speaking import Speaker
from server.feeds.gb28181.subscriptions import Subscriptions


class Watching:
    """Looked after at every keep-alive."""

    def __init__(self, ours: str, directory: Directory, subscriptions: Subscriptions) -> None:
        self._ours, self._directory, self._subscriptions = ours, directory, subscriptions
        self._known: tuple[str, list[Item]] | None = None  # by the dialog in which it was told

    async def look(self, speaker: Speaker, now: Callable[[], float]) -> None:
        """Raises NoAnswer, OSError: what was not taken is told at the next look."""
        dialog = self._subscriptions.live("Catalog")
        if dialog is None:
            self._known = None
            return
        items = await self._directory.items()
        if self._known is None or self._known[0] != dialog.call_id:
            self._known = (dialog.call_id, _as_told(items, dialog.away))
        for body in catalogue_changes(dialog.sn, self._ours, changes(self._known[1], items)):
            if not (await speaker.notify(dialog, body, now())).is_ok:
                return
        self._known = (dialog.call_id, items)
        away = frozenset(item.code for item in items if not item.is_online)
        if away != dialog.away:
            dialog.away = away
            await self._subscriptions.keep()


def _as_told(items: list[Item], away: frozenset[str] | None) -> list[Item]:
    """What the platform knows at the beginning of a dialog: all, for the whole list is what a query is for; in one
    that a process before us held, who was there and who was gone as it was told then."""
    if away is None:
        return items
    return [msgspec.structs.replace(item, is_online=item.code not in away) for item in items]
