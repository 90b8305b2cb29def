"""The tables of money as workbooks: payments, refunds, debts, shifts, passes, charging of cars."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import get_args

from msgspec.structs import replace

from server.api.sheet_parts import WHOSE, Asked, Table, local
from server.store import charging_rows, debt_views, desk_views, pass_views, payment_views, place_views
from server.store.engine import stamp, unstamp
from server.store.our_side import span_of
from server.store.pass_views import What
from server.store.payment_views import PaymentFilter
from server.store.place_views import ComplexView
from server.web.answers import house_of
from server.web.formats import zone_of
from server.web.languages import N_
from server.web.sheets import MOST_ROWS, Row

_AT_ONCE = 500


async def _places(asked: Asked) -> list[ComplexView]:
    """The complex that the page shows, or all that the person sees."""
    found = await place_views.complexes_of(asked.connection, asked.person.scope)
    return [one for one in found if asked.of("complex") in ("", one.id)]


async def _payments(asked: Asked) -> AsyncIterator[Row]:
    status = asked.of("status") if asked.of("status") in payment_views.STATES else ""
    chosen = PaymentFilter(asked.of("complex"), status)
    for _ in range(0, MOST_ROWS, _AT_ONCE):
        found = await payment_views.payments(asked.connection, asked.person.scope, chosen, _AT_ONCE)
        plates = await payment_views.plates_of(asked.connection, [(one.complex, one.session) for one in found])
        for one in found:
            times = (local(one.asked_at, one.timezone), local(one.paid_at, one.timezone))
            said = (asked.word("channel", one.channel), asked.word("payment", one.status), *times, one.amount_fen)
            plate = plates.get((one.complex, one.session or ""))
            yield (one.complex_name, plate, *said, one.receipt, one.by, one.out_trade_no, one.provider_no)
        if len(found) < _AT_ONCE:
            return
        chosen = replace(chosen, before=(stamp(found[-1].asked_at), found[-1].out_trade_no))


async def _refunds(asked: Asked) -> AsyncIterator[Row]:
    found = await payment_views.refunds(asked.connection, asked.person.scope, MOST_ROWS)
    for start in range(0, len(found), _AT_ONCE):
        some = found[start : start + _AT_ONCE]
        plates = await payment_views.plates_paid(asked.connection, [(one.complex, one.out_trade_no) for one in some])
        for one in some:
            times = (local(one.proposed_at, one.timezone), local(one.done_at, one.timezone))
            said = (asked.word("channel", one.channel), asked.word("refund", one.status), *times, one.amount_fen)
            people = (one.reason, one.proposed_by, one.approved_by)
            yield (one.complex_name, plates.get((one.complex, one.out_trade_no)), *said, *people, one.out_trade_no)


async def _debts(asked: Asked) -> AsyncIterator[Row]:
    for place in await _places(asked):
        for one in await debt_views.debts(asked.connection, place.id):
            times = (local(one.entered_at, place.timezone), local(one.exited_at, place.timezone))
            sums = (one.stands.charged_fen, one.stands.paid_fen - one.stands.refunded_fen, one.stands.debt_fen)
            yield (place.name, one.plate, *times, *sums, one.reminders, one.session)


async def _shifts(asked: Asked) -> AsyncIterator[Row]:
    for one in await desk_views.shifts(asked.connection, asked.person.scope, asked.of("complex"), MOST_ROWS):
        begun, ended = (at and local(unstamp(at), one["timezone"]) for at in (one["opened_at"], one["closed_at"]))
        counted, due = one["counted_fen"], one["expected_fen"]
        sums = (one["opening_float_fen"], one["payouts_fen"], due, counted)
        over = None if counted is None or due is None else counted - due
        yield (one["complex_name"], one["id"], one["person"], begun, ended, *sums, over, one["note"], one["signed_by"])


async def _passes(asked: Asked) -> AsyncIterator[Row]:
    what: What = next((one for one in get_args(What) if one == asked.of("what")), "soon")
    for place in await _places(asked):
        today = house_of(asked.request).now().astimezone(zone_of(place.timezone)).date()
        found = await pass_views.passes(asked.connection, asked.person.scope, place.id, what, today, MOST_ROWS)
        for one in found:
            first = date.fromisoformat(one.from_day) if one.from_day else None
            last = date.fromisoformat(one.until_day)
            yield (one.complex_name, one.plate, one.home, first, last, one.days_left(today), one.place)


async def _charging(asked: Asked) -> AsyncIterator[Row]:
    for place in await _places(asked):
        zone = zone_of(place.timezone)
        first = _month(asked.of("month"), house_of(asked.request).now().astimezone(zone).date())
        after = (first + timedelta(days=31)).replace(day=1)
        span = (span_of(first, zone)[0], span_of(after, zone)[0])
        for one in await charging_rows.of_day(asked.connection, place.id, *span):
            said = (one.session.device, one.session.point, local(one.session.stopped_at, place.timezone))
            yield (place.name, *said, one.session.drawn_wh, one.energy_fen, one.service_fen, one.fee_fen)


def _month(text: str, today: date) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        return today.replace(day=1)


MONEY = {
    "payments": Table(
        N_("支付"),
        (
            *WHOSE,
            (N_("渠道"), "text"),
            (N_("状态"), "text"),
            (N_("下单"), "time"),
            (N_("付款"), "time"),
            (N_("金额"), "fen"),
            (N_("收据"), "number"),
            (N_("经手"), "text"),
            (N_("订单号"), "text"),
            (N_("渠道单号"), "text"),
        ),
        _payments,
    ),
    "refunds": Table(
        N_("退款"),
        (
            *WHOSE,
            (N_("渠道"), "text"),
            (N_("状态"), "text"),
            (N_("提出"), "time"),
            (N_("退款时间"), "time"),
            (N_("金额"), "fen"),
            (N_("原因"), "text"),
            (N_("提出人"), "text"),
            (N_("批准人"), "text"),
            (N_("订单号"), "text"),
        ),
        _refunds,
    ),
    "debts": Table(
        N_("欠费"),
        (
            *WHOSE,
            (N_("入场"), "time"),
            (N_("出场"), "time"),
            (N_("费用"), "fen"),
            (N_("已付"), "fen"),
            (N_("欠费"), "fen"),
            (N_("催缴"), "number"),
            (N_("停车编号"), "text"),
        ),
        _debts,
    ),
    "shifts": Table(
        N_("收银班次"),
        (
            (N_("小区"), "text"),
            (N_("班次"), "text"),
            (N_("收银员"), "text"),
            (N_("开班"), "time"),
            (N_("交班"), "time"),
            (N_("备用金"), "fen"),
            (N_("现金支出"), "fen"),
            (N_("钱箱应有"), "fen"),
            (N_("实点"), "fen"),
            (N_("长短款"), "fen"),
            (N_("说明"), "text"),
            (N_("签认人"), "text"),
        ),
        _shifts,
    ),
    "passes": Table(
        N_("月卡"),
        (
            *WHOSE,
            (N_("房号"), "text"),
            (N_("起始日"), "day"),
            (N_("终止日（含）"), "day"),
            (N_("剩余天数"), "number"),
            (N_("车位"), "text"),
        ),
        _passes,
    ),
    "charging": Table(
        N_("充电收入"),
        (
            (N_("小区"), "text"),
            (N_("充电桩"), "text"),
            (N_("接口"), "text"),
            (N_("结束"), "time"),
            (N_("电量（Wh）"), "number"),
            (N_("电费"), "fen"),
            (N_("服务费"), "fen"),
            (N_("合计"), "fen"),
        ),
        _charging,
    ),
}
