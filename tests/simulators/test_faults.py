"""Message faults keep their laws, and the uplink passes everything on, unless it is cut."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.faults import Faults, Uplink

SHARES = st.floats(0, 1)
SEEDS = st.integers(0, 2**32)


@given(SEEDS, SHARES, SHARES, st.integers(0, 200))
def test_without_drops_nothing_is_lost_and_nothing_invented(seed: int, twice: float, back: float, count: int) -> None:
    arrived = Counter(Faults(seed, duplicate=twice, reorder=back).apply(range(count)))
    assert arrived.keys() == set(range(count))
    assert set(arrived.values()) <= {1, 2}


@given(SEEDS, SHARES, st.integers(0, 200))
def test_drops_only_take_away(seed: int, share: float, count: int) -> None:
    arrived = list(Faults(seed, drop=share).apply(range(count)))
    assert arrived == sorted(set(arrived))


@given(SEEDS, st.integers(1, 20), st.integers(0, 200))
def test_a_message_is_passed_by_a_bounded_number(seed: int, depth: int, count: int) -> None:
    arrived = list(Faults(seed, reorder=0.7, depth=depth).apply(range(count)))
    assert sorted(arrived) == list(range(count))
    for place, message in enumerate(arrived):
        passed_by = sum(1 for other in arrived[:place] if other > message)
        assert passed_by <= depth


@given(SEEDS, SHARES, SHARES, SHARES)
def test_the_same_seed_gives_the_same_faults(seed: int, drop: float, twice: float, back: float) -> None:
    faults = Faults(seed, drop=drop, duplicate=twice, reorder=back)
    assert list(faults.apply(range(100))) == list(faults.apply(range(100)))


def test_no_faults_change_nothing() -> None:
    assert list(Faults(1).apply("gate")) == list("gate")
    assert list(Faults(1, drop=1).apply("gate")) == []
    with pytest.raises(ValueError, match="drop is a share"):
        Faults(1, drop=1.5)


async def test_the_async_form_gives_the_same() -> None:
    async def messages() -> AsyncIterator[int]:
        for number in range(100):
            yield number

    faults = Faults(3, drop=0.2, delay=0.1, duplicate=0.3, reorder=0.4, delay_s=0.001)
    assert [message async for message in faults.apply_async(messages())] == list(faults.apply(range(100)))


@pytest.fixture
async def echo() -> AsyncIterator[int]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65_536):
            writer.write(said)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


@pytest.fixture
async def uplink(echo: int) -> AsyncIterator[Uplink]:
    one = Uplink(echo)
    await one.start()
    yield one
    await one.stop()


async def said_back(uplink: Uplink, said: bytes, limit_s: float = 20.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", uplink.port)
    try:
        writer.write(said)
        return await asyncio.wait_for(reader.readexactly(len(said)), limit_s)
    finally:
        writer.close()


async def test_an_uplink_passes_everything_on(uplink: Uplink) -> None:
    said = bytes(range(256)) * 2_000
    assert await said_back(uplink, said) == said


async def test_an_uplink_that_is_slow_and_late_changes_nothing(uplink: Uplink) -> None:
    uplink.delay_s, uplink.bytes_per_s = 0.01, 2_000_000
    said = bytes(range(256)) * 200
    assert await said_back(uplink, said) == said


async def test_a_half_closed_connection_still_gets_its_answer(uplink: Uplink) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", uplink.port)
    writer.write(b"last words")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 20) == b"last words"
    writer.close()


async def test_a_cut_ends_live_connections_and_new_ones(uplink: Uplink) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", uplink.port)
    writer.write(b"x")
    assert await reader.readexactly(1) == b"x"
    uplink.cut()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await asyncio.wait_for(reader.readexactly(1), 20)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await said_back(uplink, b"x")
    uplink.restore()
    assert await said_back(uplink, b"again") == b"again"


async def test_a_silent_line_lets_nothing_through_until_it_is_restored(uplink: Uplink) -> None:
    uplink.cut("silence")
    waiting = asyncio.create_task(said_back(uplink, b"patience"))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.2)
    uplink.restore()
    assert await waiting == b"patience"


async def test_a_centre_that_is_not_there_ends_the_connection() -> None:
    uplink = Uplink(target_port=9)
    await uplink.start()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await said_back(uplink, b"x")
    await uplink.stop()
