"""All channels of the settings, made and at hand; whatever one of them does, a send ends in a receipt or a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from domain.delivery import Means
from server.channels import plugins, robots, settings
from server.channels.channel import Channel, Notice, NotSent, Receipt
from server.channels.settings import ChannelSettings, means_of

if TYPE_CHECKING:
    from server.channels.web_push import BrowserPush

log = structlog.get_logger()

_SPARE = 3.0  # times a channel's own limit; then nobody waits for it any more


class BadChannel(ValueError):
    """A channel that cannot be made; says which and why."""


class Channels:
    """By name."""

    def __init__(self, named: Mapping[str, ChannelSettings], made: Mapping[str, Channel]) -> None:
        self.named, self._made = named, made

    def serving(self, complex_id: str) -> Iterator[tuple[str, ChannelSettings]]:
        """Those that may carry a complex's alerts, in the order of the settings."""
        return ((name, one) for name, one in self.named.items() if one.serves(complex_id))

    def means(self, name: str) -> Means | None:
        return means_of(self.named[name]) if name in self.named else None

    @property
    def browser_push(self) -> tuple[str, BrowserPush] | None:
        """The channel by which browsers are pushed to, if there is one."""
        name = next((name for name, one in self.named.items() if isinstance(one, settings.WebPush)), None)
        made = self._made.get(name or "")
        return (name, made) if name and made is not None else None  # pyright: ignore[reportReturnType]

    async def send(self, name: str, notice: Notice) -> Receipt:
        """Raises NotSent, and nothing else: a plug-in's mistakes are the plug-in's."""
        channel, one = self._made.get(name), self.named.get(name)
        if channel is None or one is None:
            raise NotSent("refused", "the settings no longer have this channel")
        try:
            async with asyncio.timeout(one.timeout_s * _SPARE):
                return await channel.send(notice)
        except NotSent:
            raise
        except TimeoutError:
            raise NotSent("timeout", f"it did not end within {one.timeout_s * _SPARE:g} s") from None
        except Exception as error:  # noqa: BLE001 - the edge to code that is not ours; its words may be secret
            log.error("channel_broken", channel=name, error=type(error).__name__)
            raise NotSent("refused", type(error).__name__) from None

    async def close(self) -> None:
        await asyncio.gather(*(one.close() for one in self._made.values()), return_exceptions=True)


def make_all(folder: Path, named: Mapping[str, ChannelSettings], now: Callable[[], datetime]) -> Channels:
    """Raises BadChannel: which one, and what is wrong with it."""
    return Channels(named, {name: make(folder, name, one, now) for name, one in named.items()})


def make(folder: Path, name: str, one: ChannelSettings, now: Callable[[], datetime]) -> Channel:
    """Raises BadChannel."""
    try:
        return _made(folder, one, now)
    except OSError as error:
        raise BadChannel(f"channels.{name}: {error.filename or ''}: {error.strerror or error}") from error
    except (ValueError, ImportError, AttributeError) as error:
        raise BadChannel(f"channels.{name}: {error}") from error


def _made(folder: Path, one: ChannelSettings, now: Callable[[], datetime]) -> Channel:
    def secret(file: str) -> str:
        text = (folder / file).read_text().strip()
        if not text or any(sign.isspace() for sign in text):
            raise ValueError(f"{folder / file}: one word is expected, the secret and nothing else")
        return text

    match one:
        case settings.WeCom():
            return robots.WeComRobot(one, secret(one.key_file))
        case settings.DingTalk():
            return robots.DingTalkRobot(one, secret(one.token_file), secret(one.secret_file), now)
        case settings.Feishu():
            return robots.FeishuRobot(one, secret(one.token_file), secret(one.secret_file), now)
        case settings.WebPush():
            from server.channels.web_push import BrowserPush  # its libraries are loaded where it is set up

            return BrowserPush(one, (folder / one.key_file).read_bytes(), now)
        case settings.Email():
            from server.channels.email import EmailChannel

            password = (folder / one.password_file).read_text().strip() if one.password_file else ""
            return EmailChannel(one, password, str(folder / one.ca_file) if one.ca_file else "", now)
        case settings.Plugin():
            return plugins.load(one.plugin)(
                one.options, secret(one.secret_file) if one.secret_file else "", one.timeout_s
            )
