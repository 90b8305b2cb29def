"""Providers' clients block: they run in a few threads, each with a time after which nobody waits for it any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from server.payments.merchants import Merchant, chosen
from server.payments.provider import Channel, PaymentProvider, ProviderAway

if TYPE_CHECKING:
    from server.payments.wechat_login import WeChatLogin

T = TypeVar("T")
_AT_ONCE, _WAITING = 8, 32
_SPARE_S = 5.0  # beyond what the clients themselves wait


class Calls:
    """All merchants, and the threads that ask for them. More calls than may wait are turned away as ProviderAway."""

    def __init__(
        self,
        merchants: list[Merchant],
        providers: Iterable[PaymentProvider],
        logins: Mapping[str, WeChatLogin] | None = None,
    ) -> None:
        self.merchants, self._logins = merchants, logins or {}
        self._providers = {(one.channel, one.merchant): one for one in providers}
        self._limit_s = max((one.timeout_s for one in merchants), default=10.0) * 2 + _SPARE_S
        self._threads = ThreadPoolExecutor(_AT_ONCE, "payments")
        self._open = 0

    def of(self, channel: str, merchant: str) -> PaymentProvider | None:
        """A merchant's provider by its number."""
        return next((it for key, it in self._providers.items() if key == (channel, merchant)), None)

    def for_complex(self, channel: str, complex_id: str) -> PaymentProvider | None:
        """By whom a complex is paid in a channel."""
        one = chosen(self.merchants, channel, complex_id)
        return None if one is None else self.of(channel, one.merchant)

    def login_for(self, complex_id: str) -> WeChatLogin | None:
        """By which a complex's payers are known inside WeChat; None where no secret is set."""
        one = chosen(self.merchants, "wechat", complex_id)
        return None if one is None else self._logins.get(one.merchant)

    def channels_of(self, complex_id: str) -> list[Channel]:
        """By what a complex may be paid."""
        return [channel for channel in ("wechat", "alipay") if chosen(self.merchants, channel, complex_id)]

    def all(self) -> list[PaymentProvider]:
        return list(self._providers.values())

    async def run(self, work: Callable[[], T]) -> T:
        """What a provider answers. Raises ProviderAway where it takes too long, or too many wait."""
        if self._open >= _WAITING:
            raise ProviderAway(f"{self._open} calls of providers wait already")
        self._open += 1
        try:
            async with asyncio.timeout(self._limit_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except TimeoutError as error:
            raise ProviderAway(f"nothing came within {self._limit_s:.0f} s") from error
        finally:
            self._open -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def notify_url(base: str, merchant: Merchant) -> str:
    """Where a provider tells of a merchant's payments."""
    return f"{base.rstrip('/')}/pay/notify/{merchant.channel}/{merchant.merchant}"


Maker = Callable[[Merchant, Path, str], PaymentProvider]


def make_all(
    merchants: list[Merchant], folder: Path, base: str, make: Maker, logins: Mapping[str, WeChatLogin]
) -> Calls:
    """Every merchant's provider. Raises what ``make`` raises for a key that cannot be read, or is none."""
    return Calls(merchants, [make(one, folder, notify_url(base, one)) for one in merchants], logins)
