"""Steps become deliveries: by the first channel, by the next where nobody acknowledged, or held for a summary."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog

from domain.delivery import SCREEN, decide, next_at
from domain.duty.state import Step
from server.channels.people import whom_of
from server.duty.summing import hold, hold_again, sum_up
from server.duty.turn import PAUSE_S, Claimed, Turn, is_passing, replace
from server.store import delivery_rows, live_rows
from server.store.delivery_rows import Delivery, Waiting
from server.store.engine import stamp
from server.store.item_step_rows import item_of

log = structlog.get_logger()

_MOST_TAKEN_UP = 100  # of a flood most are held: no more than this is done in one transaction
_TOLD = ("sent", "seen", "summed")
_LAST_RESORT = timedelta(hours=1)


async def claim(turn: Turn, most: int) -> list[Claimed]:
    """What may be sent now, ``most`` at most; what is no longer to be sent is void from here on."""
    for waiting in await delivery_rows.waiting(turn.connection, turn.complex, _MOST_TAKEN_UP):
        if len(turn.claimed) >= most:
            break
        await _take_up(turn, waiting)
    for one in await delivery_rows.due_of(turn.connection, turn.complex, turn.now, _MOST_TAKEN_UP):
        if len(turn.claimed) >= most:
            break
        await _go_on(turn, one)
    return turn.claimed


async def _take_up(turn: Turn, waiting: Waiting) -> None:
    step = waiting.step
    if (why := await turn.refusal(step)) is not None:
        await delivery_rows.mark(turn.connection, step, turn.now, dropped=why)
        return
    await delivery_rows.mark(turn.connection, step, turn.now)
    whom = whom_of(step)
    blank = Delivery(
        incident=step.incident,
        number=step.number,
        channel="",
        complex=turn.complex,
        person=whom.person,
        desk=whom.desk,
        severity=waiting.severity,
        at=turn.at,
    )
    await _tell(turn, blank, step, ())


async def _go_on(turn: Turn, one: Delivery) -> None:
    """Something of an earlier look is due: another attempt, the next channel, another look at what is held."""
    members = await delivery_rows.carried(turn.connection, one.key) if one.channel else []
    step = await delivery_rows.step_of(turn.connection, one)
    if one.state == "asked" and (await turn.still(members) if members else await turn.may(step)):
        await turn.attempt(one, step)
    elif members:
        await (hold_again(turn, one, members) if one.state == "failed" else _let_go(turn, one))
    elif step is None or not await turn.may(step):
        await _let_go(turn, one)
    elif one.state == "held":
        await sum_up(turn, one)
    else:
        await _follow(turn, one, step)


async def _let_go(turn: Turn, one: Delivery) -> None:
    """It is no longer to be sent, or needs no other channel."""
    ended = {"state": delivery_rows.VOID, "at": turn.at} if one.state in ("asked", "held") else {}
    await turn.change(one, next_at=None, again_at=None, **ended)


async def _follow(turn: Turn, one: Delivery, step: Step) -> None:
    """Nobody has acknowledged, or the channel refused: the next one."""
    await turn.change(one, next_at=None)
    rows = await delivery_rows.of_step(turn.connection, one)
    if any(row.state in ("asked", "held") for row in rows):
        return
    blank = replace(one, channel="", state="asked", error=None, words=None, attempts=0, is_push=0)
    await _tell(turn, replace(blank, at=turn.at, next_at=None, again_at=None), step, rows)


async def _tell(turn: Turn, blank: Delivery, step: Step, tried: Sequence[Delivery]) -> None:
    """By the next channel, if there is one, and if it may make a sound now."""
    person, known = await turn.told(blank.whom), await turn.known(blank.whom)
    if item_of(step.incident) is not None:
        known = known._replace(has_screen=False)  # a list of alerts has no card of an item
    verdict, way = decide(person.wishes, blank.severity, [row.channel for row in tried], known, turn.now)
    is_told = any(row.state in _TOLD for row in tried)
    if way is None:
        await _nobody(turn, blank, step, tried)
    elif way.means == SCREEN:
        await _show(turn, blank)
    elif verdict == "send":
        one = replace(blank, channel=way.channel, is_push=1)
        await delivery_rows.add(turn.connection, one)
        await turn.attempt(one, step)
    elif not is_told and all(row.channel for row in tried):
        await hold(turn, blank, verdict)


async def _nobody(turn: Turn, blank: Delivery, step: Step, tried: Sequence[Delivery]) -> None:
    """No channel is left: the ladder climbs by itself. Where there was none at all that is written down; where nothing
    has reached anybody, one that was only ill or busy is tried on, once a minute for an hour."""
    if not tried:
        log.warning("nobody_told", incident=blank.incident, person=blank.person, desk=blank.desk)
        await delivery_rows.add(turn.connection, replace(blank, state="failed", error="no_channel"))
    elif not any(row.state in _TOLD for row in tried) and turn.now - step.at < _LAST_RESORT:
        for row in [row for row in tried if is_passing(row)][:1]:
            again = delivery_rows.later(turn.now, PAUSE_S)
            await turn.change(row, state="asked", attempts=0, again_at=again, at=turn.at)


async def _show(turn: Turn, blank: Delivery) -> None:
    """On the screen that stands open the alert comes anew; it is there once this transaction is."""
    until = stamp(next_at(blank.severity, turn.now))
    await delivery_rows.add(turn.connection, replace(blank, channel=SCREEN, state="sent", next_at=until))
    await live_rows.announce(turn.connection, turn.complex, "alert", blank.incident, turn.at)
    turn.has_shown = True
