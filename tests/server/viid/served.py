"""The centre with a view library, served over HTTP on loopback, and clients of others that call it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from eventlog.log import Record
from server.app import create_app
from server.batches import Batch
from server.bootstrap import close_house, open_house
from server.config import Complex, Config
from server.facts import Fact
from server.house import House
from server.viid.settings import Peer, Settings
from tests.server.engines import Engine, migrated

OURS, ORG = "33010600015030000001", "330106000000"
UPPER, LOWER, OTHER_UPPER = "33010600005030000001", "33010600011200000001", "33010600005030000002"
CAMERA = "33010600011190000001"
PASSWORD = "view-password-0001"
JPEG = "/9j/4AAQ"
REPORT_TO = "http://192.0.2.10:8120/VIID/SubscribeNotifications"
PEERS = [
    Peer(UPPER, "upper", "viid.password", complexes=["garden"], report_to=REPORT_TO),
    Peer(LOWER, "lower", "viid.password", complexes=["garden"]),
    Peer(OTHER_UPPER, "upper", "viid.password", user="branch", complexes=["river"], report_to=REPORT_TO),
]


class Served:
    """``url`` is where it listens; ``ahead`` sets its clock forward."""

    def __init__(self, house: House, url: str) -> None:
        self.house, self.url = house, url
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def audited(self, action: str) -> list[dict[str, Any]]:
        from sqlalchemy import select

        from server.store.schema import audit

        async with self.house.db.read() as connection:
            rows = (await connection.execute(select(audit).where(audit.c.action == action))).mappings().all()
        return [dict(row) for row in rows]

    async def facts(self) -> list[Fact]:
        """All that the log holds."""
        found: list[Fact] = []
        for shard in self.house.log.partitions:
            records: list[Record] = list(await self.house.log.read(shard, 0, 1_000))
            found += [fact for record in records for fact in Batch(record).facts()]
        return found


@asynccontextmanager
async def served(folder: Path, engine: Engine, *peers: Peer) -> AsyncIterator[Served]:
    (folder / "viid.password").write_text(PASSWORD + "\n")
    complexes = [Complex("garden", "阳光花园"), Complex("river", "滨河里")]
    with migrated(folder, engine) as database:
        settings = Settings(OURS, ORG, peers=list(peers or PEERS))
        house = await open_house(folder, Config(database=database, complexes=complexes, viid=settings))
        config = uvicorn.Config(create_app(house), "127.0.0.1", 0, log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        try:
            while not server.started:
                await asyncio.sleep(0.01)
            port = server.servers[0].sockets[0].getsockname()[1]
            one = Served(house, f"http://127.0.0.1:{port}")
            house.viid.door._now = house.viid.subscribing._now = house.viid.taking._now = one.now
            yield one
        finally:
            server.should_exit = True
            await serving
            await close_house(house)


class Caller:
    """A library that calls ours, by httpx."""

    def __init__(self, url: str, code: str, user: str = "", password: str = PASSWORD) -> None:
        head = {"User-Identify": code, "Content-Type": "application/VIID+JSON;charset=UTF-8"}
        self.code, self.client = code, httpx.AsyncClient(base_url=url, headers=head, timeout=60)
        self.digest = httpx.DigestAuth(user or code, password)

    async def register(self) -> httpx.Response:
        return await self.system("Register", auth=self.digest)

    async def system(self, name: str, **rest: Any) -> httpx.Response:
        body = {f"{name}Object": {"DeviceID": self.code}}
        return await self.client.post(f"/VIID/System/{name}", json=body, **rest)

    async def post(self, path: str, body: Any) -> httpx.Response:
        return await self.client.post(path, json=body)


def codes(answer: httpx.Response) -> list[int]:
    return [one["StatusCode"] for one in statuses(answer)]


def statuses(answer: httpx.Response) -> list[dict[str, Any]]:
    return answer.json()["ResponseStatusListObject"]["ResponseStatusObject"]


def stamp(at: datetime) -> str:
    return f"{at + timedelta(hours=8):%Y%m%d%H%M%S}"


def vehicle(serial: int, at: datetime, device: str = CAMERA, **rest: Any) -> dict[str, Any]:
    image = f"{device}02{stamp(at)}{serial:05}"
    picture = {"ImageID": image, "EventSort": 1, "DeviceID": device, "Type": "01", "FileFormat": "Jpeg", "Data": JPEG}
    return {
        "MotorVehicleID": f"{image}0200001",
        "InfoKind": 1,
        "SourceID": image,
        "DeviceID": device,
        "PassTime": stamp(at),
        "HasPlate": True,
        "PlateClass": "02",
        "PlateColor": "5",
        "PlateNo": "浙A12345",
        "SubImageList": {"SubImageInfoObject": [picture]},
        **rest,
    }


def vehicles(*several: dict[str, Any]) -> dict[str, Any]:
    return {"MotorVehicleListObject": {"MotorVehicleObject": list(several)}}


def subscription(serial: int = 1, **rest: Any) -> dict[str, Any]:
    said = {
        "SubscribeID": f"3301060000000320261122160700{serial:05}",
        "Title": "小区一 车辆",
        "SubscribeDetail": "13",
        "ResourceClass": 4,
        "ResourceURI": OURS,
        "ApplicantName": "duty",
        "ApplicantOrg": "branch",
        "BeginTime": "20261101000000",
        "EndTime": "20991122000000",
        "ReceiveAddr": REPORT_TO,
        "ReportInterval": 5,
        "OperateType": 0,
        "ResultImageDeclare": "01",
        "ResultFeatureDeclare": -1,
        **rest,
    }
    return {"SubscribeListObject": {"SubscribeObject": [said]}}
