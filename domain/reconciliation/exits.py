"""Exit passages: each has one outcome (paid, pass, exempt, debt, by hand for a reason), or is an item."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise

from domain.plates import classify
from domain.reconciliation.books import Charge, Passage
from domain.reconciliation.context import Context
from domain.reconciliation.items import Item

_EXEMPT = frozenset({"police", "armed_police", "military", "emergency"})
_EXEMPT_ENDS = ("警", "应急")
_OWED = ("DEBT", "SETTLED", "WRITTEN_OFF", "EXITED_UNPAID")
_DONE = ("CLOSED", "PAID", "VOIDED")


def match(context: Context, unsure: set[str]) -> Iterator[Item]:
    """``unsure``: charges whose payment is an item itself."""
    passages = context.books.exit_passages
    if passages is None:
        return
    charges: dict[str | None, Charge] = {
        charge.session_id: charge for charge in context.books.charges if charge.session_id
    }
    close_behind = dict(_close_behind(context, passages))
    for passage in passages:
        charge = charges.get(passage.session_id)
        yield from _of_passage(passage, charge, close_behind.get(passage.passage_id), unsure)
    left = {passage.session_id for passage in passages}
    for charge in context.books.charges:
        if charge.exit and charge.session_id not in left and charge.status != "VOIDED":
            action = f"charged for an exit at {charge.exit} that no lane saw: look at the lane's pictures"
            yield Item("passage", charge.charge_id, "charge_without_passage", None, charge.payable_fen, action)


def _close_behind(context: Context, passages: Iterable[Passage]) -> Iterator[tuple[str, tuple[Passage, int]]]:
    """The cars that left a lane right behind another, and how many seconds."""
    lanes: defaultdict[str, list[tuple[datetime, str, Passage]]] = defaultdict(list)
    for passage in passages:
        lanes[passage.lane].append((context.time(passage.at), passage.passage_id, passage))
    for lane in lanes.values():
        for (before, _, first), (after, _, second) in pairwise(sorted(lane, key=lambda each: each[:2])):
            gap = int((after - before).total_seconds())
            if gap <= context.rules.tailgate_s:
                yield second.passage_id, (first, gap)


def _of_passage(
    passage: Passage, charge: Charge | None, behind: tuple[Passage, int] | None, unsure: set[str]
) -> Iterator[Item]:
    settled = charge is not None and (charge.status in _DONE or charge.status in _OWED or charge.charge_id in unsure)
    by_hand = passage.opened_by == "manual"
    if passage.opened_by == "none" or (behind is not None and not settled and passage.opened_by == "auto"):
        yield _item(passage, "tailgate", _how(passage, behind))
    elif by_hand and not settled:
        yield _by_hand(passage)
    elif not settled and passage.opened_by != "pass":
        yield _unsettled(passage, charge)


def _how(passage: Passage, behind: tuple[Passage, int] | None) -> str:
    if behind is None:
        return f"left without a barrier command: {passage.plate}"
    first, gap = behind
    return f"left {gap} s after {first.passage_id} without a barrier command: {passage.plate}"


def _by_hand(passage: Passage) -> Item:
    if not (passage.reason or "").strip():
        return _item(passage, "exit_without_charge", f"manual opening without reason: {passage.plate}")
    kind = "an exempt plate class" if _is_exempt(passage.plate) else "no charge"
    return _item(passage, "exempt_exit", f"manual opening with a reason ({passage.reason}) and {kind}")


def _unsettled(passage: Passage, charge: Charge | None) -> Item:
    if charge is None and _is_exempt(passage.plate):
        return _item(passage, "exempt_exit", "an exempt plate class")
    why = "no charge is known" if charge is None else f"its charge {charge.charge_id} is {charge.status}"
    return _item(passage, "exit_without_charge", f"left, and {why}: {passage.plate}")


def _is_exempt(plate: str) -> bool:
    found = classify(plate)
    return plate.endswith(_EXEMPT_ENDS) or (found is not None and found.plate_class in _EXEMPT)


def _item(passage: Passage, kind: str, action: str) -> Item:
    return Item("passage", passage.passage_id, kind, None, None, action)
