"""A site with an entrance and an exit that the gateway decides: real processes, and barriers that move when told to."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from domain.guards import kept_pin
from server.bootstrap import House
from server.cli_parts import with_house
from server.store import desired_rows
from simulators.broker import NatsBroker, free_port
from simulators.devices import vzenith
from simulators.devices.gate import Gate, lane
from simulators.products import ask, run_command
from simulators.site_run import Speaker
from tests.made import start_copy
from tests.rig import COMPLEX, TARIFF, Rig, until

IN, OUT = vzenith.Camera("cam-in", "入口"), vzenith.Camera("cam-out", "出口", layout="sn_first")
GUARD, PIN = "sun", "271828"
PASS, VISITOR, BLACK, WHITE = "粤B12345", "湘A8K6Q2", "京N00001", "粤A11111"
_MOVES_S = 0.05


class LaneSite:
    """Two lanes; what their barriers did is in ``gates``."""

    def __init__(self, folder: Path) -> None:
        self.gate_port = free_port()
        self.rig = Rig(folder, NatsBroker(), extra_edge=f"\n[gate]\nport = {self.gate_port}\n")
        self.gates = {IN.sn: Gate(IN), OUT.sn: Gate(OUT)}
        self._speakers: dict[str, Speaker] = {}
        self._moving: asyncio.Task[None] | None = None
        self._number = 0

    async def start(self) -> None:
        await start_copy(self.rig)
        for camera in (IN, OUT):
            speaker = Speaker(camera.sn, camera.commands, self.gates[camera.sn].answer)
            speaker.start("127.0.0.1", self.rig.broker.port)
            self._speakers[camera.sn] = speaker
        await until(lambda: all(speaker.connected for speaker in self._speakers.values()))
        self._moving = asyncio.create_task(self._move())
        listed = [{"plate": BLACK, "list": "black"}, {"plate": WHITE, "list": "white"}]
        await self.wish(
            tariffs=yaml.safe_load(TARIFF),  # the same that the centre's book goes by
            passes={"passes": [{"plate": PASS, "until": "2099-12-31"}]},
            plate_lists={"entries": listed},
            guards={"guards": [{"id": GUARD, "pin": kept_pin(PIN)}]},
            lanes={"lanes": [{**one, "moved_s": 2.0} for one in (lane(IN, "in", "in"), lane(OUT, "out", "out"))]},
        )

    async def stop(self) -> None:
        if self._moving is not None:
            self._moving.cancel()
            await asyncio.wait({self._moving})
        for speaker in self._speakers.values():
            await asyncio.to_thread(speaker.stop)
        self.rig.stop_all()

    async def wish(self, **documents: dict[str, Any]) -> None:
        """Put documents down, and wait until the gateway says they are in force."""

        async def keep(house: House) -> None:
            async with house.db.write() as connection:
                for kind, body in documents.items():
                    await desired_rows.put(connection, COMPLEX, kind, body, "wang", house.now())

        await asyncio.to_thread(with_house, self.rig.server_folder, keep)
        applied = "SELECT kind FROM gateway_applied"
        await until(lambda: {row[0] for row in self.rig.centre_query(applied)} >= set(documents))

    async def guard(self, *words: str) -> dict[str, Any]:
        """What a guard asks of the gateway by its command, and is told; needs no centre."""
        settings = ("--guard", GUARD, "--config", str(self.rig.edge_config), "--json")
        return json.loads(await run_command("gatehouse-edge", "lane", *words, *settings, typed=PIN))

    async def order(self, name: str, lane_id: str, **args: object) -> str:
        given = [part for key, value in args.items() for part in ("--arg", f"{key}={value}")]
        rest = [*given, "--by", "wang", "--data", self._data]
        return (await ask("gatehouse-server", "order", COMPLEX, f"lane:{lane_id}", name, *rest))["order"]

    def car(self, camera: vzenith.Camera, plate: str | None, *, hours_ago: float = 0.0) -> None:
        """A car is read; with ``hours_ago`` the camera tells of one that it kept."""
        self._number += 1
        now = datetime.now(UTC)
        taken = now - timedelta(hours=hours_ago)
        kept = now if hours_ago else None
        self._speakers[camera.sn].say([vzenith.plate(camera, vzenith.Plate(text=plate), self._number, taken, kept)])

    def openings(self, camera: vzenith.Camera) -> int:
        return self.gates[camera.sn].openings

    def events(self, kind: str, **fields: object) -> list[dict[str, Any]]:
        """Events at the centre."""
        found = [event for _, event in self.rig.centre_events() if event["kind"] == kind]
        return [event for event in found if all(event.get(name) == value for name, value in fields.items())]

    def charges(self) -> list[tuple[str, int]]:
        """What the book charges, by plate."""
        return [(plate, fen) for plate, fen in self.rig.centre_query("SELECT plate, amount_fen FROM charge")]

    @property
    def _data(self) -> str:
        return str(self.rig.server_folder)

    async def _move(self) -> None:
        while True:
            for name, gate in self.gates.items():
                self._speakers[name].say(gate.due(datetime.now(UTC)))
            await asyncio.sleep(_MOVES_S)
