"""Alarms go up, each waits for its 200, and whatever happens on the way each arrives once by its number, in order."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.events import Subject
from domain.gb28181 import said
from domain.gb28181.catalogue import Item
from domain.gb28181.xml import written
from server.feeds.gb28181.sender import Gb28181Sender
from server.feeds.gb28181.settings import Named
from server.feeds.sender import Accepted, Again, Offer, Refused, Verdict
from simulators.gb28181.faults import Fault, fault_named
from tests.rig import until
from tests.server.gb28181.rig import (
    DOOR,
    OURS,
    SMOKE,
    Lower,
    expected,
    handed_over,
    joined,
    kept,
    offer,
    platform_of,
)

BOTH = pytest.mark.parametrize("transport", ["udp", "tcp"])
# Of a datagram six are sent before it is given up; over a connection one.
OFTEN = {"udp": "x8", "tcp": "x2"}
FAULTS = ["drop:Alarm", "lose:Alarm", "lose:Alarm*", "drop:Alarm*", "503:Alarmx3", "500:Alarm", "403:Alarm"]
FAULTS += ["481:Alarm", "forget:Alarm"]


@BOTH
async def test_an_alarm_is_accepted_by_its_200(transport: str) -> None:
    async with joined(transport) as (platform, lower):
        offers = [offer(number) for number in range(20)]
        assert list(await lower.sender.send(offers)) == [Accepted()] * 20
        assert platform.heard.order == expected(offers)
        body = platform.heard.alarms[expected(offers)[0]]
        for said_there in ("<AlarmPriority>2<", "<AlarmTime>2026-11-22T16:10:00<", "强行开门 1号楼单元门"):
            assert said_there in body
        assert platform.heard.repeats == 0 and not platform.heard.refused


@BOTH
@pytest.mark.parametrize("fault", FAULTS)
async def test_through_every_fault_each_arrives_once_and_in_order(transport: str, fault: str) -> None:
    async with joined(transport) as (platform, lower):
        platform.faults.coming.append(fault_named(fault.replace("*", OFTEN[transport])))
        offers = [offer(number) for number in range(6)]
        settled = await handed_over(lower, offers)
        assert set(settled.values()) == {Accepted()}
        assert platform.heard.order == expected(offers)


@settings(max_examples=12, deadline=None)
@given(faults=st.lists(st.sampled_from(["drop", "lose", "503", "403", "forget"]), max_size=6))
async def test_through_any_faults_in_any_order(faults: list[str]) -> None:
    async with joined() as (platform, lower):
        platform.faults.coming += [fault_named(f"{what}:Alarmx2") for what in faults]
        offers = [offer(number) for number in range(5)]
        assert set((await handed_over(lower, offers)).values()) == {Accepted()}
        assert platform.heard.order == expected(offers)


async def test_the_control_a_new_number_at_each_attempt_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = itertools.count(1)
    monkeypatch.setattr(said, "alarm_sn", lambda identity: next(numbers))
    async with joined() as (platform, lower):
        platform.faults.coming.append(fault_named("lose:Alarmx8"))
        await handed_over(lower, [offer(1)])
        assert len(platform.heard.alarms) > 1


async def test_the_control_a_word_before_the_200_is_found_out() -> None:
    """A sender that says Accepted when it has sent: what the platform never took is lost."""

    class Hasty(Gb28181Sender):
        async def send(self, offers: Sequence[Offer]) -> Sequence[Verdict]:
            await super().send(offers)
            return [Accepted()] * len(offers)

    async with joined() as (platform, lower):
        platform.faults.coming.append(fault_named("503:Alarm"))
        lower.sender = Hasty(lower.session, lower.directory)
        offers = [offer(number) for number in range(3)]
        await handed_over(lower, offers)
        assert platform.heard.order != expected(offers)


async def test_over_an_outage_of_the_platform_nothing_is_lost() -> None:
    async with joined() as (platform, lower):
        offers = [offer(number) for number in range(30)]
        await lower.sender.send(offers[:10])
        platform.is_deaf = True
        platform.registered.clear()
        assert all(isinstance(one, Again) for one in await lower.sender.send(offers[10:]))
        platform.is_deaf = False
        settled = await handed_over(lower, offers[10:])
        assert set(settled.values()) == {Accepted()}
        assert platform.heard.order == expected(offers)


async def test_while_offline_all_wait_and_are_told_why() -> None:
    async with platform_of() as platform:
        lower = Lower(platform)
        (verdict,) = await lower.sender.send([offer(1)])
        assert verdict == Again("offline: not registered yet")
        assert platform.heard.packets.total() == 0


async def test_before_the_first_keep_alive_no_alarm_goes() -> None:
    """Some platforms drop the alarms of whom they think offline."""
    async with platform_of() as platform:
        platform.faults.coming.append(fault_named("drop:Keepalivex40"))
        async with kept(Lower(platform)) as lower:
            await until(lambda: OURS in platform.registered)
            assert isinstance((await lower.sender.send([offer(1)]))[0], Again)
            assert not platform.heard.alarms


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"kind": "access", "state": None, "result": "granted"}, "no alarm"),
    ({"kind": "alarm", "alarm": "fire", "state": "cleared"}, "no alarm"),
    ({"device": "uhppoted:9"}, "no code for uhppoted:9 door/1: add it to the platform's items"),
    ({"point": "door/2"}, "no code for uhppoted:1 door/2"),
]


@pytest.mark.parametrize(("fields", "reason"), REFUSED)
async def test_what_cannot_go_is_refused_with_what_to_do(fields: dict[str, Any], reason: str) -> None:
    async with joined() as (platform, lower):
        verdict, after = await lower.sender.send([offer(1, **fields), offer(2)])
        assert isinstance(verdict, Refused) and reason in verdict.reason
        assert after == Accepted(), "it stands before nothing"
        assert len(platform.heard.alarms) == 1


SAID = [(400, Refused), (413, Refused), (488, Refused), (503, Again), (408, Again), (403, Again)]


@pytest.mark.parametrize(("status", "kind"), SAID)
async def test_what_the_platform_says_of_one(status: int, kind: type) -> None:
    async with joined() as (platform, lower):
        platform.faults.coming.append(Fault("status", "Alarm", 1, status))
        (verdict,) = await lower.sender.send([offer(1)])
        assert isinstance(verdict, kind) and str(status) in repr(verdict)


async def test_one_device_waits_for_itself_only() -> None:
    async with joined() as (platform, lower):
        platform.faults.coming.append(fault_named("503:Alarm"))
        smoky = {"kind": "alarm", "alarm": "smoke", "state": "active", "device": "zigbee2mqtt:smoke", "point": None}
        smoke = [offer(10 + number, **smoky) for number in range(2)]
        verdicts = await lower.sender.send([offer(1), offer(2), *smoke])
        assert [type(one).__name__ for one in verdicts] == ["Again", "Again", "Accepted", "Accepted"]
        assert platform.heard.order == expected(smoke, SMOKE)


async def test_nothing_of_a_person_goes_up() -> None:
    async with joined() as (platform, lower):
        somebody = Subject(type="card", id="8112345", name="李四", person_id="P77")
        await lower.sender.send([offer(1, subject=somebody, text="李四 13800000000", method="card")])
        (body,) = platform.heard.alarms.values()
        assert not [word for word in ("李四", "8112345", "P77", "138000") if word in body]


@given(name=st.text(min_size=1, max_size=60), encoding=st.sampled_from(["GB2312", "GB18030", "UTF-8"]))
@example(name='"' * 60, encoding="GB2312")
@example(name="\U00020bb7" * 60, encoding="GB2312")
@example(name="翠园小区东门" * 10, encoding="UTF-8")
@settings(max_examples=15, deadline=None)
async def test_no_datagram_is_larger_than_one_packet(name: str, encoding: Any) -> None:
    assert await largest_of(name, encoding) <= 1_300


async def test_a_body_that_is_not_fitted_is_larger(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr("server.feeds.gb28181.endpoint.fitted", lambda root, encoding, _room: written(root, encoding))
    assert await largest_of("翠园小区东门" * 10, "UTF-8") > 1_300


async def largest_of(name: str, encoding: Any) -> int:
    """The largest datagram that tells an alarm and the catalogue of a device whose every word is that name."""
    long = Item(
        code=DOOR, name=name, address=name, manufacturer=name[:30], model=name[:30], longitude=-180, latitude=-90
    )
    named = [Named(item=long, complex="garden", device="uhppoted:1")]
    async with joined(items=named, encoding=encoding) as (platform, lower):
        assert (await lower.sender.send([offer(1)]))[0] == Accepted()
        await platform.query(OURS, "Catalog")
        await until(lambda: platform.heard.of("Catalog"))
        assert not platform.heard.refused
        return platform.heard.largest
