"""Desired state at the gateway: all or nothing, in force again after a restart, never an older version."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.desired import Document
from edge.config import Device
from edge.control.desired import devices_in_force
from eventlog.log import LogBroken
from tests.domain.test_desired import GOOD
from tests.edge.control_bench import CARD, DEVICES, ControlBench, control_bench, credentials

BAD: dict[str, dict[str, Any]] = {kind: {"nonsense": 1} for kind in GOOD}


async def test_an_answer_is_applied_and_survives_a_restart(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        assert await here.wish(3, devices=DEVICES, credentials=credentials(CARD))
        assert here.desired.in_force.versions == {"devices": 3, "credentials": 3}
    async with control_bench(tmp_path) as again:
        assert again.desired.in_force.versions == {"devices": 3, "credentials": 3}
        assert again.desired.in_force.cards.version == 3
        again.swipe(CARD)
        assert len(again.requests()) == 1, "the card list is in force before the uplink is there"


async def test_a_complexes_own_rules_of_alerts_are_known_here(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        assert here.desired.in_force.alert_rules is None
        assert await here.wish(1, alert_rules=GOOD["alert_rules"])
    async with control_bench(tmp_path) as again:
        rules = again.desired.in_force.alert_rules
        assert rules is not None and {rule.id for rule in rules.known.rules} >= {"in_by_night", "door_forced"}


async def test_one_bad_document_refuses_the_whole_answer_and_is_named(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, credentials=credentials(CARD))
        assert not await here.wish(2, credentials=credentials(), devices={"devices": [{"id": ""}]})
        assert here.desired.in_force.versions == {"credentials": 1}
        assert [(bad.kind, bad.version) for bad in here.desired.refused.values()] == [("devices", 2)]
        assert "devices[0].id" in here.desired.refused["devices"].reason
        assert here.desired.known == {"credentials": 1, "devices": 2}, "it need not be sent again"
        assert await here.wish(2, credentials=credentials()), "without the bad one the rest is taken"
        assert await here.wish(3, devices=DEVICES)
        assert here.desired.refused == {}


async def test_an_older_version_changes_nothing(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(5, credentials=credentials())
        assert await here.wish(4, credentials=credentials(CARD))
        assert here.desired.in_force.versions == {"credentials": 5}
        here.swipe(CARD)


async def test_a_log_that_does_not_take_it_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, credentials=credentials(CARD))

        async def breaks(*_: object) -> None:
            raise LogBroken("no space left")

        monkeypatch.setattr(here.store, "write", breaks)
        with pytest.raises(LogBroken):
            await here.wish(2, credentials=credentials())
        assert here.desired.in_force.versions == {"credentials": 1}


async def test_the_list_of_the_centre_replaces_the_one_of_the_settings(tmp_path: Path) -> None:
    mine = [Device("uhppoted:1")]
    async with control_bench(tmp_path) as here:
        assert await devices_in_force(here.store, mine) == mine
        await here.wish(1, devices=DEVICES)
        assert [entry["place"] for entry in here.devices.described()] == ["3 号楼"]
        assert [device.place for device in await devices_in_force(here.store, mine)] == ["3 号楼"]


async def test_what_this_program_cannot_read_any_more_is_refused_not_fatal(tmp_path: Path) -> None:
    async with control_bench(tmp_path) as here:
        await here.wish(1, credentials=credentials(CARD), policy={})
    with sqlite3.connect(tmp_path / "log.db") as db:
        db.execute("UPDATE desired SET body = ? WHERE kind = 'credentials'", (b'{"cards": [], "hours": []}',))
    async with control_bench(tmp_path) as again:
        assert again.desired.in_force.versions == {"policy": 1}
        assert "unknown field `hours`" in again.desired.refused["credentials"].reason


kinds = st.sampled_from(sorted(set(GOOD) - {"release"}))  # a release must be signed: test_release_signature.py


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(answers=st.lists(st.dictionaries(kinds, st.booleans(), max_size=4), min_size=1, max_size=4))
async def test_law_an_answer_is_applied_whole_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, answers: list[dict[str, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("law")
    expected: dict[str, int] = {}
    async with control_bench(folder) as here:
        for version, answer in enumerate(answers, start=1):
            await _hand(here, version, answer)
            if all(answer.values()):
                expected.update(dict.fromkeys(answer, version))
            assert here.desired.in_force.versions == expected
    async with control_bench(folder) as again:
        assert again.desired.in_force.versions == expected


async def _hand(here: ControlBench, version: int, answer: dict[str, bool]) -> None:
    bodies = {kind: (GOOD if good else BAD)[kind] for kind, good in answer.items()}
    await here.desired.apply([Document(kind, version, body) for kind, body in bodies.items()])
