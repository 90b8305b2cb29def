"""Alipay's zip: which member is the detail and which the summary, whatever their order and names."""

from __future__ import annotations

import zipfile
from typing import BinaryIO

from domain.reconciliation import alipay_trade
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import TradeBill
from domain.reconciliation.stream import MOST_BYTES, Digests, bounded, lines

ENCODING = "gb18030"  # of which GBK is a part
_FOREIGN = "give the zip as Alipay's download gave it"
_MOST_MEMBERS = 8


def read(name: str, stream: BinaryIO, digests: Digests) -> TradeBill:
    """The bill in a zip. Raises BadBill."""
    try:
        with zipfile.ZipFile(stream) as packed:
            return _read(name, packed, digests)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadBill(name, f"the zip is damaged or cut off ({error})") from error


def _read(name: str, packed: zipfile.ZipFile, digests: Digests) -> TradeBill:
    members = [each for each in packed.infolist() if not each.is_dir()]
    if len(members) > _MOST_MEMBERS or sum(each.file_size for each in members) > MOST_BYTES:
        raise BadBill(name, "more is in it than in any bill", remedy=_FOREIGN)
    titles = {each.filename: _title(name, packed, each) for each in members}
    summaries = [each for each in members if "汇总" in titles[each.filename]]
    details = [each for each in members if each not in summaries]
    if len(details) != 1 or len(summaries) > 1:
        reason = f"{len(details)} details and {len(summaries)} summaries are in it, not one of each"
        raise BadBill(name, reason, remedy=_FOREIGN)
    with _opened(name, packed, details[0]) as opened:
        bill = read_detail(name, opened, digests)
    for summary in summaries:
        with _opened(name, packed, summary) as opened:
            alipay_trade.check_summary(bill, name, lines(name, opened, ENCODING))
    return bill


def _opened(name: str, packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> BinaryIO:
    return bounded(name, packed.open(member))  # pyright: ignore[reportArgumentType] - it reads bytes


def _title(name: str, packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> str:
    """The first line: names of members are in any encoding, and say nothing for sure."""
    with _opened(name, packed, member) as opened:
        title = title_of(opened.readline(1 << 12).strip())
    if title is None:
        raise BadBill(name, "a member of the zip is none of Alipay's files in GBK", remedy=_FOREIGN)
    return title


def title_of(raw: bytes) -> str | None:
    """What an Alipay file says it is, or None for anything else."""
    try:
        text = raw.decode(ENCODING)
    except UnicodeDecodeError:
        return None
    return text if text.startswith("#支付宝") else None


def read_detail(name: str, stream: BinaryIO, digests: Digests) -> TradeBill:
    """A detail file that lies open, in GBK."""
    return alipay_trade.read(name, lines(name, stream, ENCODING), digests)
