"""The directory told to a platform after each registration: cameras, gates, lanes; what it has already is no error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence

import msgspec
import structlog

from domain.viid import directory
from domain.viid.envelopes import Fields, listed, path
from domain.viid.ids import type_of
from domain.viid.profile import Peer
from domain.viid.sources import Coded
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.exchange import Answer, FarAway

log = structlog.get_logger()

Post = Callable[[str, bytes], Awaitable[Answer]]
_SYSTEM = "120"


class Directory:
    """``ask`` posts within the session. What it does not take is shown: records are sent all the same."""

    def __init__(self, codes: DeviceCodes, peer: Peer, device_id: str) -> None:
        self._codes, self._peer = codes, peer
        self._owner = device_id if type_of(device_id) == _SYSTEM else ""

    def messages(self, coded: Sequence[Coded]) -> list[tuple[str, bytes]]:
        """Path and body of each message."""
        lanes = [one for one in coded if one.tollgate]
        counts = Counter(one.tollgate for one in lanes)
        gates = {one.tollgate: directory.tollgate(one, counts[one.tollgate]) for one in lanes}
        cameras = {one.code: directory.camera(one, is_online=True, owner=self._owner) for one in coded}
        kinds = {
            "APE": list(cameras.values()),
            "Tollgate": list(gates.values()),
            "Lane": list(map(directory.lane, lanes)),
        }
        return [message for name, said in kinds.items() for message in self._split(name, said)]

    async def tell(self, post: Post) -> None:
        """Once, to whoever has just registered us."""
        coded = list((await self._codes.all()).values())
        for where, body in self.messages(coded):
            try:
                answer = await post(where, body)
            except FarAway as error:
                log.warning("platform_directory_unheard", path=where, error=str(error))
                return
            _show(where, answer)

    def _split(self, name: str, said: Sequence[Fields]) -> list[tuple[str, bytes]]:
        size = self._peer.max_batch
        parts = [said[start : start + size] for start in range(0, len(said), size)]
        return [(path(name), msgspec.json.encode(listed(name, part))) for part in parts]


def _show(where: str, answer: Answer) -> None:
    if not answer.is_ok and answer.status != 409:
        log.warning("platform_directory_refused", path=where, answer=str(answer))
