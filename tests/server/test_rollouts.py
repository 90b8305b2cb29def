"""Stages of a rollout: it goes on while all is well, and stops by itself at the first stage that is not."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from domain.desired_bodies import Release
from server.audit import Actor
from server.rollouts import NotPossible, Rollouts
from server.store import desired_rows, rollout_rows, schema
from server.store.engine import Database, stamp
from server.store.rollout_rows import Care
from tests.server.engines import Engine, open_database

NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)
COUNT = 150
WANG, LI = (Actor(name, "operator", 1) for name in ("wang", "li"))
CARE = Care(health_s=60, silent_s=120, most_failed=1)
KEY = Ed25519PrivateKey.generate()


def release(version: str = "0.2.0") -> dict[str, Any]:
    unsigned = Release(version, "https://packages.example.invalid/x.deb", "0" * 64, 9, "A" * 86 + "==")
    signature = base64.b64encode(KEY.sign(unsigned.signed)).decode()
    return msgspec.to_builtins(msgspec.structs.replace(unsigned, signature=signature))


class City:
    """Complexes with a gateway each; ``behave`` says what a gateway does with a release that it is sent."""

    def __init__(self, db: Database) -> None:
        self.db, self.now, self.kind = db, NOW, "release"
        self.rollouts = Rollouts(db, lambda: self.now)

    async def fill(self) -> None:
        names = [f"c{number:03}" for number in range(COUNT)]
        async with self.db.write() as connection:
            places = [{"id": name, "name": name, "timezone": "Asia/Shanghai"} for name in names]
            await connection.execute(schema.complex_.insert(), places)
            blank = {"public_key": {}, "enrolled_at": stamp(NOW), "last_seen_at": stamp(NOW)}
            await connection.execute(
                schema.gateway.insert(), [{"id": f"gw-{name}", "complex": name, **blank} for name in names]
            )
            health = {"at": stamp(NOW), "version": "0.1.0", "trouble": 0}
            rows = [{"gateway": f"gw-{name}", **health} for name in names]
            await connection.execute(schema.gateway_health.insert(), rows)

    async def pass_(self, seconds: float, behave: Callable[[str, str], str]) -> None:
        """Time goes by: gateways act on what they were sent, and the rollout looks."""
        self.now += timedelta(seconds=seconds)
        async with self.db.write() as connection:
            for row in (await connection.execute(schema.rollout_target.select())).all():
                if row.version is not None:
                    await self._act(connection, row.complex, row.version, behave)
            seen = schema.gateway.update().where(schema.gateway.c.last_seen_at > stamp(NOW - timedelta(days=1)))
            await connection.execute(seen.values(last_seen_at=stamp(self.now)))
        await self.rollouts.look()

    async def _act(self, connection: Any, complex_id: str, version: int, behave: Callable[[str, str], str]) -> None:
        gateway = f"gw-{complex_id}"
        before = (await desired_rows.reported(connection, [gateway])).get(gateway, {})
        applied = desired_rows.changes(gateway, before, {self.kind: version}, [], self.now)
        if applied:
            await desired_rows.save(connection, applied)
        runs = behave(complex_id, "0.2.0")
        returned = None if runs == "0.2.0" else "returned from 0.2.0 to 0.1.0: not ready"
        of = schema.gateway_health.update().where(schema.gateway_health.c.gateway == gateway)
        await connection.execute(of.values(version=runs, returned=returned))

    async def begin(self) -> str:
        async with self.db.read() as connection:
            names = list((await connection.execute(schema.complex_.select())).scalars())
        return await self.rollouts.begin("release", release(), names, CARE, WANG)

    async def sent(self, id_: str) -> int:
        async with self.db.read() as connection:
            return sum(one.version is not None for one in await rollout_rows.targets(connection, id_))

    async def state(self, id_: str) -> tuple[str, int]:
        async with self.db.read() as connection:
            view = await rollout_rows.find(connection, id_)
        assert view is not None
        return view.state, view.stage

    async def steps(self, id_: str) -> list[tuple[str, str]]:
        async with self.db.read() as connection:
            return [(step.who, step.what) for step in reversed(await rollout_rows.steps(connection, id_))]


@pytest.fixture
async def city(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with open_database(tmp_path, engine) as db:
        made = City(db)
        await made.fill()
        yield made


def well(_: str, wanted: str) -> str:
    return wanted


def ill(_: str, wanted: str) -> str:
    return "0.1.0"


async def test_a_good_release_goes_through_all_stages_and_each_waits_for_the_one_before(city: City) -> None:
    id_ = await city.begin()
    await city.rollouts.look()
    assert await city.sent(id_) == 2
    await city.pass_(10, well)
    await city.pass_(49, well)
    assert await city.state(id_) == ("running", 0), "done, and not yet well for long enough"
    await city.pass_(20, well)
    assert await city.state(id_) == ("running", 1)
    await city.pass_(1, well)
    assert await city.sent(id_) == 15
    for _ in range(8):
        await city.pass_(61, well)
    assert await city.state(id_) == ("done", 2)
    assert await city.sent(id_) == COUNT
    said = [("wang", "made"), *[("gatehouse", "stage")] * 2, ("gatehouse", "done")]
    assert await city.steps(id_) == said


async def test_a_broken_release_stops_at_the_first_stage_and_a_person_decides(city: City) -> None:
    id_ = await city.begin()
    await city.rollouts.look()
    await city.pass_(10, ill)
    assert await city.state(id_) == ("stopped", 0)
    await city.pass_(600, ill)
    assert await city.sent(id_) == 2, "nobody else gets it"
    await city.rollouts.resume(id_, LI)
    await city.pass_(10, well)
    await city.pass_(61, well)
    assert await city.state(id_) == ("running", 1), "what had failed is well now"
    await city.rollouts.abort(id_, LI)
    await city.pass_(600, well)
    assert await city.state(id_) == ("aborted", 1)
    with pytest.raises(NotPossible):
        await city.rollouts.resume(id_, LI)
    assert await city.steps(id_) == [
        ("wang", "made"),
        ("gatehouse", "stopped"),
        ("li", "resumed"),
        ("gatehouse", "stage"),
        ("li", "aborted"),
    ]


async def test_taking_back_wishes_what_was_wished_before_as_a_new_version(city: City) -> None:
    city.kind = "policy"
    async with city.db.write() as connection:
        await desired_rows.put(connection, "c000", "policy", {"confirm_s": 5}, "wang", NOW)
    id_ = await city.rollouts.begin("policy", {"confirm_s": 9}, ["c000", "c001"], CARE, WANG)
    for _ in range(8):
        await city.pass_(61, well)
    assert await city.sent(id_) == 2
    assert await city.rollouts.back(id_, LI) == 1, "one had none before"
    async with city.db.read() as connection:
        assert (await rollout_rows.wished(connection, "policy", ["c000"]))["c000"][0] == 3
        assert await rollout_rows.body_of(connection, "c000", "policy", 3) == b'{"confirm_s":5}'


def test_a_stage_is_never_empty_where_there_is_anybody() -> None:
    for count in (1, 2, 9, 150):
        stages = rollout_rows.stages("r", [f"c{number}" for number in range(count)])
        assert list(stages.values()).count(0) == max(1, -(-count // 100))
