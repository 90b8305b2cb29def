"""A device of each family at one agent, over its own transport: each fact it said is at the centre, and once."""

from __future__ import annotations

from pathlib import Path

from simulators.broker import NatsBroker
from simulators.crowd.crowd import Crowd, Pace
from simulators.crowd.families import COUNTS, make_crowd
from simulators.crowd.tally import Tally, reconcile
from simulators.devices import osdp
from tests.centre_sql import on_sqlite
from tests.crowd_rig import met
from tests.made import adopt
from tests.rig import Rig, until

SECONDS, FACTS_PER_S = 3.0, 15.0


async def test_every_fact_of_every_family_is_at_the_centre_once(tmp_path: Path) -> None:
    crowd = make_crowd(dict.fromkeys(COUNTS, 1))
    here = Rig(tmp_path, NatsBroker())
    try:
        here.broker.start()
        await adopt(here)
        await here.start_server()
        here.write_edge_settings(here.url)
        async with met(here, crowd):
            natures = ("door", "plate", "camera", "sensor")
            await crowd.play(SECONDS, Pace(dict.fromkeys(natures, FACTS_PER_S), hurry=10))
            await until(lambda: not crowd.owed and not _missing(here, crowd), 20.0, 0.3)
            found = _tallies(here, crowd)
    finally:
        here.stop_all()
    assert set(found) == set(COUNTS) - ({"osdp"} if not osdp.is_here() else set[str]())
    assert {name: tally for name, tally in found.items() if tally.lost or tally.more or not tally.said} == {}
    assert (crowd.said.failures, crowd.said.why) == ({}, [])
    assert on_sqlite(tmp_path / "gateway" / "data" / "log.db", "SELECT reason, detail FROM parked") == []
    _shows_what_is_wrong(here, crowd)


def _shows_what_is_wrong(here: Rig, crowd: Crowd) -> None:
    """The positive control: one fact of each family fewer, or one twice, is seen at that family."""
    events = [event for _, event in here.centre_events()]
    for member in crowd.members:
        mine = next(event for event in events if event["device"] == member.device and member.mark(event))
        fewer = [event for event in events if event is not mine]
        assert reconcile(crowd, fewer)[member.family].lost == 1
        assert reconcile(crowd, [*events, mine])[member.family].more == 1


def _tallies(here: Rig, crowd: Crowd) -> dict[str, Tally]:
    return reconcile(crowd, (event for _, event in here.centre_events()))


def _missing(here: Rig, crowd: Crowd) -> int:
    return sum(tally.lost for tally in _tallies(here, crowd).values())
