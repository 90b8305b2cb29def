"""Fetches each merchant's bills of the day before from ten on, and each half hour again until they are there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import msgspec
import structlog

from server.payments.calls import Calls
from server.payments.provider import Bill, NoBill, NotReady, PaymentProvider, ProviderAway, ProviderRefused
from server.payments.taking import take_new
from server.payments.words import CHINA
from server.rounds import look_every
from server.store import provider_bill_rows
from server.store.engine import Database

log = structlog.get_logger()

READY_HOUR = 10
_SURE_HOUR = 12  # Alipay says "no bill" of one that is not made yet, too
_AGAIN = timedelta(minutes=30)
_LOOK_EVERY_S = 60.0
_DAYS_BACK = 3  # what a centre missed while it was off


class Fetched(msgspec.Struct, frozen=True):
    """What came of asking for one bill. ``outcome``: new, known, no_trade, not_ready, away or refused."""

    channel: str
    merchant: str
    day: str
    kind: str
    outcome: str
    detail: str = ""


class Bills:
    """What comes is a file of its day in each complex of the merchant, so that nobody has to give it."""

    def __init__(self, db: Database, calls: Calls, now: Callable[[], datetime]) -> None:
        self._db, self._calls, self._now = db, calls, now
        self._next: dict[tuple[str, str, str, str], datetime] = {}

    async def run(self) -> None:
        """Until cancelled."""
        await look_every(_LOOK_EVERY_S, "provider_bills", self.look)

    async def look(self) -> list[Fetched]:
        """Fetch what is due and not here yet, and take what came, whoever fetched it."""
        local = self._now().astimezone(CHINA)
        last = local.date() - timedelta(days=1 if local.hour >= READY_HOUR else 2)
        days = [last - timedelta(days=back) for back in range(_DAYS_BACK)]
        async with self._db.read() as connection:
            there = await provider_bill_rows.known(connection, days[-1].isoformat())
        found: list[Fetched] = []
        for day in reversed(days):
            of_day = [one for one in self._wanted(day) if self._key(one, day) not in there and self._may(one, day)]
            found += [await self._fetch(provider, day, kind) for provider, kind in of_day]
        await take_new(self._db, self._calls.merchants, self._now())
        return found

    async def fetch(self, day: date) -> list[Fetched]:
        """Every merchant's bills of a day, asked for now."""
        return [await self._fetch(provider, day, kind) for provider, kind in self._wanted(day)]

    def _wanted(self, day: date) -> Sequence[tuple[PaymentProvider, str]]:
        return [(provider, kind) for provider in self._calls.all() for kind in provider.bill_kinds]

    @staticmethod
    def _key(one: tuple[PaymentProvider, str], day: date) -> tuple[str, str, str, str]:
        return one[0].channel, one[0].merchant, day.isoformat(), one[1]

    def _may(self, one: tuple[PaymentProvider, str], day: date) -> bool:
        """Not more often than each half hour."""
        return self._now() >= self._next.get(self._key(one, day), self._now())

    async def _fetch(self, provider: PaymentProvider, day: date, kind: str) -> Fetched:
        key = self._key((provider, kind), day)
        self._next[key] = self._now() + _AGAIN
        try:
            bill = await self._calls.run(lambda: provider.bill(day, kind))
        except NoBill as error:
            return await self._no_trade(key, str(error))
        except NotReady as error:
            return Fetched(*key, "not_ready", str(error))
        except (ProviderAway, ProviderRefused) as error:
            log.warning("bill_not_fetched", channel=key[0], merchant=key[1], day=key[2], error=str(error))
            return Fetched(*key, "away" if isinstance(error, ProviderAway) else "refused", str(error))
        return await self._keep(key, bill)

    async def _no_trade(self, key: tuple[str, str, str, str], detail: str) -> Fetched:
        """Kept as an empty bill: nobody asks again. Early in the day Alipay's word is not the last."""
        local, day = self._now().astimezone(CHINA), date.fromisoformat(key[2])
        is_early = local.date() <= day + timedelta(days=1) and local.hour < _SURE_HOUR
        if key[0] == "alipay" and is_early:
            return Fetched(*key, "not_ready", detail)
        await self._keep(key, Bill("", b"", "none"))
        return Fetched(*key, "no_trade", detail)

    async def _keep(self, key: tuple[str, str, str, str], bill: Bill) -> Fetched:
        named: dict[str, str] = dict(zip(("channel", "merchant", "day", "kind"), key, strict=True))
        async with self._db.write() as connection:
            saved = (bill.name, bill.content, bill.checked)
            is_new = await provider_bill_rows.keep(connection, named, *saved, self._now())
        log.info("bill_fetched", **named, size_bytes=len(bill.content), hash_of=bill.checked, new=is_new)
        return Fetched(*key, "new" if is_new else "known", f"hash of the {bill.checked} text")
