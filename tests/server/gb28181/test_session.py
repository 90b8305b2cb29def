"""Registered, kept alive, renewed, begun again: against a platform that does each thing wrong in its turn."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from simulators.gb28181.faults import fault_named
from tests.rig import until
from tests.server.gb28181.rig import OURS, SERVER, Lower, joined, kept, offer, platform_of

BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])


@BOTH
@pytest.mark.parametrize("qop", [True, False])
async def test_it_registers_by_digest_and_is_alive(transport: str, qop: bool) -> None:
    async with platform_of(qop=qop) as platform, kept(Lower(platform, transport=transport)) as lower:
        await lower.online()
        first, second = platform.heard.registers
        assert first.first == f"REGISTER sip:{SERVER}@{SERVER[:10]} SIP/2.0"
        assert first.get("Call-ID") == second.get("Call-ID")
        assert [one.get("CSeq") for one in (first, second)] == ["1 REGISTER", "2 REGISTER"]
        assert f"sip:{OURS}@{SERVER[:10]}" in first.get("From") and f"sip:{OURS}@{SERVER[:10]}" in first.get("To")
        assert ("qop" in second.get("Authorization")) == qop
        assert len(platform.heard.of("Keepalive")) == 1
        assert lower.session.clock == "2026-11-22T16:10:00.000"
        assert not platform.heard.refused


@BOTH
async def test_who_stops_says_so(transport: str) -> None:
    async with platform_of() as platform:
        async with kept(Lower(platform, transport=transport)) as lower:
            await lower.online()
            assert OURS in platform.registered
        assert platform.registered == {}
        assert platform.heard.registers[-1].get("Expires") == "0"


async def test_it_renews_in_time_with_the_same_call_id() -> None:
    async with platform_of(expires_s=1) as platform, kept(Lower(platform)) as lower:
        await lower.online()
        await until(lambda: len(platform.heard.registers) >= 4)
        assert len({one.get("Call-ID") for one in platform.heard.registers}) == 1
        numbers = [int(one.get("CSeq").split()[0]) for one in platform.heard.registers]
        assert numbers == sorted(set(numbers))
        assert [bool(one.get("Authorization")) for one in platform.heard.registers][:4] == [False, True, False, False]


async def test_a_platform_that_wants_to_be_answered_at_each_renewal_is() -> None:
    async with platform_of(expires_s=1, challenges_refresh=True) as platform, kept(Lower(platform)) as lower:
        await lower.online()
        await until(lambda: len(platform.heard.registers) >= 4)
        assert [bool(one.get("Authorization")) for one in platform.heard.registers][:4] == [False, True, False, True]
        assert lower.session.is_online


async def test_a_wrong_password_is_said_and_not_tried_often() -> None:
    async with platform_of() as platform, kept(Lower(platform, "another word", slow_s=30.0)) as lower:
        await until(lambda: "password" in lower.session.why)
        tried = len(platform.heard.registers)
        await asyncio.sleep(0.3)  # many of the pauses after which an ill platform is tried again
        assert len(platform.heard.registers) == tried
        assert not lower.session.is_online


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_what_a_person_must_mend_is_said(status: int) -> None:
    async with platform_of() as platform:
        platform.faults.coming.append(fault_named(f"{status}:REGISTER"))
        async with kept(Lower(platform)) as lower:
            await until(lambda: lower.session.why != "not registered yet")
            assert ("code" if status == 404 else "challenge" if status == 401 else "password") in lower.session.why
            await lower.online()  # the next time it was well


@BOTH
@pytest.mark.parametrize("status", [401, 403, 404, 481])
async def test_a_platform_that_forgot_us_is_registered_at_again(transport: str, status: int) -> None:
    async with platform_of(unknown=status) as platform, kept(Lower(platform, transport=transport)) as lower:
        await lower.online()
        platform.registered.clear()
        sent = await lower.sender.send([offer(1)])
        assert "Again" in repr(sent)
        await until(lambda: OURS in platform.registered)
        await lower.online()
        assert repr(await lower.sender.send([offer(1)])) == "[Accepted()]"


async def test_a_keep_alive_that_is_not_known_registers_again() -> None:
    """No alarm is needed to find it out."""
    async with platform_of() as platform, kept(Lower(platform, keepalive_s=0.2)) as lower:
        await lower.online()
        platform.faults.coming.append(fault_named("forget:Keepalive"))
        await until(lambda: len(platform.heard.registers) >= 4)
        await lower.online()


async def test_lost_keep_alives_are_the_end_and_the_beginning() -> None:
    async with platform_of() as platform, kept(Lower(platform, keepalive_s=0.1)) as lower:
        await lower.online()
        platform.is_deaf = True
        await until(lambda: not lower.session.is_online)
        assert "3 keep-alives lost" in lower.session.why
        platform.is_deaf = False
        await lower.online()


async def test_one_lost_packet_is_nothing() -> None:
    async with platform_of() as platform:
        platform.faults.coming += map(fault_named, ("drop:REGISTER", "lose:REGISTER", "drop:Keepalive"))
        async with kept(Lower(platform)) as lower:
            await lower.online()
            assert lower.session.why == "not registered yet", "nothing went wrong that anybody had to be told"


async def test_a_register_whose_answer_is_lost_is_the_same_register() -> None:
    async with platform_of() as platform:
        platform.faults.coming.append(fault_named("lose:REGISTERx3"))
        async with kept(Lower(platform)) as lower:
            await lower.online()
            assert len(platform.heard.registers) == 2


@BOTH
async def test_a_platform_that_sends_us_to_another_node(transport: str) -> None:
    async with platform_of() as other, platform_of(elsewhere=f"127.0.0.1:{other.port}") as first:
        first.faults.coming.append(fault_named("redirect:REGISTER"))
        async with kept(Lower(first, transport=transport)) as lower:
            await lower.online()
            assert OURS in other.registered and OURS not in first.registered
            # That node ends: back to the one that is configured.
            await other.stop()
            other.is_deaf = True
            lower.session._is_forgotten = True
            lower.session._bell.set()
            await until(lambda: OURS in first.registered)


async def test_redirects_in_a_ring_come_to_an_end() -> None:
    async with platform_of() as platform:
        platform.habits.elsewhere = f"127.0.0.1:{platform.port}"
        platform.faults.coming.append(fault_named("redirect:REGISTERx4"))
        async with kept(Lower(platform)) as lower:
            await until(lambda: "redirected more than" in lower.session.why)
            await lower.online()


async def test_a_connection_that_is_cut_is_made_anew() -> None:
    async with joined("tcp") as (platform, lower):
        platform._wire.cut()
        await until(lambda: not lower.session.is_online)
        await lower.online()


async def test_a_platform_that_is_not_there_is_waited_for() -> None:
    async with platform_of() as platform:
        await platform.stop()
        for transport in ("udp", "tcp"):
            async with kept(Lower(platform, transport=transport)) as lower:
                await until(lambda lower=lower: lower.session.why != "not registered yet")
                assert not lower.session.is_online


async def test_nobody_else_is_heard() -> None:
    async with joined() as (platform, _):
        packet = await platform.ask(OURS, "MESSAGE", [], b"", who="33010600002000000009")
        assert packet.status == 403


async def test_what_is_stopped_while_it_registers_stops() -> None:
    async with platform_of() as platform:
        platform.is_deaf = True
        keeping = asyncio.create_task(Lower(platform).sender.keep())
        await asyncio.sleep(0.1)
        keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(keeping, 5)
        assert keeping.cancelled()
