"""The whole way at a reader: keyed on a peripheral of another project, decided here, and the relay of it switched."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from osdp import Event as Said
from osdp import PeripheralDevice

from domain.desired import Document
from domain.doors.secrets import digest_of
from domain.events import Event
from edge.control.control import Control, Reach
from edge.devices.driver import discover
from eventlog.log import LogBroken
from tests.edge.test_osdp_bus import PD, bus, peripheral, told, wire

SALT, PIN = "d4" * 16, "482913"


def documents(path: str) -> list[Document]:
    reader: dict[str, Any] = {
        "id": PD,
        "place": "3 号楼",
        "address": f"serial:{path}?baud=9600&pd=101",
        "doors": [{"point": "reader/0", "decides": "gateway", "open_with": {"output": 2, "ms": 4000}}],
    }
    digest = digest_of("pin", PIN, bytes.fromhex(SALT))
    known = {"id": "p1", "kind": "pin", "digest": digest, "doors": [{"device": "osdp:*"}], "until": "2099-12-31"}
    bodies: dict[str, Any] = {
        "devices": {"devices": [reader]},
        "credentials": {"cards": [], "known": [known], "salt": SALT},
    }
    return [Document(kind, 1, body) for kind, body in bodies.items()]


async def give_up(error: LogBroken) -> None:
    raise error


async def outputs(pd: PeripheralDevice) -> list[dict[str, Any]]:
    """Everything the peripheral was told until it was silent."""
    found = [await told(pd)]
    while (more := await asyncio.to_thread(pd.get_command, 1)) is not None:
        found.append(more)
    return found


async def test_a_keyed_pin_opens_the_door_and_a_wrong_one_does_not(tmp_path: Path) -> None:
    with wire() as (handle, path), peripheral(handle) as pd:
        async with bus(tmp_path, path) as (here, transport):
            reach = Reach(transport.send, lambda: datetime.now(UTC), give_up)
            control = Control(here.around.config, here.store, discover(), here.devices, here.intake, reach)
            await control.load()
            assert await control.desired.apply(documents(path))
            recording = asyncio.create_task(control.run())
            await here.recorded("availability")
            for key in PIN + "#":
                pd.submit_event({"event": Said.KeyPress, "reader_no": 0, "data": key.encode()})
            opened, light = await outputs(pd)
            assert {"output_no": 2, "control_code": 5, "timer_count": 40}.items() <= opened.items()
            assert light["on_color"] == 2
            pd.submit_event({"event": Said.KeyPress, "reader_no": 0, "data": b"000000#"})
            red, tone = await outputs(pd)
            assert (red["on_color"], tone["rep_count"]) == (1, 2)
            found = [event for event in await here.recorded("access", 4) if _is_decision(event)]
            recording.cancel()
    assert {(event.result, event.reason, event.place) for event in found} == {
        ("granted", "card_list", "3 号楼"),
        ("denied", "unknown_card", "3 号楼"),
    }


def _is_decision(event: Event) -> bool:
    return event.ext.get("decided_by") == "gateway"
