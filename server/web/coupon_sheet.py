"""The coupons of a month as a workbook, sums in yuan: what each issuer gave, and each coupon; no plates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from server.store.coupon_views import Given, IssuerView
from server.web import titles
from server.web.formats import to_minute
from server.web.languages import N_
from server.workbook import Book, yuan_of

Translate = Callable[[str], str]
SUMS = (N_("发券方"), N_("谁付"), N_("已使用"), N_("车还在场"), N_("已撤回"), N_("已退回"), N_("减免（元）"))
EACH = (N_("发券方"), N_("停车券"), N_("发出时间"), N_("由谁发出"), N_("状态"), N_("减免（元）"), N_("原因"))
_STATES = ("used", "given", "undone", "returned")
_SUM_WIDTHS = (24, 10, 10, 10, 10, 10, 14)
_EACH_WIDTHS = (24, 24, 18, 14, 10, 14, 30)


def workbook(issuers: Sequence[IssuerView], given: Sequence[Given], zone: str, translate: Translate) -> bytes:
    """Two sheets: by issuer, and one by one."""
    book = Book()
    sums = book.page(translate("合计"), _SUM_WIDTHS)
    sums.head(translate(text) for text in SUMS)
    for one in issuers:
        pays = translate(payer(one.household))
        sums.add((one.name, pays, *(one.counts.get(state, 0) for state in _STATES), yuan_of(one.fen)))
    each = book.page(translate("停车券"), _EACH_WIDTHS)
    each.head(translate(text) for text in EACH)
    for one in given:
        state = translate(titles.word("coupon_state", one.state))
        told = (one.issuer_name, one.name, to_minute(one.given_at, zone), one.given_by, state)
        each.add((*told, None if one.fen is None else yuan_of(one.fen), one.undone_why))
    return book.done()


def payer(household: str | None) -> str:
    """Who bears what an issuer's coupons take off."""
    return N_("小区") if household else N_("商户")
