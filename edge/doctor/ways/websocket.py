"""Charge points, which call here: whether anybody listens where they call, and whether a password is asked of them."""

from __future__ import annotations

from domain.desired_bodies import Device
from edge.doctor.box import Box
from edge.doctor.ports import judge_port
from edge.doctor.verdict import Verdict


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    judge_port(verdict, box, "tcp", box.config.websocket.port, "[websocket] port")
    asks = device.id in box.secrets.devices
    verdict.well("it must show its password" if asks else "no password is asked of it")
