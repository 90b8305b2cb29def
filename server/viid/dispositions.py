"""Where watch lists that come from above are handed on; who keeps them stands behind this port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.viid.envelopes import Fields
from server.viid.settings import Peer
from server.viid.taking import Verdict


class Dispositions(Protocol):
    """Takes DispositionObjects of an upper library, and their withdrawals."""

    async def take(self, peer: Peer, address: str, said: Sequence[Fields]) -> Sequence[Verdict]:
        """A verdict for each, in their order: taken only when it is durable. OperateType 1 withdraws."""
        ...

    async def told(self, peer: Peer, address: str) -> Sequence[Fields]:
        """Its own orders, with what became of them. Raises Refused where its basis names no watch lists."""
        ...

    async def withdraw(self, peer: Peer, address: str, numbers: Sequence[str], why: str) -> Sequence[Verdict]:
        """A verdict for each; a peer withdraws only what it placed."""
        ...
