"""The bodies that answer what a platform asks, each in a message of its own after the bare 200."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version

from domain.gb28181 import said
from domain.gb28181.asked import Asked, Control, Query
from domain.gb28181.catalogue import Item, within
from domain.gb28181.control import refusal
from domain.gb28181.xml import Element
from server.feeds.gb28181.directory import Directory
from server.feeds.gb28181.settings import Settings

_EMPTY = {"recordinfo": ("RecordInfo", "RecordList"), "presetquery": ("PresetQuery", "PresetList")}


class Answers:
    """Says what is; does what may be done."""

    def __init__(self, settings: Settings, directory: Directory, now: Callable[[], datetime]) -> None:
        self._settings, self._directory, self._now = settings, directory, now

    async def to(self, asked: Asked) -> list[Element]:
        """Nothing, where nothing is to be said."""
        if isinstance(asked, Query):
            return await self._to_query(asked)
        if isinstance(asked, Control):
            return [await self._to_control(asked)]
        return []

    def why_not(self, control: Control) -> str | None:
        """We ourselves may be named too: then all that is ours is meant."""
        return refusal(control, self._directory.codes | {self._settings.ours})

    async def _to_query(self, query: Query) -> list[Element]:
        items = self._meant(await self._directory.items(), query.target)
        match query.command.lower():
            case "catalog":
                ours = self._settings.ours
                return said.catalogue(query.sn, query.target, ours, items, self._settings.items_at_once)
            case "deviceinfo" if items or query.target == self._settings.ours:
                return [self._info(query, items)]
            case "devicestatus" if items or query.target == self._settings.ours:
                return [self._status(query, items)]
            case command if command in _EMPTY:
                return [said.empty_list(_EMPTY[command][0], query.sn, query.target, _EMPTY[command][1])]
            case _:
                return [said.result(query.command[:40], query.sn, query.target, ok=False)]

    def _meant(self, items: Sequence[Item], target: str) -> list[Item]:
        return list(items) if target == self._settings.ours else within(items, target)

    def _info(self, query: Query, items: Sequence[Item]) -> Element:
        name = self._settings.name if query.target == self._settings.ours else items[0].name
        channels = sum(not item.is_folder for item in items)
        return said.device_info(query.sn, query.target, name, version("gatehouse"), channels)

    def _status(self, query: Query, items: Sequence[Item]) -> Element:
        is_online = query.target == self._settings.ours or items[0].is_online
        guards = self._directory.guards([item.code for item in items])
        return said.device_status(query.sn, query.target, self._now(), guards, is_online=is_online)

    async def _to_control(self, control: Control) -> Element:
        why = self.why_not(control)
        if why is None:
            await self._directory.control(control, control.target == self._settings.ours)
        return said.result("DeviceControl", control.sn, control.target, ok=why is None)
