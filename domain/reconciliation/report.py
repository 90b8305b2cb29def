"""The report of a day: JSON in one spelling, with a hash that anybody can reckon again."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from domain.reconciliation.items import Item
from domain.reconciliation.reconcile import Result
from domain.reconciliation.rows import Statement


def report(result: Result) -> dict[str, Any]:
    """What a day came to. The hash is of day, hashes of the files, items and totals, and of no file's name."""
    files = result.context.gathered.files
    content = {
        "bill_date": result.context.day.isoformat(),
        "files": {each.name: each.totals for each in files if not isinstance(each, Statement)},
        "items": result.items,
        "open_items": sorted({item.key for item in result.open}),
        "statements": {each.name: each.totals for each in files if isinstance(each, Statement)},
        "totals": result.totals,
        "not_judged": result.not_judged,
        "sources": {each.name: each.digests.sha256 for each in files},
    }
    return {**content, "hash": _hash(content)}


def _hash(content: dict[str, Any]) -> str:
    told = {key: content[key] for key in ("bill_date", "items", "totals", "not_judged")}
    told["sources"] = sorted(content["sources"].values())
    return hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()


class _Report(msgspec.Struct):
    bill_date: str
    items: list[Item]


def items_of(content: bytes) -> tuple[str, list[Item]]:
    """Day and items of a report in JSON. Raises ValueError."""
    found = msgspec.json.decode(content, type=_Report)
    return found.bill_date, found.items
