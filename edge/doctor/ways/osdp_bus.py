"""Devices on RS-485: whether line and key are there. Nobody but the agent may talk on the line, so nobody asks them."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from domain.desired_bodies import Device
from edge.doctor.box import Box
from edge.doctor.verdict import Verdict
from edge.transports.osdp_address import KIND, BadAddress, Place, lines_of, place_of


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    try:
        place = place_of(device.id, device.address, box.secrets)
    except BadAddress as error:
        step = f"mend its address, or enter the key: gatehouse-edge device-secret {device.id}"
        verdict.wrong(str(error).removeprefix(f"{device.id}: "), step)
        return
    _judge_line(place, verdict)
    for sentence in _beside(device, box):
        verdict.wrong(sentence, "each device of a line has an address of its own, and all run at one speed")


def _judge_line(place: Place, verdict: Verdict) -> None:
    """The port is looked at and not opened."""
    try:
        mode = Path(place.path).stat().st_mode
    except OSError as error:
        verdict.wrong(f"the line {place.path}: {error.strerror}", "is the adapter plugged in? ls -l /dev/serial/by-id")
        return
    if not stat.S_ISCHR(mode):
        verdict.wrong(f"{place.path} is no serial port", "name the adapter's device in its address")
    elif not os.access(place.path, os.R_OK | os.W_OK):
        verdict.look(f"{place.path} cannot be opened by this user", "run as the agent's user; it must be in dialout")
    else:
        verdict.well(f"the line {place.path} is there, PD {place.pd} at {place.baud} baud, its key was entered")


def _beside(device: Device, box: Box) -> list[str]:
    addresses = {other.id: other.address for other in box.devices if other.id.startswith(f"{KIND}:")}
    _, wrong = lines_of(addresses, box.secrets)
    mine = f"{device.id}: "
    return [sentence.removeprefix(mine) for sentence in wrong if sentence.startswith(mine)]
