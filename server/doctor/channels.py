"""Channels: that each can be made of its settings, that people get a link, and that its far end can be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from domain.findings import Finding, Reporter
from server.channels.registry import BadChannel, make
from server.channels.settings import ChannelSettings, Email, Plugin, WebPush
from server.config import Config

_CHANNELS = Reporter("configuration", "channels")
_LIMIT_S = 3.0
_STEP = "docs/channels.md says what each kind needs; a secret is one word in a file of its own, chmod 600"


async def check(folder: Path, config: Config, now: datetime) -> list[Finding]:
    """Nothing is sent: /me/channels sends a test to whoever asks for it there."""
    if not config.channels:
        cause = "none is set up: alerts reach only screens of ours that stand open"
        return [_CHANNELS.warn(cause, "write [channels.NAME] into server.toml (docs/channels.md)")]
    found = list(_made(folder, config, now)) + list(_plain(config))
    lines = [_reach(name, one) for name, one in config.channels.items()]
    return found + [finding for finding in await asyncio.gather(*lines) if finding is not None]


def _made(folder: Path, config: Config, now: datetime) -> Iterator[Finding]:
    good: list[str] = []
    for name, one in config.channels.items():
        try:
            make(folder, name, one, lambda: now)
        except BadChannel as error:
            yield _CHANNELS.error(str(error), _STEP)
        else:
            good.append(name)
    if good:
        yield _CHANNELS.ok(f"{len(good)} can be used: {', '.join(good)}")


def _plain(config: Config) -> Iterator[Finding]:
    if not config.public_url:
        yield _CHANNELS.warn("public_url is not set: notices carry no link to their alert", "set public_url")
    if not any(one.desks for one in config.channels.values()):
        cause = "no channel has desks: where nobody is on duty, nobody is told"
        yield _CHANNELS.warn(cause, 'give one desks = ["complex", "community", "street", "department"]')
    if any(isinstance(one, WebPush) for one in config.channels.values()) and config.public_url.startswith("http://"):
        yield _CHANNELS.warn("web push works over https only", "put a proxy with a certificate in front")


async def _reach(name: str, one: ChannelSettings) -> Finding | None:
    """Whether the far end's port opens. A push service is known only by its browsers."""
    address = _far_end(one)
    if address is None:
        return None
    host, port = address
    try:
        async with asyncio.timeout(_LIMIT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        cause = f"channels.{name}: {host}:{port}: {error or 'no answer'}"
        return _CHANNELS.warn(cause, "a firewall, or no way out of this network? (docs/channels.md)")
    writer.close()
    return None


def _far_end(one: ChannelSettings) -> tuple[str, int] | None:
    if isinstance(one, Email):
        return one.host, one.port
    url = one.options.get("url", "") if isinstance(one, Plugin) else "" if isinstance(one, WebPush) else one.gateway
    address = urlsplit(url)
    if not address.hostname:
        return None
    return address.hostname, address.port or (443 if address.scheme == "https" else 80)
