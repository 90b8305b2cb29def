"""One contract, every provider, against the simulator: orders, queries, refunds, bills, notices that are refused."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.reconciliation import read_file
from server.payments.calls import Calls
from server.payments.provider import (
    Asked,
    Back,
    BadNotice,
    NoBill,
    Notice,
    NotReady,
    PaymentProvider,
    ProviderAway,
    ProviderRefused,
)
from simulators.payments.books import CHINA
from simulators.payments.callbacks import Letter
from simulators.payments.faults import Fault
from simulators.payments.server import Payments
from tests.server.payments.site import calls, configured, payments

CHANNELS = ("wechat", "alipay")


def provider_of(made: Calls, channel: str) -> PaymentProvider:
    found = made.for_complex(channel, "garden")
    assert found is not None
    return found


def asked(number: str, fen: int = 500, **more: Any) -> Asked:
    return Asked(number, fen, "停车费", datetime.now(UTC) + timedelta(minutes=5), **more)


@pytest.mark.parametrize("channel", CHANNELS)
async def test_an_order_is_placed_paid_closed_and_given_back(tmp_path: Path, channel: str) -> None:
    async with payments(tmp_path) as sim:
        made = calls(tmp_path, sim)
        it = provider_of(made, channel)
        for way in ("code", "page"):
            placed = await made.run(lambda way=way: it.order(asked(f"ORDER-{way}", way=way)))
            assert placed.url.startswith(("weixin://", "http://127.0.0.1"))
        assert (await made.run(lambda: it.query("ORDER-code"))).state == "pending"
        assert (await made.run(lambda: it.query("NOTHING-OF-OURS"))).state == "unknown"
        sim.pay(sim.books.find(channel, "ORDER-code"))
        paid = await made.run(lambda: it.query("ORDER-code"))
        assert (paid.state, paid.amount_fen, bool(paid.provider_no)) == ("paid", 500, True)
        assert paid.paid_at and abs(paid.paid_at - datetime.now(UTC)) < timedelta(seconds=30)
        with pytest.raises(ProviderRefused):
            await made.run(lambda: it.close("ORDER-code"))
        await made.run(lambda: it.order(asked("ORDER-gone")))
        await made.run(lambda: it.close("ORDER-gone"))
        assert (await made.run(lambda: it.query("ORDER-gone"))).state == "closed"
        await _gives_back(sim, made, it)


async def _gives_back(sim: Payments, made: Calls, it: PaymentProvider) -> None:
    sim.books.refunds_stay = "PROCESSING"
    back = Back("REFUND-1", "ORDER-code", 200, 500, "重复支付")
    assert (await made.run(lambda: it.refund(back))).state == "processing"
    assert (await made.run(lambda: it.refund(back))).state == "processing", "the same again is the same refund"
    for refund in sim.books.refunds.values():
        sim.books.settle(refund, "SUCCESS")
    done = await made.run(lambda: it.query_refund("REFUND-1", "ORDER-code"))
    assert (done.state, done.amount_fen) == ("success", 200)
    assert (await made.run(lambda: it.query_refund("REFUND-9", "ORDER-code"))).state == "unknown"
    with pytest.raises(ProviderRefused):
        await made.run(lambda: it.refund(Back("REFUND-2", "ORDER-code", 400, 500, "太多")))


@pytest.mark.parametrize("channel", CHANNELS)
async def test_bills_are_those_of_the_books_and_our_readers_read_them(tmp_path: Path, channel: str) -> None:
    async with payments(tmp_path) as sim:
        made = calls(tmp_path, sim)
        it = provider_of(made, channel)
        day = datetime.now(CHINA).date()
        with pytest.raises(ProviderRefused):
            await made.run(lambda: it.bill(day, "trade"))
        for number in range(3):
            text = "停车费, 东门" if number else "停车费"
            one = Asked(f"BILL-{number}", 700 + number, text, datetime.now(UTC) + timedelta(minutes=5))
            await made.run(lambda one=one: it.order(one))
            sim.pay(sim.books.find(channel, f"BILL-{number}"))
        await made.run(lambda: it.refund(Back("BACK-1", "BILL-0", 300, 700, "多付")))
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), CHINA)
        sim.ahead = midnight - datetime.now(UTC) + timedelta(hours=9, minutes=30)
        with pytest.raises((NotReady, NoBill)):
            await made.run(lambda: it.bill(day, "trade"))
        sim.ahead += timedelta(hours=1)
        with pytest.raises(NoBill):
            await made.run(lambda: it.bill(day - timedelta(days=7), "trade"))
        for kind in it.bill_kinds:
            bill = await made.run(lambda kind=kind: it.bill(day, kind))
            read: Any = read_file(bill.name, io.BytesIO(bill.content))
            assert (read.channel, read.day) == (channel, day)
            if kind == "trade":
                assert sorted((one.order, one.order_fen) for one in read.rows if one.kind == "payment") == [
                    ("BILL-0", 700),
                    ("BILL-1", 701),
                    ("BILL-2", 702),
                ]
                assert [one.order_fen for one in read.rows if one.kind == "refund"] == [-300]
            assert bill.checked == ("unpacked" if channel == "wechat" else "none")


REFUSED: tuple[tuple[Fault, str], ...] = (("forged", "signature"), ("merchant", "merchant"), ("old", "old"))


@pytest.mark.parametrize("channel", CHANNELS)
async def test_notices_are_taken_whole_or_refused_with_their_reason(tmp_path: Path, channel: str) -> None:
    async with payments(tmp_path) as sim:
        made = calls(tmp_path, sim)
        it = provider_of(made, channel)
        await made.run(lambda: it.order(asked("NOTICE-1")))
        order = sim.books.pay(sim.books.find(channel, "NOTICE-1"))
        good = taken(it, sim.writer.paid(order))
        assert (good.out_trade_no, good.amount_fen, good.kind, good.state) == ("NOTICE-1", 500, "payment", "paid")
        for fault, reason in REFUSED:
            assert refusal(it, sim.writer.paid(order, fault)) == reason, fault
        letter = sim.writer.paid(order)
        assert refusal(it, _changed(letter, body=letter.body[:-9])) in ("signature", "unreadable")
        assert refusal(it, _changed(letter, body=b"")) in ("signature", "unreadable")
        assert refusal(it, _changed(letter, body=b"\xff\x00" * 40)) in ("signature", "unreadable")
        if channel == "wechat":
            for name in ("Timestamp", "Nonce", "Signature", "Serial", "Signature-Type"):
                without = {key: value for key, value in letter.headers.items() if key != f"Wechatpay-{name}"}
                assert refusal(it, _changed(letter, headers=without)) == "headers"
            other = {**letter.headers, "Wechatpay-Serial": "ABCDEF"}
            assert refusal(it, _changed(letter, headers=other)) == "serial", "no certificates are fetched for it"


@pytest.mark.parametrize("channel", CHANNELS)
async def test_without_its_own_checks_a_provider_would_take_them(tmp_path: Path, channel: str) -> None:
    """The positive control: the libraries alone take another merchant's notice and, of WeChat Pay, an old one."""
    async with payments(tmp_path) as sim:
        made = calls(tmp_path, sim)
        it: Any = provider_of(made, channel)
        await made.run(lambda: it.order(asked("NOTICE-1")))
        order = sim.books.pay(sim.books.find(channel, "NOTICE-1"))
        assert _library_takes(it, sim.writer.paid(order, "old"))
        assert _library_takes(it, sim.writer.paid(order, "merchant"))
        assert not _library_takes(it, sim.writer.paid(order, "forged"))


async def test_the_refusals_come_from_the_checks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same notices at adapters that lack one check: they are taken."""
    from server.payments import alipay, wechat

    async with payments(tmp_path) as sim:
        made = calls(tmp_path, sim)
        for channel in CHANNELS:
            it = provider_of(made, channel)
            await made.run(lambda it=it: it.order(asked("NOTICE-1")))
            sim.books.pay(sim.books.find(channel, "NOTICE-1"))
        monkeypatch.setattr(wechat.WeChat, "_check_headers", lambda *_: None)
        monkeypatch.setattr(alipay.Alipay, "_check_ours", lambda *_: None)
        order = sim.books.find("wechat", "NOTICE-1")
        assert taken(provider_of(made, "wechat"), sim.writer.paid(order, "old"))
        for fault in ("old", "merchant"):
            letter = sim.writer.paid(sim.books.find("alipay", "NOTICE-1"), fault)
            assert taken(provider_of(made, "alipay"), letter)


def _library_takes(it: Any, letter: Letter) -> bool:
    if it.channel == "wechat":
        return bool(it._client.callback({name.lower(): value for name, value in letter.headers.items()}, letter.body))
    from urllib.parse import parse_qsl

    said = dict(parse_qsl(letter.body.decode()))
    return bool(it._client.verify(said, said.pop("sign")))


async def test_what_is_away_is_said_and_secrets_are_not(tmp_path: Path) -> None:
    async with payments(tmp_path) as sim:
        made = calls(tmp_path, sim)
    for channel in CHANNELS:
        it = provider_of(made, channel)
        with pytest.raises(ProviderAway) as caught:
            await made.run(lambda it=it: it.query("NOTICE-1"))
        assert "sign" not in str(caught.value)
    text = repr(configured(sim).payments)
    assert sim.keys.api_v3 not in text and "PRIVATE" not in text


async def test_calls_that_hang_are_left_and_too_many_are_turned_away(tmp_path: Path) -> None:
    made = Calls([], [])
    made._limit_s = 0.1  # pyright: ignore[reportPrivateUsage]
    gate = asyncio.Event()
    loop = asyncio.get_running_loop()

    def hangs() -> None:
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result(5)

    waiting = [asyncio.create_task(made.run(hangs)) for _ in range(40)]
    done = await asyncio.gather(*waiting, return_exceptions=True)
    gate.set()
    assert all(isinstance(one, ProviderAway) for one in done)
    assert any("wait already" in str(one) for one in done)
    made.close()


def taken(it: PaymentProvider, letter: Letter) -> Notice:
    headers = {name.lower(): value for name, value in letter.headers.items()}
    return it.callback(headers, letter.body, datetime.now(UTC))


def refusal(it: PaymentProvider, letter: Letter) -> str:
    with pytest.raises(BadNotice) as caught:
        taken(it, letter)
    return caught.value.reason


def _changed(letter: Letter, **change: Any) -> Letter:
    return Letter(**{**vars(letter), **change})
