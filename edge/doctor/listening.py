"""Which ports of this box somebody listens on, by the kernel's own list: nobody is connected to for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

_NET = Path("/proc/net")
_LISTENS = "0A"  # of a TCP socket, in include/net/tcp_states.h
_BOUND = "07"  # of a UDP socket
Protocol = Literal["tcp", "udp"]
_FILES: dict[Protocol, tuple[str, ...]] = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6")}


class Listening:
    """As it was when it was read."""

    def __init__(self, net: Path = _NET) -> None:
        self.is_known = (net / "tcp").is_file()
        self._ports = {name: frozenset(_ports(net, name)) for name in _FILES}

    def on(self, protocol: Protocol, port: int) -> bool:
        return port in self._ports[protocol]


def _ports(net: Path, protocol: Protocol) -> Iterator[int]:
    wanted = _LISTENS if protocol == "tcp" else _BOUND
    for name in _FILES[protocol]:
        try:
            lines = (net / name).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            if len(fields) > 3 and fields[3] == wanted:
                yield int(fields[1].rpartition(":")[2], 16)
