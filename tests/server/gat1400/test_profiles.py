"""All seven kinds of servers, with everything going wrong: each record arrives once by its id, in order per device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from domain.ids import derive
from domain.viid.ids import parse
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.gat1400.session import NotNow
from server.feeds.sender import Accepted, Offer, Verdict
from simulators.upper.faults import FAULTS, Faults
from simulators.upper.platform import UpperPlatform
from simulators.upper.profiles import PROFILES
from tests.server.gat1400.centre_side import Side, Worker, camera, car, side

CAMERAS, EACH = 4, 30
FAST = 'extends = "{base}"\n[peer]\ntimeout_s = 1\ntime_method = "{time}"\ndirectory = false\n'


def offers() -> list[Offer]:
    return [car(number, number % CAMERAS) for number in range(CAMERAS * EACH)]


def profile_for(one: Side, theirs: str) -> str:
    base, time = ("lax" if theirs == "lax" else "standard"), ("POST" if theirs == "go" else "GET")
    return one.own_profile(FAST.format(base=base, time=time))


def numbers_in_order(platform: UpperPlatform) -> dict[str, list[str]]:
    return {device: ids for device, ids in platform.kept.order().items() if device.startswith("3301060001119")}


def check(platform: UpperPlatform, sent: list[Offer]) -> None:
    """Once by its id, in order per device: by the seconds and serials in the ids."""
    order = numbers_in_order(platform)
    assert {device: len(ids) for device, ids in order.items()} == {camera(n): EACH for n in range(CAMERAS)}
    for ids in order.values():
        keys = [(parse(one).at, parse(parse(one).image).serial) for one in ids]
        assert keys == sorted(keys) and len(set(ids)) == len(ids)
    assert platform.kept.counts().differing == 0
    assert platform.kept.counts().unread == 0
    assert len(sent) == CAMERAS * EACH


@pytest.mark.parametrize("theirs", PROFILES)
async def test_each_record_once_in_order_whatever_goes_wrong(tmp_path: Path, theirs: str) -> None:
    among = [fault for fault in FAULTS if fault != "hang"]
    platform = UpperPlatform(theirs, faults=Faults(seed=7, share=0.3, among=among))
    await platform.start()
    sent = offers()
    async with side(tmp_path) as one:
        sender = one.sender(platform.url, platform.password, profile_for(one, theirs))
        worker = Worker(sent)
        await worker.until_done(sender, one)
        await sender.close()
    await platform.stop()
    assert all(isinstance(verdict, Accepted) for verdict in worker.settled.values())
    check(platform, sent)
    assert sum(count for name, count in platform.kept.requests.items() if name.startswith("fault")) > 5


@pytest.mark.parametrize("theirs", PROFILES)
async def test_a_hanging_answer_a_restart_of_theirs_and_one_of_ours(tmp_path: Path, theirs: str) -> None:
    platform = UpperPlatform(theirs, hang_s=5)
    await platform.start()
    sent = offers()
    async with side(tmp_path) as one:
        own = profile_for(one, theirs)
        worker = Worker(sent, at_once=20)
        sender = one.sender(platform.url, platform.password, own)
        platform.faults.coming.extend(["hang", None, "lost"])
        for _ in range(2):
            await worker.turn(sender)
            one.clock_s += 4_000
        await platform.stop()
        waiting = len(worker.waiting)
        await worker.turn(sender)
        assert len(worker.waiting) == waiting
        await platform.start()
        await sender.close()
        again = one.sender(platform.url, platform.password, own)
        await worker.until_done(again, one)
        await again.close()
    await platform.stop()
    check(platform, sent)


class Hasty(Worker):
    """The broken variant: it settles what it sends before it has the answer."""

    async def turn(self, sender: Gat1400Sender) -> Sequence[Verdict]:
        now = self.waiting[:40]
        self.settle(now, [Accepted()] * len(now))
        return await sender.send(now)


async def test_the_control_who_settles_before_the_answer_is_caught(tmp_path: Path) -> None:
    platform = UpperPlatform("strict", faults=Faults(seed=7, share=0.3, among=["503", "drop", "busy"]))
    await platform.start()
    async with side(tmp_path) as one:
        sender = one.sender(platform.url, platform.password, profile_for(one, "strict"))
        await Hasty(offers()).until_done(sender, one)
        await sender.close()
    await platform.stop()
    with pytest.raises(AssertionError):
        check(platform, offers())


async def test_the_control_who_forgets_numbers_is_caught(tmp_path: Path) -> None:
    """A client that numbers a record anew at its next attempt hands it over twice."""
    platform = UpperPlatform("hour")
    await platform.start()
    async with side(tmp_path) as one:
        own = profile_for(one, "hour")
        for _ in range(2):
            sender = one.sender(platform.url, platform.password, own)
            await Worker(offers()).until_done(sender, one)
            await sender.close()
        check(platform, offers())  # kept numbers: the same records again, and no more of them
        sender = one.sender(platform.url, platform.password, own)
        await Worker(nameless(offers())).until_done(sender, one)
        await sender.close()
    await platform.stop()
    with pytest.raises(AssertionError):
        check(platform, offers())


def nameless(sent: Sequence[Offer]) -> list[Offer]:
    """The same records under other names: as if nobody had kept what they were called."""
    return [replace(one, id=derive("anew", one.id.hex())) for one in sent]


async def test_a_wrong_password_is_not_tried_again_and_again(tmp_path: Path) -> None:
    platform = UpperPlatform("strict")
    await platform.start()
    async with side(tmp_path) as one:
        sender = one.sender(platform.url, "wrong", profile_for(one, "strict"))
        worker = Worker(offers())
        for _ in range(20):
            await worker.turn(sender)
            one.clock_s += 10
        registers = platform.kept.requests["POST /VIID/System/Register"]
        assert sender.session.state == "not_known"
        with pytest.raises(NotNow, match="password"):
            await sender.session.online()
        await sender.close()
    await platform.stop()
    assert len(worker.waiting) == CAMERAS * EACH
    assert registers == 2  # the question, and one answer to it
