"""The chain that a rig does its worst to: started whole, and ended whatever happened."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from simulators.broker import Broker, BrokerUnavailable, MosquittoBroker, NatsBroker, mosquitto
from simulators.faults import Uplink
from tests.faults.story import ROOT
from tests.made import adopt
from tests.rig import Rig


def pip_broker(again_s: int = 2) -> Broker:
    """The broker that pip installs; what is not acknowledged in ``again_s`` it sends again, behind what is newer."""
    return NatsBroker(ack_wait_s=again_s)


def patient_broker() -> Broker:
    """Where the order of a source is judged: it must not be the broker that changes it."""
    return pip_broker(again_s=30)


def mutant(name: str) -> list[str]:
    """The command of a broken product, from ``mutants``."""
    return [sys.executable, "-m", f"tests.faults.mutants.{name}"]


@asynccontextmanager
async def ended(rig: Rig, *, enrolled: bool = True) -> AsyncIterator[Rig]:
    """A rig that is not started yet, and that belongs to its centre; its processes end with the block."""
    os.environ["PYTHONPATH"] = str(ROOT)  # the products' commands and the mutants are those of this folder
    try:
        if enrolled:
            await adopt(rig)
        yield rig
    finally:
        rig.stop_all()


@asynccontextmanager
async def running(folder: Path, broker: Broker | None = None, **variant: Any) -> AsyncIterator[Rig]:
    """The whole chain; ``variant`` goes to Rig."""
    async with ended(Rig(folder, broker or pip_broker(), **variant)) as rig:
        rig.broker.start()
        await rig.start_server()
        rig.write_edge_settings(rig.url)
        await rig.start_edge()
        yield rig


@asynccontextmanager
async def behind_a_line(
    folder: Path, broker: Broker | None = None, **variant: Any
) -> AsyncIterator[tuple[Rig, Uplink]]:
    """The chain with a line between gateway and centre that can be cut, slowed and delayed; the agent not started."""
    async with ended(Rig(folder, broker or pip_broker(), **variant)) as rig:
        rig.broker.start()
        await rig.start_server()
        uplink = Uplink(int(rig.url.rsplit(":", 1)[1]))
        await uplink.start()
        try:
            rig.write_edge_settings(f"http://127.0.0.1:{uplink.port}")
            yield rig, uplink
        finally:
            rig.edge.kill()  # before the line: else it writes of every connection that it loses
            await uplink.stop()


def debian_mosquitto() -> Broker:
    try:
        mosquitto()
    except BrokerUnavailable as error:
        pytest.skip(str(error))
    return MosquittoBroker()
