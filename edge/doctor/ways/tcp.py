"""Devices over TCP: those we connect to are asked on a line of its own; those that connect to us need a port."""

from __future__ import annotations

import asyncio
import time

from domain.desired_bodies import Device
from edge.devices.question import Told
from edge.devices.tcp_line import Line
from edge.doctor.box import Box
from edge.doctor.ports import judge_port
from edge.doctor.verdict import Verdict
from edge.transports.addresses import host_and_port
from edge.transports.tcp_connection import SCHEME
from edge.transports.tcp_frames import Frames

_CONNECT_S, _ANSWER_S = 3.0, 2.0
_READ_BYTES = 64 * 1024


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    for driver in box.registry.of_kind(device.id):
        for line in driver.lines:
            if line.role == "listen":
                port = box.config.tcp.ports.get(line.family, line.port)
                judge_port(verdict, box, "tcp", port, f"[tcp] ports.{line.family}")
            elif device.address.strip().startswith(f"{SCHEME}://"):
                await _dial(device, line, verdict, box)


async def _dial(device: Device, line: Line, verdict: Verdict, box: Box) -> None:
    found = host_and_port(device.address, SCHEME, line.port)
    if found is None:
        verdict.wrong(
            f"its address {device.address!r} cannot be used", "tcp://192.0.2.31 or tcp://192.0.2.31:8131 is one"
        )
        return
    where, began_s = f"{found[0]}:{found[1]}", time.monotonic()
    try:
        async with asyncio.timeout(_CONNECT_S):
            reader, writer = await asyncio.open_connection(*found)
    except (OSError, TimeoutError) as error:
        step = "look at its power and network; does it still have this address, and is its TCP server on?"
        verdict.look(f"{where} does not answer: {str(error) or 'too slow'}", step)
        return
    verdict.well(f"{where} answers in {(time.monotonic() - began_s) * 1000:.0f} ms")
    try:
        told = await _told(reader, writer, line)
    finally:
        writer.close()
    _judge(device, told, where, verdict, box)


async def _told(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, line: Line) -> list[Told]:
    """What it answers in time. It is not subscribed to: cars go on to the agent alone."""
    frames, found = Frames(line), list[Told]()
    for question in line.questions:
        writer.write(question)
    try:
        async with asyncio.timeout(_ANSWER_S):
            while len(found) < len(line.questions) and (received := await reader.read(_READ_BYTES)):
                told = [line.told(frame) for frame in frames.feed(received)]
                found += [one for one in told if one.identities or one.clock]
    except (OSError, TimeoutError):
        pass  # some firmware does not tell its number, or its clock
    return found


def _judge(device: Device, told: list[Told], where: str, verdict: Verdict, box: Box) -> None:
    for one in told:
        verdict.judge_identity(device.id.partition(":")[2], one.identities, where)
        if one.clock is not None:
            order = "order clock.set, and set its NTP"
            verdict.judge_clock(one.clock, box.now(), box.config.site.zone, order)
    if not told:
        verdict.well("it does not say who it is")
