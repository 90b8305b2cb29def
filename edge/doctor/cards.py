"""Whether a controller that keeps cards holds those that are wished: read for a bounded time, nothing changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

from domain.card_lists import CardWish, wishes_of
from domain.desired_bodies import Device
from edge.devices.card_list import END, CardListCodec, HeldCard
from edge.doctor.box import Box
from edge.doctor.verdict import Verdict

_LIMIT_S = 4.0
_MOST_PLACES = 30_000
Ask = Callable[[bytes], Awaitable[bytes | None]]


async def judge_cards(device: Device, verdict: Verdict, box: Box, ask: Ask) -> None:
    codec = box.registry.card_list_of(device.id)
    if codec is None or not device.keeps_cards:
        return
    if not box.cards.version:
        verdict.well("the centre has sent no cards: its list is left alone")
        return
    today = box.now().astimezone(box.config.site.zone).date()
    wished = await asyncio.to_thread(wishes_of, box.cards, device, today)
    fitting = {number: wish for number, wish in wished.cards.items() if not codec.fits(wish)}
    held, is_whole = await _read(device, codec, ask)
    if held is None:
        verdict.look("it does not tell its cards", "ask again; the agent's log (card_list) says what it knows")
    else:
        _compare(verdict, codec, fitting, held, is_whole=is_whole)


async def _read(device: Device, codec: CardListCodec, ask: Ask) -> tuple[dict[str, HeldCard] | None, bool]:
    """The cards, and whether they are all; None where it does not answer."""
    vendor_id, ends_s = device.id.partition(":")[2], time.monotonic() + _LIMIT_S
    counted = await ask(codec.count(vendor_id))
    if counted is None:
        return None, False
    count, held = codec.count_in(counted), dict[str, HeldCard]()
    for place in range(1, _MOST_PLACES):
        if len(held) >= count:
            return held, True
        answer = await ask(codec.read(vendor_id, place)) if time.monotonic() < ends_s else None
        found = codec.card_in(answer) if answer else END
        if found == END:
            return held, answer is not None
        if isinstance(found, HeldCard):
            held[found.number] = found
    return held, False


def _compare(
    verdict: Verdict,
    codec: CardListCodec,
    wished: Mapping[str, CardWish],
    held: Mapping[str, HeldCard],
    *,
    is_whole: bool,
) -> None:
    """Cards are counted and not named: a number opens a door."""
    extra = [number for number in held if number not in wished]
    unlike = [number for number, wish in wished.items() if number in held and held[number].same != codec.same(wish)]
    missing = [number for number in wished if number not in held] if is_whole else []
    part = "" if is_whole else f" (of the first {len(held)} that were read in time)"
    step = "the agent repairs it within the hour, and half a minute after a fault; if it stays, see its log: card_list"
    if extra:
        verdict.wrong(f"its card list differs: {len(extra)} cards that shall not open{part}", step)
    if missing or unlike:
        verdict.look(f"its card list differs: {len(missing)} missing, {len(unlike)} otherwise{part}", step)
    if not (extra or missing or unlike):
        verdict.well(f"its {len(held)} cards are as wished{part}")
