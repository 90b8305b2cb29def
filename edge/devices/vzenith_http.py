"""The same Vzenith 臻识 cameras pushing over HTTP: a command is part of the answer to a push or a poll."""

from __future__ import annotations

from types import MappingProxyType

from edge.devices._vzenith_answers import answer, encode
from edge.devices._vzenith_envelope import KIND
from edge.devices._vzenith_http import open_push
from edge.devices._vzenith_readings import READERS, read_unknown
from edge.devices.driver import Driver, Message, Reading, Site

FAMILY = "vzenith-http"


def decode(message: Message, site: Site) -> Reading:
    """What a camera says. Raises BadMessage."""
    heard = open_push(message, site)
    return READERS.get(heard.name, read_unknown)(heard)


DRIVER = Driver(
    kind=KIND,
    families=(FAMILY,),
    decode=decode,
    encode=encode,
    answer=answer,
    transports=("http_push",),
    paths=MappingProxyType({"/vzenith/**": FAMILY, "/devicemanagement/php/*": FAMILY}),
    page="vzenith.md",
)
