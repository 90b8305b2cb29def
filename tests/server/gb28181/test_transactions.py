"""Requests are sent again until answered or given up; theirs that come again get the same answer, and are done once."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.feeds.gb28181.sip import Request, Response
from server.feeds.gb28181.transactions import NoAnswer, OurRequests, TheirRequests, Timers, pauses

RFC = Timers()
VIA = ("Via", "SIP/2.0/UDP a;branch=z9hG4bK1")


def request(branch: str = "1", number: int = 1) -> Request:
    via = ("Via", f"SIP/2.0/UDP a;branch=z9hG4bK{branch}")
    return Request([via, ("Call-ID", "c"), ("CSeq", f"{number} MESSAGE")], method="MESSAGE", uri="sip:a@b")


def answer(status: int = 200, branch: str = "1") -> Response:
    return Response([("Via", f"SIP/2.0/UDP a;branch=z9hG4bK{branch}"), ("CSeq", "1 MESSAGE")], status=status)


def test_the_waits_of_the_rfc() -> None:
    assert list(pauses(RFC, is_reliable=False)) == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0, 0.5]
    assert list(pauses(RFC, is_reliable=True)) == [32.0]


@given(st.floats(0.01, 5), st.floats(0.01, 10), st.floats(0.1, 60), st.booleans())
def test_the_waits_are_together_as_long_as_an_answer_is_waited_for(
    first: float, longest: float, give_up: float, reliable: bool
) -> None:
    waits = list(pauses(Timers(first, longest, give_up), is_reliable=reliable))
    assert sum(waits) == pytest.approx(give_up)
    assert all(wait > 0 for wait in waits) and max(waits[1:], default=0) <= max(first, longest) + 1e-9


async def test_it_is_sent_again_until_it_is_answered_and_each_time_the_same() -> None:
    sent: list[bytes] = []
    ours = OurRequests(Timers(0.01, 0.02, 5), sent.append, is_reliable=False)
    asking = asyncio.create_task(ours.ask(request()))
    async with asyncio.timeout(5):
        while len(sent) < 4:
            await asyncio.sleep(0.005)
    assert not ours.take(answer(100)) and not ours.take(answer(branch="other"))
    assert ours.take(answer())
    assert (await asking).is_ok
    assert len(set(sent)) == 1
    assert not ours.take(answer()), "a repeat is nobody's"


async def test_it_is_given_up() -> None:
    sent: list[bytes] = []
    with pytest.raises(NoAnswer):
        await OurRequests(Timers(0.01, 0.01, 0.05), sent.append, is_reliable=False).ask(request())
    assert len(sent) > 1


async def test_over_a_connection_it_is_sent_once() -> None:
    sent: list[bytes] = []
    with pytest.raises(NoAnswer):
        await OurRequests(Timers(0.01, 0.01, 0.05), sent.append, is_reliable=True).ask(request())
    assert len(sent) == 1


async def test_who_waits_is_told_when_the_line_is_gone() -> None:
    ours = OurRequests(RFC, lambda _: None, is_reliable=True)
    asking = asyncio.create_task(ours.ask(request()))
    await asyncio.sleep(0)
    ours.fail(ConnectionError("gone"))
    with pytest.raises(ConnectionError):
        await asking


def test_a_request_of_theirs_is_known_again_for_a_while() -> None:
    clock = [0.0]
    theirs = TheirRequests(lambda: clock[0], keep_s=32, most=3)
    theirs.note(request(), b"200")
    assert theirs.answered(request()) == b"200"
    assert theirs.answered(request(number=2)) is None, "the same branch for every request is met"
    clock[0] = 33
    assert theirs.answered(request()) is None
    for number in range(5):
        theirs.note(request(number=number), b"x")
    assert [theirs.answered(request(number=number)) is not None for number in range(5)] == [
        False,
        False,
        True,
        True,
        True,
    ]
