"""Summaries: what was held, while somebody slept or had enough, goes out as one push of the worst in it."""

from __future__ import annotations

from collections.abc import Sequence

from domain.alerts.words import SEVERITIES
from domain.delivery import SCREEN, Known, Verdict, decide, summary_due
from server.duty.turn import PAUSE_S, Turn, is_passing, replace
from server.store import delivery_rows
from server.store.delivery_rows import Delivery

_LOOK_AGAIN_S = 30.0


async def hold(turn: Turn, blank: Delivery, why: Verdict) -> None:
    again = delivery_rows.later(turn.now, _LOOK_AGAIN_S)
    await delivery_rows.add(turn.connection, replace(blank, state="held", error=why, again_at=again))


async def sum_up(turn: Turn, one: Delivery) -> None:
    """Look at all that is held of somebody here, once a turn: by now it may go out, or some of it may be void."""
    if one.whom in turn.summed:
        return
    turn.summed.add(one.whom)
    person, known = await turn.told(one.whom), await turn.known(one.whom)
    waits = await delivery_rows.held(turn.connection, one.whom, turn.complex)
    if summary_due(person.wishes, known, turn.now):
        live = await turn.still(waits)
        left = known._replace(held=[row.severity for row in live])
        for row in waits:
            if row not in live:
                await turn.change(row, state=delivery_rows.VOID, again_at=None, at=turn.at)
        if summary_due(person.wishes, left, turn.now):
            await _send(turn, delivery_rows.worst_first(live, SEVERITIES))
            return
        waits = live
    await _look_again(turn, waits)


async def _look_again(turn: Turn, rows: Sequence[Delivery]) -> None:
    again = delivery_rows.later(turn.now, _LOOK_AGAIN_S)
    for row in rows:
        await turn.change(row, again_at=again, at=min(row.at, turn.at))


async def _send(turn: Turn, live: Sequence[Delivery]) -> None:
    """By the row of the worst, and a channel that this one was not tried by; else by one that was only ill or busy."""
    worst, person = live[0], await turn.told(live[0].whom)
    rows = await delivery_rows.of_step(turn.connection, worst)
    way = decide(person.wishes, worst.severity, (SCREEN, *(row.channel for row in rows)), Known(), turn.now).way
    busy = next((row for row in rows if is_passing(row)), None)
    if way is not None:
        blank = replace(worst, channel=way.channel, state="asked", is_push=1, attempts=0, again_at=None, error=None)
        carrier = replace(blank, at=turn.at, carrier=None)
        await delivery_rows.add(turn.connection, carrier)
    elif busy is not None:
        carrier = replace(busy, state="asked", attempts=0)
        await turn.change(busy, state="asked", attempts=0, is_push=1)
    else:
        for row in live:
            await turn.change(row, state="failed", error="no_channel", again_at=None, at=turn.at)
        return
    for row in live:
        await turn.change(row, state="summed", carrier=carrier.key, again_at=None, at=turn.at)
    await turn.attempt(carrier, await delivery_rows.step_of(turn.connection, worst))


async def hold_again(turn: Turn, carrier: Delivery, members: Sequence[Delivery]) -> None:
    """A summary that no attempt brought anywhere: what it would have told of waits for the next."""
    await turn.change(carrier, next_at=None)
    again = delivery_rows.later(turn.now, PAUSE_S if is_passing(carrier) else 0)
    for row in members:
        await turn.change(row, state="held", carrier=None, again_at=again, at=turn.at)
