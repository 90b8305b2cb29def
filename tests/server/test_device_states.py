"""What devices said of themselves: the same in any order, told to plans alone, and gone with the records it is of."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from domain.events import Event, encode_event
from domain.wire import pack
from eventlog.log import Record
from server.batches import Batch
from server.projections.doors import Doors
from server.store import schema
from server.store.engine import Database
from tests.server.engines import Engine, open_database
from tests.server.mixed import START
from tests.server.old_records import old_centre

FRAME = "garden"


def event(kind: str, device: str, state: str | None, minute: int, **more: object) -> Event:
    at = START + timedelta(minutes=minute)
    made = Event(kind=kind, device=device, state=state, time=at, recorded_at=at)
    return msgspec.structs.replace(made, **more)


def batch(position: int, *events: Event, complex_id: str = FRAME) -> Batch:
    packed = pack("gw-1", "routine", "e1", 1, [encode_event(one) for one in events])
    return Batch(Record(position, packed, complex_id, "2026-03-01T17:00:00.000Z"))


SAID = (
    event("availability", "frigate:north", "online", 1),
    event("availability", "frigate:north", "offline", 5),
    event("availability", "frigate:north", "online", 3, point="detect"),
    event("barrier", "vzenith:9", "closed", 2),
    event("barrier", "vzenith:9", "unknown", 4, state_code=2),
    event("barrier", "vzenith:9", None, 6, label="decision", result="granted"),
    event("door", "uhppoted:1", "open", 3, point="door/1"),
)


async def rows(db: Database) -> list[tuple[str, ...]]:
    async with db.read() as connection:
        found = await connection.execute(schema.device_state.select())
        return sorted(tuple(row) for row in found)


async def heard(db: Database) -> list[tuple[str, str]]:
    async with db.read() as connection:
        return [(row.kind, row.ref) for row in await connection.execute(schema.live.select())]


async def pin(db: Database, complex_id: str) -> None:
    """Something of a complex that is pinned, so that somebody may look at it."""
    made = {"made_at": "", "made_by": "wang"}
    async with db.write() as connection:
        await connection.execute(schema.complex_.insert().values(id=complex_id, name="花园", timezone="Asia/Shanghai"))
        values = {"id": "p", "complex": complex_id, "name": "图", "rank": 0, **made}
        await connection.execute(schema.site_plan.insert().values(values))
        spot = {"complex": complex_id, "plan": "p", "device": "x", "point": "", "x": 1, "y": 1}
        await connection.execute(schema.pin.insert().values(**spot, placed_at="", placed_by="wang"))


async def test_any_order_leaves_the_same_and_plans_hear_what_changed(tmp_path: Path, engine: Engine) -> None:
    found: list[object] = []
    for seed in range(3):
        order = random.Random(seed).sample(SAID, len(SAID))
        folder = tmp_path / str(seed)
        folder.mkdir()
        async with open_database(folder, engine) as db:
            await pin(db, FRAME)
            fold = Doors(lambda: START)
            for position, one in enumerate(order, 1):
                async with db.write() as connection:
                    await fold.fold(connection, [batch(position, one, one), batch(99, one, complex_id="yard")])
            found.append(await rows(db))
            told = await heard(db)
            assert told and set(told) == {("plan", FRAME)}, "of what nobody pinned nobody hears"
            async with db.write() as connection:
                await fold.fold(connection, [batch(50, *SAID)])
            assert await heard(db) == told, "what is known already is no news"
    assert found[0] == found[1] == found[2]
    said = {row[:6]: row[6] for row in found[0]}  # type: ignore[misc, attr-defined]
    assert set(said) == {
        (place, *rest)
        for place in (FRAME, "yard")
        for rest in (
            ("frigate:north", "", "availability", "offline", ""),
            ("frigate:north", "detect", "availability", "online", ""),
            ("vzenith:9", "", "barrier", "unknown", "2"),
        )
    }


async def test_a_rebuild_and_a_complex_from_elsewhere_ring_nobody(tmp_path: Path, engine: Engine) -> None:
    async with open_database(tmp_path, engine) as db:
        await pin(db, FRAME)
        adopted = batch(1, *SAID)
        adopted.is_adopted = True
        async with db.write() as connection:
            await Doors().fold(connection, [batch(1, *SAID[:3])])
            await Doors(lambda: START).fold(connection, [adopted])
        assert await heard(db) == []
        assert len(await rows(db)) == 3


async def test_a_state_goes_with_its_record_and_what_was_said_before_counts_again(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with old_centre(tmp_path, engine, monkeypatch) as old:
        at = old.clock.at
        early = Event(kind="availability", device="frigate:1", state="online", time=at)
        await old.gateway.say(Event(kind="availability", device="frigate:1", state="offline", time=at))
        await old.gateway.say(Event(kind="barrier", device="vzenith:9", state="open", time=at))
        old.clock.pass_(days=181)
        late = msgspec.structs.replace(early, time=at - timedelta(hours=1))  # comes long after it was
        await old.gateway.say(late)
        await old.here.settled()
        assert {row["state"] for row in await old.here.rows(schema.device_state)} == {"offline", "open"}
        await old.house.retention.round()
        await old.same_after_rebuild()
        left = {row["device"]: row["state"] for row in await old.here.rows(schema.device_state)}
        assert left == {"frigate:1": "online"}
