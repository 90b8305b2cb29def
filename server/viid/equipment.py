"""What there is to tell of cameras, gates and lanes, as objects of the standard; who knows it is behind a port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, Protocol

from domain.viid.envelopes import Fields

Name = Literal["APE", "Tollgate", "Lane"]


class Equipment(Protocol):
    """What is registered with the police of the complexes that somebody may see."""

    async def of(self, name: Name, sees: Callable[[str], bool]) -> Sequence[Fields]: ...


class NoEquipment:
    """Nothing has a code yet."""

    async def of(self, name: Name, sees: Callable[[str], bool]) -> Sequence[Fields]:
        return []


class Asked:
    """A question to a list: ``APE.ApeID=…``, ``RecordStartNo``, ``PageRecordNum``."""

    most = 1_000

    def __init__(self, name: str, query: Mapping[str, str]) -> None:
        self._wanted = {key.split(".", 1)[1]: value for key, value in query.items() if key.startswith(f"{name}.")}
        self._start = max(_number(query.get("RecordStartNo"), 1), 1)
        self._length = min(max(_number(query.get("PageRecordNum"), 100), 1), self.most)

    def chosen(self, several: Sequence[Fields]) -> list[Fields]:
        found = [one for one in several if all(str(one.get(key)) == value for key, value in self._wanted.items())]
        return found[self._start - 1 : self._start - 1 + self._length]


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else otherwise
