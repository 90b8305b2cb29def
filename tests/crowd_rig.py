"""A crowd of simulated devices at a real agent with its centre: everybody switched on, and found."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from edge.device_secrets import ASKED_OF_IT, DeviceSecret, DeviceSecrets
from simulators.crowd.crowd import Crowd
from simulators.crowd.families import credentials
from simulators.crowd.member import Gateway
from simulators.crowd.settings import device_list, ports
from simulators.products import ask
from tests.edge.wire_bench import free_port
from tests.rig import COMPLEX, Rig, until


@asynccontextmanager
async def met(here: Rig, crowd: Crowd) -> AsyncGenerator[None]:
    """The agent and its centre run, the residents' cards are in force, and everybody has found everybody."""
    await crowd.open()
    try:
        gateway = Gateway(here.broker.port, free_port(), free_port(), free_port())
        if not here.url:
            await here.start_server()
            await here.enrol()
        _list_devices(here, ports(gateway, free_port(socket.SOCK_DGRAM)) + device_list(crowd.rows))
        keep_secrets(here.edge_folder / "data", crowd)
        await here.start_edge()
        await wish(here, "credentials", credentials())
        await until(lambda: _status(here).get("broker") == "connected")
        await crowd.join(gateway)
        yield
    finally:
        await crowd.close()


def _list_devices(here: Rig, told: str) -> None:
    """Who is not listed is parked, and so found."""
    begun = here.edge_config.read_text().replace('unknown_devices = "accept"', 'unknown_devices = "park"')
    here.edge_config.write_text(begun + told)


def keep_secrets(data: Path, crowd: Crowd) -> None:
    """The passwords as an installer enters them at the box."""
    asked_of_us, asked_of_it = DeviceSecrets(data), DeviceSecrets(data, ASKED_OF_IT)
    for member in crowd.members:
        if member.password:
            asked_of_us.keep(member.device, DeviceSecret(member.password, member.user))
        if member.push_password:
            asked_of_it.keep(member.device, DeviceSecret(member.push_password))


async def wish(here: Rig, kind: str, body: dict[str, Any]) -> None:
    """Put a document down at the centre and wait until the gateway goes by it."""
    file = here.folder / f"{kind}.json"
    file.write_text(json.dumps(body, ensure_ascii=False))
    await ask("gatehouse-server", "desired", "put", COMPLEX, kind, str(file), "--data", str(here.server_folder))
    await until(lambda: (kind,) in here.centre_query("SELECT kind FROM gateway_applied"))


def _status(here: Rig) -> dict[str, Any]:
    file = here.edge_folder / "data" / "status.json"
    return msgspec.json.decode(file.read_bytes()) if file.is_file() else {}
