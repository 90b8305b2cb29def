"""Devices that push over HTTP: whether anybody listens where they push to."""

from __future__ import annotations

from domain.desired_bodies import Device
from edge.device_secrets import ASKED_OF_IT, DeviceSecrets
from edge.doctor.box import Box
from edge.doctor.ports import judge_port
from edge.doctor.verdict import Verdict


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    """A device that is listened to at its address need not push."""
    asked = any(driver.pulls for driver in box.registry.of_kind(device.id)) and "://" in device.address
    if device.address.startswith("tcp://") or (asked and not device.address.endswith("#push")):
        return
    judge_port(verdict, box, "tcp", box.config.listen.port, "[listen] port")
    if device.id in DeviceSecrets(box.config.folder, ASKED_OF_IT).devices:
        verdict.well("it must show its password")
