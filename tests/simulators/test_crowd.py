"""The crowd: which families there are, how a fact is found again, and what is said where no agent is."""

from __future__ import annotations

import tomllib
from collections import Counter
from typing import Any

from typer.testing import CliRunner

from simulators.broker import free_port
from simulators.cli import app
from simulators.crowd.crowd import Crowd
from simulators.crowd.families import COUNTS, OTHERS, make_crowd, other_families
from simulators.crowd.member import Gateway, Signs
from simulators.crowd.tally import reconcile
from simulators.devices import osdp
from simulators.site import Site


def plate(crowd: Crowd, text: str) -> dict[str, Any]:
    return {"kind": "plate", "device": crowd.members[0].device, "subject": {"type": "plate", "id": text}}


def test_what_is_lost_doubled_or_never_said_is_counted_apart() -> None:
    crowd = make_crowd({"vzenith-mqtt": 1})
    crowd.said.marks[crowd.members[0].device] = Counter(["粤B00001", "粤B00002"])
    both = [plate(crowd, "粤B00001"), plate(crowd, "粤B00002")]
    for events, lost, more in (
        (both, 0, 0),
        (both[:1], 1, 0),
        ([*both, both[0]], 0, 1),
        ([*both, plate(crowd, "x")], 0, 1),
    ):
        tally = reconcile(crowd, events)["vzenith-mqtt"]
        assert (tally.devices, tally.said, tally.lost, tally.more) == (1, 2, lost, more)


def test_what_the_gateway_decided_is_no_fact_of_the_device() -> None:
    crowd = make_crowd({"esp-rfid": 1})
    event = {"kind": "access", "device": crowd.members[0].device, "subject": {"type": "card", "id": "00c0ffee"}}
    assert crowd.members[0].mark(event) == "00c0ffee"
    assert crowd.members[0].mark({**event, "ext": {"decided_by": "gateway"}}) is None


def test_no_two_signs_are_the_same() -> None:
    signs = Signs(1, b"\xff\xd8\xff\xd9")
    assert len({signs.plate() for _ in range(1_000)}) == 1_000
    assert signs.picture() != signs.picture()
    assert all(len(signs.plate()) == 7 for _ in range(10))


def test_the_whole_list_can_be_written_before_a_device_runs() -> None:
    shown = CliRunner().invoke(app, ["devices", "--families", "all", "--first-port", "18200"])
    rows = tomllib.loads(shown.output)["devices"]
    assert rows == [*Site.devices(), *other_families(18_200).rows]
    asked = [row["address"] for row in rows if ":182" in row.get("address", "")]
    assert asked == [f"{how}127.0.0.1:{18_200 + place}" for place, how in enumerate(("http://",) * 3 + ("", "tcp://"))]
    assert OTHERS | {"vzenith-mqtt", "uhppoted-mqtt", "zigbee2mqtt", "frigate", "osdp"} == set(COUNTS)


async def test_without_an_agent_it_is_said_who_does_not_reach_it() -> None:
    crowd = make_crowd({"gb26875": 1})
    nobody = Gateway(free_port(), free_port(), free_port(), free_port())
    try:
        await crowd.join(nobody)
    except Exception as error:  # noqa: BLE001 - which one is what is asked
        assert (type(error).__name__, "gb26875:" in str(error)) == ("NotMet", True)
    else:
        raise AssertionError("nobody is there")


def test_a_card_of_26_bits_is_as_the_reader_writes_it() -> None:
    """The vector of tests/fixtures/devices/osdp: facility 171, number 21540."""
    assert osdp.w26(171, 21_540).hex() == "d5aa1200"
