"""Where watch lists that come from above are handed on; who keeps them stands behind this port."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.viid.envelopes import Fields
from domain.viid.statuses import INVALID_OPERATION
from server.viid.settings import Peer
from server.viid.taking import Verdict

NOBODY = "watch lists are not taken here"


class Dispositions(Protocol):
    """Takes DispositionObjects of an upper library, and their withdrawals."""

    async def take(self, peer: Peer, address: str, said: Sequence[Fields]) -> Sequence[Verdict]:
        """A verdict for each, in their order: taken only when it is durable. OperateType 1 withdraws."""
        ...

    async def withdraw(self, peer: Peer, address: str, numbers: Sequence[str], why: str) -> Sequence[Verdict]:
        """A verdict for each; a peer withdraws only what it placed."""
        ...


class NoDispositions:
    """Nobody keeps watch lists: each is refused, so that nobody above believes that it is watched for."""

    async def take(self, peer: Peer, address: str, said: Sequence[Fields]) -> Sequence[Verdict]:
        return [Verdict(str(one.get("DispositionID") or ""), INVALID_OPERATION, NOBODY) for one in said]

    async def withdraw(self, peer: Peer, address: str, numbers: Sequence[str], why: str) -> Sequence[Verdict]:
        return [Verdict(number, INVALID_OPERATION, NOBODY) for number in numbers]
