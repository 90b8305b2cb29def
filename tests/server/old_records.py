"""A centre whose clock a test moves, and a gateway that sends by it: records grow old without waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.events import Event, Media, Subject
from domain.ids import content_name
from server import bootstrap, configured, readers
from server.config import Config
from server.rebuild import rebuild
from tests.server.centre import CONFIG, Centre, Gateway, centre
from tests.server.engines import Engine

PLATE, OTHER_PLATE = "京A12345", "沪B99999"
CARD, OTHER_CARD = "8165538", "7000001"
START = datetime(2026, 1, 10, 4, 0, tzinfo=UTC)


class Clock:
    """What the centre and its gateways take for now."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def pass_(self, **span: float) -> None:
        self.at += timedelta(**span)


class OldGateway(Gateway):
    """Signs and records by the test's clock."""

    def __init__(self, here: Centre, clock: Clock) -> None:
        super().__init__(here.client)
        self.clock = clock

    def token(self, offset: timedelta = timedelta(), life: timedelta = timedelta(minutes=5), **claims: Any) -> str:
        return super().token(self.clock.at - datetime.now(UTC) + offset, life, **claims)

    async def say(self, *events: Event) -> None:
        await self.send(
            *(msgspec.structs.replace(event, recorded_at=event.recorded_at or self.clock.at) for event in events)
        )

    async def show(self, body: bytes) -> str:
        name = content_name(body)
        headers = {**self.headers(), "Content-Type": "image/jpeg"}
        assert (await self.client.put(f"/v1/media/{name}", content=body, headers=headers)).status_code == 200
        return name


class Old:
    """The centre, its clock, and one gateway."""

    def __init__(self, here: Centre, clock: Clock, gateway: OldGateway) -> None:
        self.here, self.clock, self.gateway = here, clock, gateway
        self.house = here.house
        self._swipes = 0

    async def another_gateway(self, complex_id: str = "garden") -> OldGateway:
        code, _ = await self.house.gateways.issue_code(complex_id)
        gateway = OldGateway(self.here, self.clock)
        assert (await gateway.enrol(code)).status_code == 200
        return gateway

    def swipe(self, card: str = CARD, result: str = "granted", **fields: Any) -> Event:
        self._swipes += 1
        subject = Subject(type="card", id=card, name=fields.pop("name", None))
        base = {"device": "uhppoted:1", "point": "door/1", "place": "3号楼", "method": "card"}
        event = Event(kind="access", result=result, subject=subject, source_event_id=str(self._swipes), **base)
        event.time = self.clock.at
        return msgspec.structs.replace(event, **fields)

    def passage(self, plate: str = PLATE, direction: str = "in", **fields: Any) -> Event:
        subject = Subject(type="plate", id=plate, plate_color="blue", plate_status="read")
        event = Event(kind="plate", device="vzenith:1", lane="east", subject=subject, direction=direction)
        event.time = self.clock.at
        return msgspec.structs.replace(event, **fields)

    def seen(self, picture: str, label: str = "car", **fields: Any) -> Event:
        event = Event(kind="detection", device="frigate:1", place="3号楼", label=label, phase="start")
        event.media, event.time = [Media(role="scene", sha256=picture)], self.clock.at
        return msgspec.structs.replace(event, **fields)

    async def same_after_rebuild(self) -> None:
        """Every projection says what the log says."""
        await self.here.settled()
        for name, one in readers.quiet_projections(self.house.config).items():
            rebuilt = await rebuild(one, self.house.db, self.house.log)
            assert rebuilt.before == rebuilt.after, f"{name} is not what a rebuild gives"

    async def texts(self) -> str:
        """Every row of every table, batches unpacked, as one text."""
        from domain.wire import unpack
        from server.store.schema import metadata

        found: list[str] = []
        for table in metadata.sorted_tables:
            for row in await self.here.rows(table):
                body = row.get("body") if table.name == "batch" else None
                found.append(f"{table.name} {row}" if body is None else f"batch {unpack(body)[1].decode()}")
                if table.name != "batch":
                    found += [value.decode("utf-8", "replace") for value in row.values() if isinstance(value, bytes)]
        return "\n".join(found)


@asynccontextmanager
async def old_centre(
    folder: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch, config: Config = CONFIG
) -> AsyncIterator[Old]:
    clock = Clock()
    for module in (bootstrap, configured, readers):
        monkeypatch.setattr(module, "utc_now", clock)
    async with centre(folder, engine, config) as here:
        code, _ = await here.house.gateways.issue_code("garden")
        gateway = OldGateway(here, clock)
        assert (await gateway.enrol(code)).status_code == 200
        yield Old(here, clock, gateway)
