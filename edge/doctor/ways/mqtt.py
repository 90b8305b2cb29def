"""Devices at the broker: their user there, and what the broker keeps of them."""

from __future__ import annotations

from domain.desired_bodies import Device
from edge.broker.folder import BrokerFolder
from edge.broker.users import BadDevice, user_name
from edge.doctor.box import Box
from edge.doctor.verdict import Verdict


async def test(device: Device, verdict: Verdict, box: Box) -> None:
    _judge_user(device, verdict, box)
    retained = await box.retained()
    state = retained.states.get(device.id)
    if retained.why:
        verdict.well(f"what the broker keeps of it is not known: {retained.why}")
    elif state == "offline":
        verdict.look("the broker keeps that it is offline", "look at its power and network; its last will was told")
    elif state is None:
        verdict.well("the broker keeps nothing of it")
    else:
        verdict.well(f"the broker keeps that it is {state}" if state else "the broker keeps states of it")


def _judge_user(device: Device, verdict: Verdict, box: Box) -> None:
    """Where broker-config made the users, it must have one."""
    try:
        user = user_name(device.id, box.registry)
        users = BrokerFolder(box.config.folder / "mosquitto", box.config.folder / "broker").passwords()
    except BadDevice as error:
        verdict.wrong(str(error), "mend its id in the device list")
        return
    except (OSError, ValueError) as error:
        verdict.well(f"the broker's users cannot be read here: {type(error).__name__}")
        return
    if users and user not in users:
        step = "run gatehouse-edge broker-config again, reload Mosquitto, and enter what --show prints into the device"
        verdict.wrong(f"its user {user} is not among the broker's: it is not let in", step)
    else:
        verdict.well(f"its user at the broker is {user}")
