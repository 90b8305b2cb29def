"""Plug-ins: whoever can send an SMS or make a call is found by the entry points ``gatehouse.channels``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import entry_points

from server.channels.channel import Channel

GROUP = "gatehouse.channels"

# A plug-in is one function: its options of server.toml, its secret, its time limit; the channel. It raises ValueError
# for options that it cannot work with.
Make = Callable[[Mapping[str, str], str, float], Channel]


class NoPlugin(ValueError):
    """There is none of that name; says which there are."""


def load(name: str) -> Make:
    """Raises NoPlugin, or what importing it raises."""
    found = {one.name: one for one in entry_points(group=GROUP)}
    if name not in found:
        raise NoPlugin(
            f"no plug-in {name}: there are {', '.join(sorted(found)) or 'none'}; pip install the one you want"
        )
    return found[name].load()
