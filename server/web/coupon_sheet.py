"""The coupons of a month as a workbook, sums in yuan: what each issuer gave, and each coupon; no plates."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence

from openpyxl import Workbook

from server.store.coupon_views import Given, IssuerView
from server.web import titles
from server.web.formats import to_minute
from server.web.languages import N_

Translate = Callable[[str], str]
SUMS = (N_("发券方"), N_("谁付"), N_("已使用"), N_("车还在场"), N_("已撤回"), N_("已退回"), N_("减免（元）"))
EACH = (N_("发券方"), N_("停车券"), N_("发出时间"), N_("由谁发出"), N_("状态"), N_("减免（元）"), N_("原因"))
_STATES = ("used", "given", "undone", "returned")


def workbook(issuers: Sequence[IssuerView], given: Sequence[Given], zone: str, translate: Translate) -> bytes:
    """Two sheets: by issuer, and one by one."""
    book = Workbook(write_only=True)
    sums = book.create_sheet(translate("合计"))
    sums.append([translate(text) for text in SUMS])
    for one in issuers:
        pays = translate(payer(one.household))
        sums.append([one.name, pays, *(one.counts.get(state, 0) for state in _STATES), one.fen / 100])
    each = book.create_sheet(translate("停车券"))
    each.append([translate(text) for text in EACH])
    for one in given:
        state = translate(titles.word("coupon_state", one.state))
        told = [one.issuer_name, one.name, to_minute(one.given_at, zone), one.given_by, state]
        each.append([*told, None if one.fen is None else one.fen / 100, one.undone_why or ""])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def payer(household: str | None) -> str:
    """Who bears what an issuer's coupons take off."""
    return N_("小区") if household else N_("商户")
