"""What the centre orders of a lane: a payment, an opening by a person with a reason, a plate that was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from domain.events import Event, Subject
from domain.lanes.decide import Paid, decide
from domain.orders import Order
from domain.plates import canonical
from edge.control import lane_records as records
from edge.control.at_lane import AtLane
from edge.control.lane_cars import Say, moment
from edge.control.lanes import LaneControl

_MOST_FEN = 100_000_000


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
        stay = self._control.memory.stays.inside(plate)
        if stay is None or stay.entered_at is None:
            return "this gateway saw no such car come in that has not left"
        paid = Paid(plate, stay.entered_at, fen, self._reckoned_at(here, plate))
        event = _payment(here, plate, fen, order, self._now())
        self._say(event, [*self._control.memory.pay(paid), *self._control.memory.fresh()])
        self._ask_again(here, plate)
        return None

    def _reckoned_at(self, here: AtLane, plate: str) -> datetime:
        """Up to which moment the fee was reckoned: where a car waits, up to when it was read."""
        car = here.waits(moment())
        return car.read.at if car is not None and car.plate == plate else self._now()

    def _ask_again(self, here: AtLane, plate: str) -> None:
        """The car that waits for its payment goes, or is asked for the rest."""
        car = here.waits(moment())
        if car is None or car.plate != plate:
            return
        verdict = decide(here.lane, car.read, self._control.known())
        if verdict.action == "open":
            self._control.cars.let_waiting(here, verdict)
        elif verdict != car.verdict:
            self._control.cars.act(here, car.event, car.read, verdict)

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


def _payment(here: AtLane, plate: str, fen: int, order: Order, now: datetime) -> Event:
    """That a payment was heard of, and by which order."""
    ext = {"decided_by": "gateway", "lane": here.lane.id, "fen": fen, "by": order.issued_by}
    return Event(
        kind="barrier",
        device=here.lane.barrier.device,
        point=here.lane.barrier.point or None,
        lane=here.lane.id,
        direction=here.lane.direction,
        time=now,
        label="payment",
        subject=Subject(type="plate", id=plate),
        request_id=order.id,
        ext=ext,
    )


def _fen(order: Order) -> int | None:
    """Whole fen, also as a text of digits, as a command line gives it."""
    value = order.args.get("fen")
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_FEN else None
