"""A month of a complex's ledger as anyone may have it: journals in their chain, and whether they still fit together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import Literal

import msgspec

from domain.ledger.chain import hash_of
from domain.ledger.journal import Booked, Journal, Line
from domain.masking import tells_of_someone

_BY_MACHINE = ("charge", "public")  # sources whose words no person wrote
_ONE_FOR_ALL = ("cash:lane",)  # accounts below these are shifts of people: they are added up


class Exported(msgspec.Struct, frozen=True, omit_defaults=True):
    """A journal. One whose words a person wrote has neither them nor its source's id: its hash is taken on trust."""

    number: int
    source: str
    kind: str
    occurred_at: datetime
    booked_at: datetime
    business_day: date
    lines: list[Line]
    hash: str
    source_id: str | None = None
    memo: str | None = None
    meant_day: date | None = None
    corrects: int | None = None

    @property
    def is_withheld(self) -> bool:
        return self.memo is None or self.source_id is None


class PublicLedger(msgspec.Struct, frozen=True, kw_only=True):
    """What a month's file holds. ``prev_hash``: of the journal before the first one here."""

    format: Literal["gatehouse public ledger 1"] = "gatehouse public ledger 1"
    complex: str
    month: str
    prev_hash: str
    last_hash: str  # as the public account names it
    totals: dict[str, int]  # by account, of the journals whose business_day is in the month
    journals: list[Exported]
    part: int = 1
    parts: int = 1  # a month of very many journals is in several files, one chain


class Checked(msgspec.Struct, frozen=True):
    """What came out of looking at a file. No ``faults``: it is as it was published."""

    journals: int
    withheld: int
    last_hash: str
    faults: list[str]


def exported(booked: Booked) -> Exported:
    """A journal without what may tell of someone: words of people, and plates or telephones wherever they stand."""
    made = booked.journal
    is_written = bool(made.memo) and made.source not in _BY_MACHINE
    tells = is_written or any(tells_of_someone(text) for text in (made.memo, made.source_id))
    return Exported(
        number=booked.number,
        source=made.source,
        kind=made.kind,
        occurred_at=made.occurred_at,
        booked_at=booked.booked_at,
        business_day=made.business_day,
        lines=list(made.lines),
        hash=booked.hash,
        source_id=None if tells else made.source_id,
        memo=None if tells else made.memo,
        meant_day=booked.meant_day,
        corrects=made.corrects,
    )


def grouped(account: str) -> str:
    """The account as it is published."""
    return next((head for head in _ONE_FOR_ALL if account.startswith(f"{head}:")), account)


def totals_of(journals: Iterable[Exported], month: str) -> dict[str, int]:
    """Sums by account of a month's journals; accounts that did not move are left out."""
    sums: defaultdict[str, int] = defaultdict(int)
    for one in journals:
        if one.business_day.isoformat()[:7] == month:
            for line in one.lines:
                sums[grouped(line.account)] += line.fen
    return {account: fen for account, fen in sorted(sums.items()) if fen}


def check_public(ledger: PublicLedger) -> Checked:
    """Recompute the chain and the sums. A file that was changed anywhere has at least one fault."""
    faults: list[str] = []
    before, number, withheld = ledger.prev_hash, None, 0
    for one in ledger.journals:
        if number is not None and one.number != number + 1:
            faults.append(f"journal {number + 1} is missing: {one.number} comes after {number}")
        fault = _fault(one, before)
        faults += [fault] if fault else []
        withheld, before, number = withheld + one.is_withheld, one.hash, one.number
    if before != ledger.last_hash:
        faults.append(f"the last journal has the hash {before}, not {ledger.last_hash}")
    faults += _sums(totals_of(ledger.journals, ledger.month), ledger.totals)
    return Checked(len(ledger.journals), withheld, before, faults)


def check_parts(files: Sequence[PublicLedger]) -> Checked:
    """The files of one month together: all of them there, each in order, and each chained to the one before."""
    ledgers = sorted(files, key=lambda one: one.part)
    found = [check_public(one) for one in ledgers]
    faults = [fault for one in found for fault in one.faults]
    if len({(one.complex, one.month, one.parts) for one in ledgers}) != 1:
        faults.append("the files are not of one complex and month")
    there, wanted = [one.part for one in ledgers], list(range(1, ledgers[-1].parts + 1))
    if there != wanted:
        faults.append(f"the month has the parts {wanted}, and here are {there}")
    for before, after in pairwise(ledgers):
        is_next = before.journals and after.journals and after.journals[0].number == before.journals[-1].number + 1
        if not is_next or after.prev_hash != before.last_hash:
            faults.append(f"part {after.part} does not follow part {before.part}")
    sums = (sum(one.journals for one in found), sum(one.withheld for one in found))
    return Checked(*sums, found[-1].last_hash, faults)


def _fault(one: Exported, prev_hash: str) -> str | None:
    if sum(line.fen for line in one.lines):
        return f"the lines of journal {one.number} do not sum to 0"
    if one.memo is None or one.source_id is None:
        return None
    journal = Journal(
        source=one.source,
        kind=one.kind,
        source_id=one.source_id,
        occurred_at=one.occurred_at,
        business_day=one.business_day,
        memo=one.memo,
        lines=tuple(one.lines),
        corrects=one.corrects,
    )
    if hash_of(prev_hash, one.number, journal, one.booked_at, one.meant_day) != one.hash:
        return f"journal {one.number} is not what was hashed"
    return None


def _sums(found: Mapping[str, int], said: Mapping[str, int]) -> list[str]:
    accounts = sorted(found.keys() | said.keys())
    return [
        f"{account}: the journals sum to {found.get(account, 0)} fen, the file says {said.get(account, 0)}"
        for account in accounts
        if found.get(account, 0) != said.get(account, 0)
    ]
