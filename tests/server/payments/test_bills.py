"""Bills are fetched when they are there, once each, whole; a day without trade is not asked for again."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Table, select

from server.audit import Actor
from server.books.day_close import reconcile_day, sign_day
from server.payments.bills import Bills, Fetched
from server.payments.provider import ProviderRefused
from server.payments.taking import refused_for
from server.payments.wechat import checked_by
from server.store import day_views, provider_bill_rows, upload_rows
from server.store.engine import Database, stamp
from server.store.payment_tables import provider_bill
from server.store.schema import account, complex_, ledger_day, payment
from simulators.payments.books import CHINA, Order
from simulators.payments.server import Payments
from tests.server.engines import Engine, open_database
from tests.server.money import payment_row
from tests.server.payments.site import calls, payments


def _sold(sim: Payments, channel: str, at: datetime, more: str = "") -> None:
    """The providers' books alone: how the order came there is no matter here."""
    number = f"SOLD-{channel}-{more}".strip("-")
    made = Order(channel, number, 700, "停车费", "", at + timedelta(hours=1), "code", number)  # pyright: ignore[reportArgumentType]
    sim.books.pay(sim.books.place(made), at)


async def test_bills_are_fetched_from_ten_on_and_each_half_hour_until_they_are_there(
    tmp_path: Path, engine: Engine
) -> None:
    today = datetime.now(UTC).astimezone(CHINA).date()
    day = today - timedelta(days=1)
    async with payments(tmp_path) as sim, open_database(tmp_path, engine) as db:
        for channel in ("wechat", "alipay"):
            _sold(sim, channel, datetime(day.year, day.month, day.day, 9, 0, tzinfo=CHINA))
        clock = [datetime(today.year, today.month, today.day, 9, 0, tzinfo=CHINA)]
        sim._clock = lambda: clock[0]  # pyright: ignore[reportPrivateUsage]
        bills = Bills(db, calls(tmp_path, sim), lambda: clock[0])
        early = await bills.look()
        assert day.isoformat() not in {one.day for one in early}, "before ten yesterday's is not asked for"
        assert {one.outcome for one in early} == {"no_trade"}
        clock[0] += timedelta(hours=1, minutes=5)
        sim.ahead = timedelta(hours=-1)  # the provider is late
        assert _outcomes(await bills.look(), day) == ["not_ready", "not_ready", "not_ready"]
        sim.ahead = timedelta()
        assert await bills.look() == [], "not before half an hour has gone by"
        clock[0] += timedelta(minutes=31)
        assert _outcomes(await bills.look(), day) == ["new", "new", "new"]
        clock[0] += timedelta(hours=1)
        assert await bills.look() == [], "what is here is not asked for again"
        assert _outcomes(await bills.fetch(day), day) == ["known", "known", "known"]
        async with db.read() as connection:
            kept = await provider_bill_rows.of_day(connection, day.isoformat())
        assert sorted((row["channel"], row["kind"], row["checked"]) for row in kept) == [
            ("alipay", "trade", "none"),
            ("wechat", "fund", "unpacked"),
            ("wechat", "trade", "unpacked"),
        ]
        assert all(row["content"] for row in kept)


async def test_what_is_fetched_is_a_file_of_the_day_and_the_day_closes_without_an_upload(
    tmp_path: Path, engine: Engine
) -> None:
    today = datetime.now(UTC).astimezone(CHINA).date()
    day, noon = today - timedelta(days=1), datetime(today.year, today.month, today.day, 12, 0, tzinfo=CHINA)
    async with payments(tmp_path) as sim, open_database(tmp_path, engine) as db:
        for channel in ("wechat", "alipay"):
            _sold(sim, channel, noon - timedelta(hours=25))
        _sold(sim, "wechat", noon - timedelta(hours=26), "RIVER")
        clock = [noon]
        sim._clock = lambda: clock[0]  # pyright: ignore[reportPrivateUsage]
        await _two_complexes(db, noon)
        bills = Bills(db, calls(tmp_path, sim), lambda: clock[0])
        await bills.look()
        given = await _given(db, day)
        assert [(one.told.kind, one.told.channel, one.told.fetched) for one in given] == [
            ("fund", "wechat", True),
            ("trade", "alipay", True),
            ("trade", "wechat", True),
        ]
        trade = next(one for one in given if (one.told.kind, one.told.channel) == ("trade", "wechat"))
        await _taken_back_stays_so(db, bills, trade, clock)

        kept = await reconcile_day(db, "garden", day, "sun", clock[0])
        async with db.read() as connection:
            found = await day_views.report(connection, "garden", f"{day}", kept.version)
        assert found is not None
        assert {(one.key, one.kind) for one in found.items if "RIVER" in one.key} == set(), "another complex's"
        assert found.totals["wechat"]["bill_fen"] == found.totals["wechat"]["explained_fen"] == 700
        assert await sign_day(db, "garden", day, Actor("chen", "operator"), clock[0])
        assert await db_count(db, ledger_day) == 1
        await _changed(db, sim, bills, clock, day)


async def _two_complexes(db: Database, noon: datetime) -> None:
    at, was = stamp(noon), stamp(noon - timedelta(hours=25))
    async with db.write() as connection:
        for name in ("garden", "river"):
            await connection.execute(complex_.insert().values(id=name, name=name, timezone="Asia/Shanghai"))
        for name in ("sun", "chen"):
            row = {"username": name, "password_hash": "", "role": "operator", "created_at": at}
            await connection.execute(account.insert().values(**row))
        orders = (("garden", "SOLD-wechat", "wechat"), ("garden", "SOLD-alipay", "alipay"))
        for place, number, channel in (*orders, ("river", "SOLD-wechat-RIVER", "wechat")):
            row = payment_row(number, None, 700, complex=place, channel=channel, asked_at=was, paid_at=was)
            await connection.execute(payment.insert().values(**row))


async def _given(db: Database, day: date, place: str = "garden", *, removed: bool = False) -> list[upload_rows.Upload]:
    async with db.read() as connection:
        found = await upload_rows.of_day(connection, place, day.isoformat(), removed=removed)
    return sorted(found, key=lambda one: (one.told.kind, one.told.channel))


async def _taken_back_stays_so(db: Database, bills: Bills, one: upload_rows.Upload, clock: list[datetime]) -> None:
    """What a person took back does not come again by itself, and fetching again changes nothing."""
    day = date.fromisoformat(one.day)
    async with db.write("garden") as connection:
        await upload_rows.take_back(connection, "garden", one.day, one.sha256, "sun", clock[0])
        await connection.execute(provider_bill.update().values(taken_at=None))
    before = await _given(db, day)
    assert len(before) == 2
    assert set(_outcomes(await bills.fetch(day), day)) == {"known"}
    await bills.look()
    assert await _given(db, day) == before
    async with db.write("garden") as connection:
        await upload_rows.take_back(connection, "garden", one.day, one.sha256, None, clock[0])


async def _changed(db: Database, sim: Payments, bills: Bills, clock: list[datetime], day: date) -> None:
    """A bill that changed replaces the one before; what is no bill is refused whole, with its reason."""
    _sold(sim, "wechat", clock[0] - timedelta(hours=24), "LATE")
    await bills.fetch(day)
    await bills.look()
    assert len(await _given(db, day)) == 3
    assert len(await _given(db, day, removed=True)) == 5, "the older versions are taken back"
    kept = await reconcile_day(db, "garden", day, "sun", clock[0])
    assert (kept.version, kept.new) == (2, True), "the bytes of what was fetched are still here"
    key = {"channel": "wechat", "merchant": calls_merchant(bills), "day": f"{day}", "kind": "trade"}
    before = await _given(db, day, removed=True)
    async with db.write() as connection:
        await provider_bill_rows.keep(connection, key, "cut.csv", b"\xef\xbb\xbf`1,`2\n", "none", clock[0])
    await bills.look()
    assert await _given(db, day, removed=True) == before
    async with db.read() as connection:
        (one,) = await refused_for(connection, bills._calls.merchants, "garden", f"{day}")  # pyright: ignore[reportPrivateUsage]
        assert await refused_for(connection, [], "garden", f"{day}") == []
    assert one.name == "cut.csv"
    assert "neither a bill" in one.refused


def calls_merchant(bills: Bills) -> str:
    merchants = bills._calls.merchants  # pyright: ignore[reportPrivateUsage]
    return next(one.merchant for one in merchants if one.channel == "wechat")


async def db_count(db: Database, table: Table) -> int:
    async with db.read() as connection:
        return len((await connection.execute(select(table))).all())


def _outcomes(found: list[Fetched], day: date) -> list[str]:
    return [one.outcome for one in found if one.day == day.isoformat()]


def test_a_hash_is_of_either_text_and_of_no_other() -> None:
    assert checked_by(hashlib.sha1(b"abc").hexdigest().upper(), b"abc", b"x") == "unpacked"
    assert checked_by(hashlib.sha1(b"abc").hexdigest(), b"x", b"abc") == "packed"
    with pytest.raises(ProviderRefused):
        checked_by(hashlib.sha1(b"abc").hexdigest(), b"ab", b"x")
