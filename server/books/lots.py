"""Each complex's tariffs by date: the file of server.toml first, then the versions that were published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.tariff import LotTariff, Tariff
from server.store import tariff_rows
from server.store.tariff_rows import VersionView
from server.tariff_file import parse_tariff

_NOTHING = Tariff(plans={})
_Key = tuple[tuple[int, str], ...]


class Lots:
    """Asked in the transaction that uses the answer: what another process published counts at once.

    A file stands for ever before the first version of the database, and for all time where there is none. ``files`` is
    asked once; it may raise BadConfig.
    """

    def __init__(self, files: Callable[[], Mapping[str, LotTariff]]) -> None:
        self._read_files = files
        self._files: Mapping[str, LotTariff] | None = None
        self._made: dict[str, tuple[_Key, LotTariff]] = {}

    @property
    def files(self) -> Mapping[str, LotTariff]:
        """What server.toml names, by complex."""
        if self._files is None:
            self._files = self._read_files()
        return self._files

    async def of(self, connection: AsyncConnection, complexes: Collection[str]) -> dict[str, LotTariff]:
        """The tariffs of those complexes that have one."""
        if not complexes:
            return {}
        dated, found = await tariff_rows.published(connection, complexes), dict[str, LotTariff]()
        for complex_id in complexes:
            if key := dated.get(complex_id):
                found[complex_id] = await self._with_versions(connection, complex_id, key)
            elif complex_id in self.files:
                found[complex_id] = self.files[complex_id]
        return found

    async def one(self, connection: AsyncConnection, complex_id: str) -> LotTariff | None:
        """The tariffs of a complex; None where parking is not charged."""
        return (await self.of(connection, [complex_id])).get(complex_id)

    async def _with_versions(self, connection: AsyncConnection, complex_id: str, key: _Key) -> LotTariff:
        known = self._made.get(complex_id)
        if known is not None and known[0] == key:
            return known[1]
        rows = await tariff_rows.bodies(connection, complex_id, [number for number, _ in key])
        base = self.files.get(complex_id) or LotTariff(_NOTHING, "")
        made = msgspec.structs.replace(base, later=tuple(lot_of_version(row) for row in rows))
        self._made[complex_id] = (key, made)
        return made


def lot_of_version(row: VersionView) -> LotTariff:
    """A version ready to be asked. Raises BadFile or BadTariff."""
    tariff = parse_tariff(row.body, f"version {row.number}")
    default = row.default_class if row.default_class in tariff.plans else next(iter(tariff.plans))
    return LotTariff(tariff, default, row.since, row.change)
