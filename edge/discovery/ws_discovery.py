"""Cameras, intercoms and door controllers that speak ONVIF, asked by WS-Discovery: one multicast, and all answer."""

from __future__ import annotations

from collections import Counter
from uuid import uuid4

import structlog

from edge.devices.announced import Announced, Known
from edge.discovery.discoverer import CannotLook, Discoverer, Search, Tell
from edge.discovery.networks import Network, ask_everywhere
from edge.discovery.probe_match import BadAnswer, matches, probes
from edge.transports.addresses import host_and_port

log = structlog.get_logger()

_PORT = 3702
_HTTP, _TLS = 80, 443


async def look(search: Search, tell: Tell) -> None:
    """Raises CannotLook."""
    target = host_and_port(search.config.discovery.probe, "udp", _PORT)
    if target is None:
        raise CannotLook(f"discovery.probe {search.config.discovery.probe!r} is no address: 239.255.255.250:3702 is")
    numbers = (str(uuid4()), str(uuid4()))
    refused: Counter[str] = Counter()

    def heard(answer: bytes, sender: tuple[str, int]) -> None:
        try:
            found = matches(answer, sender[0], numbers)
        except BadAnswer as error:
            refused[f"{sender[0]}: {error}"[:200]] += 1
            return
        for announced in found:
            if known := _known(search, announced):
                tell(known)

    def targets(network: Network) -> list[tuple[str, int]]:
        return [target]

    await ask_everywhere(search, probes(numbers), targets, heard)
    for said, count in refused.most_common(3):
        log.info("probe_answer_refused", said=said, count=count)


def _known(search: Search, announced: Announced) -> Known | None:
    """As its maker's driver names it. Of another make it may be asked over ONVIF at its address, or publish: a
    proposal, for what it is to be here only a person says."""
    known = search.registry.claim(announced)
    if known is not None:
        return known
    identity = announced.mac or announced.node or announced.host
    if not identity:
        return None
    model = " ".join(dict.fromkeys(word for word in (announced.vendor, announced.model) if word))
    return Known(f"onvif:{identity}", _address(announced), announced.host, announced.name, model, exact=False)


def _address(announced: Announced) -> str:
    """Where it is asked, as the device list writes it."""
    if not announced.host or announced.port == _TLS:
        return f"onvifs://{announced.host}" if announced.host else ""
    host = f"[{announced.host}]" if ":" in announced.host else announced.host
    return f"onvif://{host}" if announced.port in (0, _HTTP) else f"onvif://{host}:{announced.port}"


DISCOVERER = Discoverer("onvif", look)
