"""Any file: which bill it is, by what stands in it and never by its name, and read whole or refused whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from domain.reconciliation import alipay_zip, bank, sheds, wechat_fund, wechat_trade
from domain.reconciliation.bank import BankColumns
from domain.reconciliation.columns import split
from domain.reconciliation.refusal import BadBill
from domain.reconciliation.rows import AnyFile
from domain.reconciliation.sheds import ShedColumns
from domain.reconciliation.stream import Digests, digests, first_line, gunzip, is_gzip, is_zip, lines

Reader = Callable[[str, Iterator[tuple[int, str]], Digests], AnyFile]
Mappings = tuple[BankColumns | None, ShedColumns | None]
_NO_BILL = b"NO_STATEMENT_EXIST"
_SAVED_ANEW = "an editor or a spreadsheet saved it anew"


def read_file(
    name: str,
    stream: BinaryIO,
    *,
    sha1: str = "",
    columns: BankColumns | None = None,
    shed_columns: ShedColumns | None = None,
) -> AnyFile:
    """What a file holds; the stream must be seekable. Raises BadBill, and then nothing of it is used.

    ``sha1`` is the hash that the provider gave with the download: of the file as it lies, or unpacked.
    """
    found, mappings = digests(name, stream), (columns, shed_columns)
    if sha1 and sha1.lower() not in (found.sha1, found.sha1_unpacked):
        raise BadBill(name, f"its SHA-1 is {found.sha1_unpacked}, and the provider's is {sha1.lower()}")
    if is_zip(stream):
        return alipay_zip.read(name, stream, found)
    if is_gzip(stream):
        return _read_sheet(name, gunzip(name, stream), found, _peek_packed(name, stream), mappings)
    return _read_sheet(name, stream, found, first_line(stream), mappings)


def _peek_packed(name: str, stream: BinaryIO) -> bytes:
    raw = gunzip(name, stream).readline(1 << 16).removeprefix(b"\xef\xbb\xbf").strip()
    stream.seek(0)
    return raw


def _read_sheet(name: str, stream: BinaryIO, found: Digests, first: bytes, mappings: Mappings) -> AnyFile:
    if not first:
        raise BadBill(name, "it is empty")
    if first.startswith((b"{", b"<")):
        raise BadBill(name, _no_table(first), remedy="give the bill itself; for a day without one, --no-bill CHANNEL")
    if (kind := _wechat_kind(first, "utf-8")) is not None:
        return kind(name, lines(name, stream, "utf-8"), found)
    if alipay_zip.title_of(first) is not None:
        return alipay_zip.read_detail(name, stream, found)
    _refuse_other_encodings(name, first)
    columns, shed_columns = mappings
    if stream.seekable() and sheds.is_one(stream, shed_columns or ShedColumns()):
        return sheds.read(name, stream, found, shed_columns or ShedColumns())
    return bank.read(name, stream, found, columns or BankColumns())


def _no_table(first: bytes) -> str:
    said = "NO_STATEMENT_EXIST: there was no trade that day" if _NO_BILL in first else "an answer or a page, not a bill"
    return f"it holds {said}"


def _wechat_kind(first: bytes, encoding: str) -> Reader | None:
    try:
        header = split(first.decode(encoding))
    except UnicodeDecodeError:
        return None
    if wechat_fund.MARK in header:
        return wechat_fund.read
    return wechat_trade.read if wechat_trade.MARK in header else None


def _refuse_other_encodings(name: str, first: bytes) -> None:
    """A provider's bill in another encoding than the provider's has been through other hands."""
    if _wechat_kind(first, "gb18030") is not None:
        raise BadBill(name, f"WeChat Pay's bill, but in GBK and not in UTF-8: {_SAVED_ANEW}", line=1)
    if first.startswith("#支付宝".encode()):
        raise BadBill(name, f"Alipay's bill, but in UTF-8 and not in GBK: {_SAVED_ANEW}", line=1)
    if (whose := _whose(first)) is not None:
        reason = f"{whose} bill, but not in the form it was downloaded in: {_SAVED_ANEW}"
        raise BadBill(name, reason, line=1)
    if any(_wechat_kind(turned, "utf-8") for turned in _turned_back(first)):
        raise BadBill(name, f"its signs were read in one encoding and written in another: {_SAVED_ANEW}", line=1)


def _whose(first: bytes) -> str | None:
    """Whose a bill is whose encoding, signs between values, quotes or ends of lines are others."""
    for encoding in ("utf-8", "gb18030", "utf-16-le", "utf-16-be"):
        text = first.decode(encoding, "ignore")
        if "#支付宝" in text:
            return "Alipay's"
        if wechat_trade.MARK in text or wechat_fund.MARK in text:
            return "WeChat Pay's"
    return None


def _turned_back(first: bytes) -> list[bytes]:
    """What a line was before somebody read it as GBK or Latin-1 and wrote it as UTF-8."""
    found: list[bytes] = []
    for encoding in ("gb18030", "latin-1", "cp1252"):
        try:
            found.append(first.decode().encode(encoding))
        except UnicodeError:
            continue
    return found
