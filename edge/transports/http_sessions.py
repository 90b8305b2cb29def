"""Who registered with its password, for families that show it once: by address and name, until silence or farewell."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping

import msgspec

from edge.devices.driver import HttpSession, Registry

_MOST = 5_000


class Asking(msgspec.Struct, frozen=True):
    """A request of a family with sessions: what it wants, from where, and in whose name."""

    family: str
    path: str
    address: str
    name: str  # "" where it gives none

    @classmethod
    def of(cls, registry: Registry, family: str, path: str, address: str, headers: Mapping[str, str]) -> Asking:
        rules = registry.by_family[family].session
        name = headers.get(rules.named_by, "").strip() if rules else ""
        return cls(family, path, address, name)


class Sessions:
    """Open sessions, the longest unused ended first when there are too many."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._seen_s: OrderedDict[tuple[str, str], float] = OrderedDict()

    def holds(self, asking: Asking, device: str, now_s: float) -> bool:
        """Whether the device goes on in a session; a registration itself never does: it shows the password."""
        rules = self._rules(asking)
        if rules is None or self.registers(asking):
            return False
        key = (device, asking.address)
        if now_s - self._seen_s.get(key, -rules.silence_s) >= rules.silence_s:
            self._seen_s.pop(key, None)
            return False
        return True

    def registers(self, asking: Asking) -> bool:
        """Whether the request is a registration."""
        rules = self._rules(asking)
        return rules is not None and _same(asking.path, rules.opened_by)

    def caller(self, asking: Asking) -> str:
        """The device in whose name the request comes; "" where it gives none."""
        return f"{self._registry.by_family[asking.family].kind}:{asking.name}" if asking.name else ""

    def admitted(self, asking: Asking, devices: Iterable[str], now_s: float) -> None:
        """A request was let in for these devices, which have passwords: it opens, keeps up or ends a session."""
        rules = self._rules(asking)
        for device in devices if rules else ():
            key = (device, asking.address)
            is_open = self._seen_s.pop(key, None) is not None
            if rules and not _same(asking.path, rules.closed_by) and (is_open or self.registers(asking)):
                self._seen_s[key] = now_s
        while len(self._seen_s) > _MOST:
            self._seen_s.popitem(last=False)

    def _rules(self, asking: Asking) -> HttpSession | None:
        return self._registry.by_family[asking.family].session


def _same(path: str, other: str) -> bool:
    return path.casefold().rstrip("/") == other.casefold()
