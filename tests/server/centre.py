"""A centre in this process: a House on a temporary folder, its readers running, its application behind a client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import Table, select

from domain.events import Event, encode_event, stream_of
from domain.wire import pack
from server.app import create_app
from server.behind import run_behind
from server.bootstrap import close_house, open_house
from server.config import Complex, Config, Hours
from server.house import House
from server.readers import folding
from tests.server.engines import Engine, migrated

GARDEN = Complex("garden", "测试小区", tariff="tariff.yaml", quiet=(Hours("00:00", "24:00"),))
TARIFF = """\
timezone: Asia/Shanghai
plans:
  small:
    free: {minutes: 15, mode: from_start}
    charge: {kind: unit, unit_min: 60, fen: 200, rounding: ceil}
"""
CONFIG = Config(complexes=[GARDEN])
BATCH_TYPE = "application/vnd.gatehouse.batch"
_BOUND_S = 60.0  # on a busy machine too


class Gateway:
    """A gateway's side, by hand: its key, its tokens, its sequences."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.key = client, OKPKey.generate_key("Ed25519")
        self.id = ""
        self._heads: dict[str, int] = {}

    async def enrol(self, code: str) -> httpx.Response:
        body = {"code": code, "public_key": self.key.as_dict(private=False)}
        response = await self.client.post("/v1/enrol", json=body)
        if response.status_code == 200:
            self.id = response.json()["gateway"]
        return response

    def token(self, offset: timedelta = timedelta(), life: timedelta = timedelta(minutes=5), **claims: Any) -> str:
        now = datetime.now(UTC) + offset
        said = {"iss": self.id, "aud": "gatehouse", "iat": now, "exp": now + life, **claims}
        return jwt.encode({"alg": "Ed25519"}, said, self.key, algorithms=["Ed25519"])

    def headers(self, token: str | None = None) -> dict[str, str]:
        return {"Authorization": f"Bearer {token or self.token()}", "Content-Type": BATCH_TYPE}

    async def post(self, packed: bytes, token: str | None = None) -> httpx.Response:
        return await self.client.post("/v1/batches", content=packed, headers=self.headers(token))

    def head(self, stream: str) -> int:
        return self._heads.get(stream, 0)

    def skip(self, stream: str, count: int) -> None:
        """Sequences that were declared as a gap."""
        self._heads[stream] = self.head(stream) + count

    async def send(self, *events: Event) -> None:
        """Send events as one batch a stream, behind what was sent before."""
        by_stream: dict[str, list[bytes]] = {}
        for event in events:
            ready = event if event.recorded_at else msgspec.structs.replace(event, recorded_at=datetime.now(UTC))
            by_stream.setdefault(stream_of(event), []).append(encode_event(ready))
        for stream, bodies in by_stream.items():
            first = self._heads.get(stream, 0) + 1
            response = await self.post(pack(self.id, stream, "e1", first, bodies))
            assert response.status_code == 200, response.text
            self._heads[stream] = response.json()["watermark"]


class Centre:
    """The running centre and a client of it."""

    def __init__(self, house: House, client: httpx.AsyncClient) -> None:
        self.house, self.client = house, client

    async def gateway(self, complex_id: str = "garden") -> Gateway:
        code, _ = await self.house.gateways.issue_code(complex_id)
        gateway = Gateway(self.client)
        assert (await gateway.enrol(code)).status_code == 200
        return gateway

    async def rows(self, table: Table, **where: Any) -> list[dict[str, Any]]:
        """The table's rows, or those whose columns have these values."""
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        async with self.house.db.read() as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]

    async def wait_for(
        self, table: Table, enough: Callable[[list[dict[str, Any]]], Any], **where: Any
    ) -> list[dict[str, Any]]:
        """The table's rows, once they are as wanted; fails after a bound."""
        async with asyncio.timeout(_BOUND_S):
            while not enough(rows := await self.rows(table, **where)):
                await asyncio.sleep(0.02)
        return rows

    async def settled(self) -> None:
        """Until every reader stands at the head of every shard that has records."""
        from server.store.schema import cursor

        heads = {shard: await self.house.log.head(shard) for shard in self.house.log.partitions}
        wanted = {shard for shard, head in heads.items() if head}
        readers = len(folding(self.house.config)) + 1 + len(self.house.config.webhooks)  # that of platforms

        def done(rows: list[dict[str, Any]]) -> bool:
            at_head = [row for row in rows if row["shard"] in wanted and row["position"] >= heads[row["shard"]]]
            return len(at_head) >= readers * len(wanted)

        await self.wait_for(cursor, done)


@asynccontextmanager
async def centre(
    folder: Path, engine: Engine, config: Config = CONFIG, tariff: Mapping[str, Any] | None = None
) -> AsyncIterator[Centre]:
    """``tariff``: a document of its own, which JSON writes and YAML reads."""
    (folder / "tariff.yaml").write_text(TARIFF if tariff is None else json.dumps(tariff))
    with migrated(folder, engine) as database:
        house = await open_house(folder, msgspec.structs.replace(config, database=database))
        readers = asyncio.create_task(run_behind(house))
        transport = httpx.ASGITransport(create_app(house), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://centre.example.invalid") as client:
            yield Centre(house, client)
        readers.cancel()
        await asyncio.wait([readers])
        await close_house(house)
