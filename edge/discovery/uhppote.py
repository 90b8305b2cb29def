"""UHPPOTE door controllers, asked by broadcast who they are: every one answers with its serial number."""

from __future__ import annotations

from edge.devices import _uhppote_packet as packets
from edge.devices._uhppote_commands import KIND
from edge.devices.announced import Known
from edge.devices.driver import BadMessage
from edge.discovery.discoverer import CannotLook, Discoverer, Search, Tell
from edge.discovery.networks import Network, ask_everywhere
from edge.transports.addresses import host_and_port

_PORT = 60_000
_EVERYBODY = "255.255.255.255"


async def look(search: Search, tell: Tell) -> None:
    """Raises CannotLook."""
    target = host_and_port(search.config.uhppote.broadcast, "udp", _PORT)
    if target is None:
        raise CannotLook(
            f"uhppote.broadcast {search.config.uhppote.broadcast!r} is no address: 255.255.255.255:60000 is"
        )

    def heard(answer: bytes, sender: tuple[str, int]) -> None:
        if known := controller_in(answer, sender):
            tell(known)

    def targets(network: Network) -> list[tuple[str, int]]:
        """The network's own broadcast too: that to everybody leaves by one network of the box only."""
        directed = [(network.broadcast, target[1])] if target[0] == _EVERYBODY and network.broadcast else []
        return [target, *directed]

    await ask_everywhere(search, [packets.request(packets.GET_CONTROLLER, 0)], targets, heard)


def controller_in(answer: bytes, sender: tuple[str, int]) -> Known | None:
    """None for any other packet, whoever sends it: our own question comes back on some networks."""
    try:
        function, serial = packets.opened(answer)
    except BadMessage:
        return None
    if function != packets.GET_CONTROLLER:
        return None
    host, port = sender
    address = host if port == _PORT else f"{host}:{port}"
    model = f"UHPPOTE, firmware {packets.firmware_in(answer)}, MAC {packets.mac_in(answer)}"
    return Known(f"{KIND}:{serial}", address, host, model=model, same=(f"uhppoted:{serial}",))


DISCOVERER = Discoverer("uhppote", look)
