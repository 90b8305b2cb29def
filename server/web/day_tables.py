"""The tables of a day as sheets of a workbook: sums, items, versions, files, journals; and all open items."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from domain.reconciliation import Item
from domain.reconciliation.items import in_order
from domain.reconciliation.money import FEE_UNITS
from server.store.day_views import Closing, Identity, OpenItem, Report, Version
from server.store.upload_rows import Upload
from server.web.day_sheets import Table, workbook
from server.web.languages import N_
from server.web.titles import word
from server.workbook import Value, yuan_of

Translate = Callable[[str], str]
_SUMS = ("bill_fen", "explained_fen", "open_fen", "superseded_fen", "local_fen", "coupons_fen")
_SUM_HEADINGS = (N_("账单"), N_("已平"), N_("未平"), N_("作废的尝试"), N_("本地"), N_("优惠"), N_("手续费"))
_ITEM_HEADINGS = (N_("渠道"), N_("编号"), N_("分类"), N_("账单"), N_("本地"), N_("自"), N_("账龄（天）"), N_("说明"))
_VERSION_HEADINGS = (N_("版本"), N_("哈希"), N_("对账时间"), N_("对账人"), N_("签认时间"), N_("签认人"))
_CLOSED_HEADINGS = (N_("了结时间"), N_("了结人"), N_("怎样了结"), N_("单据"), N_("分录"))


async def day_book(
    report: Report,
    versions: Sequence[Version],
    closings: Mapping[Identity, Closing],
    uploads: Sequence[Upload],
    lines: Sequence[Any],
    translate: Translate,
) -> bytes:
    """Every table of a day."""
    items = in_order(report.items)
    tables: dict[str, Table] = {
        N_("合计"): ((N_("渠道"), *_SUM_HEADINGS), list(_sums(report, translate))),
        N_("未平款项"): (
            (*_ITEM_HEADINGS, *_CLOSED_HEADINGS),
            [(*_item(one, translate), *_closing(closings.get(one.identity))) for one in items if one.is_open],
        ),
        N_("已平款项"): (_ITEM_HEADINGS, [_item(one, translate) for one in items if not one.is_open]),
        N_("版本"): (
            (*_VERSION_HEADINGS, N_("签认时数字是暂时的：")),
            [_version(one) for one in versions],
        ),
        N_("文件"): (
            (N_("文件"), N_("种类"), N_("渠道"), N_("商户"), N_("笔数"), "SHA-256", N_("上传人")),
            [_file(one, translate) for one in uploads],
        ),
        N_("分录"): (
            (N_("编号"), N_("来源"), N_("来源编号"), N_("科目"), N_("金额"), N_("说明"), N_("哈希")),
            [(row.number, f"{row.source} {row.kind}", *_line(row)) for row in lines],
        ),
    }
    return await asyncio.to_thread(workbook, tables, translate)


async def open_book(items: Iterable[OpenItem], today: date, translate: Translate) -> bytes:
    """All open items."""
    rows = [(one.complex_name, *_item(one.item, translate, today)) for one in items]
    tables: dict[str, Table] = {N_("未平款项"): ((N_("小区"), *_ITEM_HEADINGS), rows)}
    return await asyncio.to_thread(workbook, tables, translate)


def _version(one: Version) -> Sequence[Value]:
    though = f"{one.though.why} {one.though.told}" if one.though else None
    return (one.version, one.hash, one.made_at, one.made_by, one.signed_at, one.signed_by, though)


def _sums(report: Report, translate: Translate) -> Iterator[Sequence[Value]]:
    for channel, totals in report.totals.items():
        sums = [_yuan(totals[name]) for name in _SUMS]
        yield (translate(word("bill_channel", channel)), *sums, _yuan(round_fee(totals["fee_units"])))


def round_fee(units: int) -> int:
    """Fees of a day in whole fen, half up."""
    return (units * 2 + FEE_UNITS) // (2 * FEE_UNITS)


def _item(item: Item, translate: Translate, today: date | None = None) -> Sequence[Value]:
    age = item.age_days if today is None else (today - date.fromisoformat(item.since)).days
    named = (translate(word("bill_channel", item.channel)), item.key, translate(word("bill_class", item.kind)))
    sums = (_yuan(item.bill_fen), _yuan(item.local_fen))
    return (*named, *sums, item.since, age, item.note or _meaning(item, translate))


def _meaning(item: Item, translate: Translate) -> str:
    """What to do, in the reader's language; the figures of it stand beside."""
    said = word("bill_meaning", item.kind)
    return item.action if said == item.kind else translate(said)


def _closing(closing: Closing | None) -> Sequence[Value]:
    if closing is None:
        return (None,) * 5
    return (closing.closed_at, closing.closed_by, closing.closing, closing.document, closing.journal)


def _file(upload: Upload, translate: Translate) -> Sequence[Value]:
    told = upload.told
    said = (translate(word("bill_kind", told.kind)), translate(word("bill_channel", told.channel)), told.merchant)
    return (upload.name, *said, told.rows, upload.sha256, upload.given_by)


def _line(row: Any) -> Sequence[Value]:
    return (row.source_id, row.account, _yuan(row.fen), row.memo, row.hash)


def _yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else yuan_of(fen)
