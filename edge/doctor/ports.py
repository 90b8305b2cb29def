"""Whether somebody listens on the port that a device comes to by itself."""

from __future__ import annotations

from edge.doctor.box import Box
from edge.doctor.listening import Protocol
from edge.doctor.verdict import Verdict


def judge_port(verdict: Verdict, box: Box, protocol: Protocol, port: int, key: str) -> None:
    """``key``: the setting of the port."""
    where = f"{protocol.upper()} port {port}"
    if not port:
        verdict.wrong(f"{key} is 0: nobody hears it", f"set {key}, and the same port on the device")
    elif not box.listening.is_known:
        return
    elif box.listening.on(protocol, port) and box.runs:
        verdict.well(f"{where} is listened on")
    elif box.runs:
        step = f"the agent's log says why (transport_failed, not_listening); ss -lnp 'sport = :{port}' shows who has it"
        verdict.wrong(f"nobody listens on {where}, where it comes to", step)
    elif box.listening.on(protocol, port):
        step = f"end it, or change {key}: ss -lnp 'sport = :{port}' shows who it is"
        verdict.wrong(f"the agent does not run, and another program holds {where}", step)
    else:
        verdict.look(f"nobody listens on {where}: the agent does not run", "gatehouse-edge run")
