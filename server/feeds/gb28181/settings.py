"""How one upper platform is reached, who we are to it, and what it agreed with us."""

from __future__ import annotations

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from domain.gb28181.alarms import BUILT_IN, AlarmRow
from domain.gb28181.catalogue import Item
from domain.gb28181.codes import need_code, sip_domain
from domain.gb28181.encodings import Encoding
from server.feeds.gb28181.transactions import Timers

_HOST = re.compile(r"[A-Za-z0-9_.:-]{1,253}")
_WORD = re.compile(r"[A-Za-z0-9_.@:-]{1,64}")
_VERSIONS = {"2016": "2.0", "2022": "3.0"}
_Port = Annotated[int, Meta(ge=1, le=65_535)]


class Named(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An item of the catalogue, and which of our devices it is. A folder is none; a device without ``point`` stands
    for all points of it that have no item of their own."""

    item: Item
    complex: str = ""
    device: str = ""
    point: str = ""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything but the password. ``domain``: behind the codes in addresses; empty: the first ten digits of the
    platform's code. ``report_disarmed``: alarms go up also from what the platform has not armed."""

    host: str
    port: _Port = 5060
    transport: Literal["udp", "tcp"] = "udp"
    server: str  # the platform's code
    ours: str
    domain: str = ""
    username: str = ""  # empty: our code
    name: str = "Gatehouse"
    local_host: str = ""
    local_port: Annotated[int, Meta(ge=0, le=65_535)] = 0  # of datagrams; 0: a free one
    edition: Literal["2016", "2022"] = "2016"
    encoding: Encoding | None = None  # left out: GB2312 for 2016, GB18030 for 2022
    expires_s: Annotated[int, Meta(ge=60, le=86_400)] = 3_600
    keepalive_s: Annotated[int, Meta(ge=10, le=255)] = 60
    losses: Annotated[int, Meta(ge=1, le=10)] = 3  # keep-alives without an answer: then we are offline
    items_at_once: Annotated[int, Meta(ge=1, le=20)] = 1
    report_disarmed: bool = True
    alarms: list[AlarmRow] = []  # before ours
    items: list[Named] = []
    timers: Timers = Timers()

    def __post_init__(self) -> None:
        need_code("server", self.server)
        need_code("ours", self.ours)
        odd = [name for name in ("host", "local_host") if (text := getattr(self, name)) and not _HOST.fullmatch(text)]
        odd += [name for name in ("domain", "username") if (text := getattr(self, name)) and not _WORD.fullmatch(text)]
        if odd or not self.host:
            raise ValueError(f"`{(odd or ['host'])[0]}`: letters, digits, dots and dashes, as in an address")
        codes = [one.item.code for one in self.items]
        if len(set(codes)) < len(codes) or self.ours in codes:
            raise ValueError("`items`: a code stands there twice, or is our own; each names one thing")

    @property
    def sip_domain(self) -> str:
        return self.domain or sip_domain(self.server)

    @property
    def written_in(self) -> Encoding:
        return self.encoding or ("GB18030" if self.edition == "2022" else "GB2312")

    @property
    def version(self) -> str:
        """What X-GB-Ver says."""
        return _VERSIONS[self.edition]

    @property
    def rows(self) -> tuple[AlarmRow, ...]:
        return (*self.alarms, *BUILT_IN)
