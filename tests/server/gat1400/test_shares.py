"""A transmission in shares: while one travels the next is made ready, and no device's order is touched by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.viid.serials import Issued, Wanted
from server.feeds.gat1400.parcels import shares_of
from server.feeds.gat1400.prepared import source_of
from server.feeds.gat1400.serials import SerialsInDatabase
from tests.server.gat1400.centre_side import accepted, camera, car, side
from tests.server.gat1400.peer import Peer, number_of, peer

_SMALL = 'extends = "standard"\n[peer]\nmax_batch = 2\nconnections = 2\n'


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 30))
def test_every_place_once_and_a_device_in_one_share_in_order(cameras: list[int], least: int) -> None:
    offers = [car(number, of) for number, of in enumerate(cameras)]
    shares = shares_of(offers, least)
    assert sorted(place for share in shares for place in share) == list(range(len(offers)))
    homes = [{source_of(offers[place]) for place in share} for share in shares]
    assert sum(map(len, homes)) == len(set(cameras)), "no device in two shares"
    for share in shares:
        for source in {source_of(offers[place]) for place in share}:
            mine = [place for place in share if source_of(offers[place]) == source]
            assert mine == sorted(mine)
    assert all(len(share) >= least for share in shares[:-1])


async def test_each_verdict_is_its_own_record_s_over_all_shares(tmp_path: Path) -> None:
    """Ten cameras and shares of four: the verdicts of those refused stand at their places, and each order is kept."""

    def picky(objects: list[dict[str, Any]]) -> tuple[int, Any]:
        said = [{"Id": number_of(one), "StatusCode": 8 if one.get("DeviceID") == camera(3) else 0} for one in objects]
        return 200, {"ResponseStatusListObject": {"ResponseStatusObject": said}}

    offers = [car(number, number % 10) for number in range(40)]
    async with peer(Peer(picky)) as there, side(tmp_path) as here:
        await here.begin(10)
        sender = here.sender(there.url, profile=here.own_profile(_SMALL))
        verdicts = await sender.send(offers)
        await sender.close()
    assert accepted(verdicts) == [number % 10 != 3 for number in range(40)]
    for n in range(10):
        numbers = [number_of(one) for path, one in there.taken if one.get("DeviceID") == camera(n)]
        assert numbers == sorted(numbers), "in order, whichever share it was in"


async def test_the_first_share_travels_while_the_next_is_made_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second share gets no serials before the platform has had a record of the first: one after another for all
    together it would never be."""
    first_there, shares = asyncio.Event(), 0
    take = SerialsInDatabase.take

    async def later(self: SerialsInDatabase, wanted: Sequence[Wanted]) -> Sequence[Issued]:
        nonlocal shares
        shares += 1
        if shares > 1:
            await first_there.wait()
        return await take(self, wanted)

    def told(objects: list[dict[str, Any]]) -> tuple[int, Any]:
        first_there.set()
        said = [{"Id": number_of(one), "StatusCode": 0} for one in objects]
        return 200, {"ResponseStatusListObject": {"ResponseStatusObject": said}}

    async with peer(Peer(told)) as there, side(tmp_path) as here, asyncio.timeout(30):
        await here.begin(8)
        sender = here.sender(there.url, profile=here.own_profile(_SMALL))
        await sender.session.online()
        first_there.clear()  # a directory was told in registering
        monkeypatch.setattr(SerialsInDatabase, "take", later)
        assert all(accepted(await sender.send([car(number, number) for number in range(8)])))
        await sender.close()
    assert shares == 2
