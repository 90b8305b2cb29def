"""What the centre orders of a lane: a payment, an opening by a person with a reason, a plate that was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from domain.lanes.decide import Paid
from domain.orders import Order
from domain.plates import canonical
from edge.control import lane_records as records
from edge.control.at_lane import AtLane
from edge.control.lane_cars import Say, moment
from edge.control.lanes import LaneControl

_MOST_FEN = 100_000_000
CASH = "cash"


class LaneOrders:
    """Done at once, or refused with the reason: nobody's device is asked, but for the arm."""

    def __init__(self, control: LaneControl, say: Say, now: Callable[[], datetime]) -> None:
        self._control, self._say, self._now = control, say, now

    def do(self, order: Order) -> str | None:
        """None where it was done, else why not."""
        here = self._control.lanes.get(order.device.partition(":")[2])
        if here is None:
            return f"this gateway decides no {order.device}; it has {', '.join(sorted(self._control.lanes)) or 'none'}"
        match order.name:
            case "lane.paid":
                return self._paid(here, order)
            case "lane.open":
                return self._open(here, order)
            case "lane.read":
                return self._read(here, order)
            case name:
                return f"a lane has no {name!r}; it has lane.open, lane.paid, lane.read"

    def _paid(self, here: AtLane, order: Order) -> str | None:
        plate, fen = canonical(str(order.args.get("plate", ""))), _fen(order)
        if fen is None:
            return f"lane.paid needs fen, a whole number, not {order.args.get('fen')!r}"
        if (at := _at(order)) is False:
            return f"lane.paid's at is no time with a zone: {order.args.get('at')!r}"
        stay = self._control.memory.stays.inside(plate)
        if stay is None or stay.entered_at is None:
            return "this gateway saw no such car come in that has not left"
        paid = Paid(plate, stay.entered_at, fen, self._reckoned_at(here, plate, stay.entered_at, at))
        event = records.payment(here.lane, plate, fen, order.issued_by, order.id, self._now())
        if order.args.get("channel") == CASH:  # taken here: the centre books it, by the entry that names the stay
            event.ext |= {"channel": CASH, "entry": (stay.entry_id or b"").hex()}
        self._say(event, [*self._control.memory.pay(paid), *self._control.memory.fresh()])
        self._control.ask_again(here, plate)
        return None

    def _reckoned_at(self, here: AtLane, plate: str, entered_at: datetime, at: datetime | None) -> datetime:
        """Up to which moment the fee was reckoned: as the order says; where a car waits, up to when it was read."""
        if at is not None:
            return min(max(at, entered_at), self._now())
        car = here.waits(moment())
        return car.read.at if car is not None and car.plate == plate else self._now()

    def _open(self, here: AtLane, order: Order) -> str | None:
        reason = str(order.args.get("reason", "")).strip()
        if not reason:
            return "lane.open needs a reason: who let a car through by hand says why"
        return self._control.cars.let_by_hand(here, order.issued_by, reason)

    def _read(self, here: AtLane, order: Order) -> str | None:
        plate = canonical(str(order.args.get("plate", "")))
        if not plate:
            return "lane.read needs a plate"
        event = records.typed(here.lane, plate, str(order.args.get("color", "unknown")), order.id, self._now())
        self._control.typed(here, event)
        self._say(event, self._control.memory.fresh())
        return None


def _at(order: Order) -> datetime | Literal[False] | None:
    """The moment that an order says the fee was reckoned up to; False for one that is none."""
    text = order.args.get("at")
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return at if at is not None and at.tzinfo is not None else False


def _fen(order: Order) -> int | None:
    """Whole fen, also as a text of digits, as a command line gives it."""
    value = order.args.get("fen")
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_FEN else None
