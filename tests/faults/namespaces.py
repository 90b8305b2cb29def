"""Two network namespaces with a cable between them, its faults made by nft and tc; all goes with the block."""

from __future__ import annotations

import atexit
import ctypes
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Literal, Self

CENTRE_HOST = "10.201.0.1"
GATEWAY_HOST = "10.201.0.2"
Direction = Literal["up", "down", "both"]

_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_made: list[str] = []


class NotAllowed(Exception):
    """This machine does not let us make namespaces; the message says what was refused."""


class Cable:
    """The centre's namespace and the gateway's, joined by a veth pair. Raises NotAllowed.

    Packets are dropped where they leave or enter the centre: "up" is from the gateway to the centre.
    """

    def __init__(self) -> None:
        self.centre, self.gateway = f"gh{os.getpid()}c", f"gh{os.getpid()}g"

    def __enter__(self) -> Self:
        for name in (self.centre, self.gateway):
            _run("ip", "netns", "add", name)
            _made.append(name)
            _run("ip", "-n", name, "link", "set", "lo", "up")
        far = ("peer", "name", "eth0", "netns", self.gateway)
        _run("ip", "-n", self.centre, "link", "add", "name", "eth0", "type", "veth", *far)
        for name, host in ((self.centre, CENTRE_HOST), (self.gateway, GATEWAY_HOST)):
            _run("ip", "-n", name, "address", "add", f"{host}/24", "dev", "eth0")
            _run("ip", "-n", name, "link", "set", "eth0", "up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name in (self.centre, self.gateway):
            _remove(name)

    def lose(self, direction: Direction, percent: int = 100) -> None:
        """Drop so many of the packets that go this way, drawn by the kernel."""
        hooks = {"up": ["input"], "down": ["output"], "both": ["input", "output"]}[direction]
        share = [] if percent >= 100 else ["numgen", "random", "mod", "100", "<", str(percent)]
        self._nft("add", "table", "inet", "faults")
        for hook in hooks:
            self._nft("add", "chain", "inet", "faults", hook, f"{{ type filter hook {hook} priority 0 ; }}")
            self._nft("add", "rule", "inet", "faults", hook, *share, "drop")

    def slow(self, kbit_per_s: int) -> None:
        """Bound both directions."""
        bound = ("rate", f"{kbit_per_s}kbit", "burst", "3000", "latency", "2s")
        for name in (self.centre, self.gateway):
            _run("tc", "-n", name, "qdisc", "add", "dev", "eth0", "root", "tbf", *bound)

    def mend(self) -> None:
        """As new."""
        for name in (self.centre, self.gateway):
            _run("tc", "-n", name, "qdisc", "del", "dev", "eth0", "root", may_fail=True)
        self._nft("delete", "table", "inet", "faults", may_fail=True)

    def _nft(self, *words: str, may_fail: bool = False) -> None:
        _run("ip", "netns", "exec", self.centre, "nft", *words, may_fail=may_fail)


@contextmanager
def inside(namespace: str) -> Iterator[None]:
    """This thread, and what it starts, is in the namespace: sockets made here, children, threads."""
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
        try:
            _enter(there)
        finally:
            os.close(there)
        yield
    finally:
        _enter(home)
        os.close(home)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise NotAllowed(f"setns: {os.strerror(number)}")


def _remove(name: str) -> None:
    if name in _made:
        _run("ip", "netns", "del", name, may_fail=True)
        _made.remove(name)


@atexit.register
def _remove_all() -> None:
    for name in list(_made):
        _remove(name)


def _run(*command: str, may_fail: bool = False) -> None:
    program = shutil.which(command[0], path=_PATH)
    if program is None:
        raise NotAllowed(f"{command[0]} is not installed: apt install iproute2 nftables")
    environment = {**os.environ, "PATH": _PATH}
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=30, env=environment)
    if done.returncode and not may_fail:
        raise NotAllowed(f"{' '.join(command)}: {done.stderr.strip()}")
