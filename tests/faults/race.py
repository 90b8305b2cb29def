"""A gateway that speaks with two centres at once, each request with words of its own, and what speaks against them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from random import Random
from typing import Any, Literal

import httpx
import msgspec

from domain.events import Event, encode_event
from domain.wire import pack, split_events, unpack
from tests.faults.by_hand import EPOCH
from tests.rig import Rig, repeats
from tests.server.centre import Gateway

STREAM = "routine"
_MOST = 12
_AT = datetime(2026, 3, 1, tzinfo=UTC)
_ROWS = "SELECT first, last, body FROM batch WHERE gateway = ? ORDER BY position"
_MARK = "SELECT last FROM mark WHERE gateway = ?"
_GAPS = "SELECT first, last FROM gap WHERE gateway = ?"


class Asked(msgspec.Struct):
    """A request: these sequences, as a batch whose events all bear ``word``, or as a declared gap."""

    first: int
    last: int
    word: str
    kind: Literal["batch", "gap"] = "batch"


class Told(msgspec.Struct):
    """What a centre answered to it."""

    asked: Asked
    outcome: str
    watermark: int


def drawn(chance: Random, mark: int, number: int) -> list[Asked]:
    """What is asked at once in a round: the same, overlapping, following, old and early sequences, by the seed."""
    some = chance.randrange(1, _MOST)
    end = mark + some
    before = max(1, mark - chance.randrange(_MOST))
    spans = {
        "same": [(mark + 1, end), (mark + 1, end)],
        "overlapping": [(mark + 1, end), (mark + 1, end + chance.randrange(1, _MOST))],
        "next": [(mark + 1, end), (end + 1, end + some)],
        "old": [(mark + 1, end), (before, max(before, mark))],
        "across": [(mark + 1, end), (before, end)],
    }
    kind = chance.choice(list(spans))
    chosen = spans[kind] + [chance.choice(spans[kind]) for _ in range(chance.randrange(3))]
    chance.shuffle(chosen)
    asked = [Asked(first, last, f"{number}/{index}") for index, (first, last) in enumerate(chosen)]
    if chance.random() < 0.15:
        asked[0].kind = "gap"
    return asked


async def ask(gateway: Gateway, client: httpx.AsyncClient, asked: Asked) -> Told:
    if asked.kind == "gap":
        said = {"stream": STREAM, "epoch": EPOCH, "first": asked.first, "last": asked.last, "reason": "capacity"}
        response = await client.post(
            "/v1/gaps", json=said, headers={"Authorization": gateway.headers()["Authorization"]}
        )
    else:
        event = Event(kind="input", device="x:1", recorded_at=_AT, text=asked.word)
        packed = pack(gateway.id, STREAM, EPOCH, asked.first, [encode_event(event)] * (asked.last - asked.first + 1))
        response = await client.post("/v1/batches", content=packed, headers=gateway.headers())
    assert response.status_code in (200, 409), response.text
    content = response.json()
    return Told(asked, content["outcome"], content["watermark"])


async def race(gateway: Gateway, clients: list[httpx.AsyncClient], chance: Random, rounds: int) -> list[Told]:
    """So many rounds, each from where the centres then say that they are."""
    told: list[Told] = []
    mark = 0
    for number in range(rounds):
        asked = drawn(chance, mark, number)
        answers = [ask(gateway, clients[index % len(clients)], one) for index, one in enumerate(asked)]
        told += await asyncio.gather(*answers)
        mark = max(one.watermark for one in told)
    return told


class Findings(msgspec.Struct):
    """What speaks against one log of two centres; all empty where it holds."""

    asked: int
    stored: int
    twice: list[int]  # sequences that lie there more than once
    absent: list[int]  # below the mark, and neither there nor declared
    disordered: list[str]  # a row that begins before the one at the position before it ends
    mark_off: list[str]
    untrue: list[str]  # receipts that what is there contradicts

    def against(self) -> dict[str, Any]:
        found = {name: getattr(self, name) for name in ("twice", "absent", "disordered", "mark_off", "untrue")}
        return {name: some for name, some in found.items() if some}


def look(rig: Rig, gateway: Gateway, told: list[Told]) -> Findings:
    """Compare what the centres told with what lies in their one log."""
    rows = [(first, last, _word(body)) for first, last, body in rig.centre_query(_ROWS, gateway.id)]
    gaps = [(first, last) for first, last in rig.centre_query(_GAPS, gateway.id)]
    mark = rig.centre_query(_MARK, gateway.id)[0][0]
    there = [each for first, last, _ in rows for each in range(first, last + 1)]
    there += [each for first, last in gaps for each in range(first, last + 1)]
    end = max(there, default=0)
    return Findings(
        asked=len(told),
        stored=sum(one.outcome == "stored" for one in told),
        twice=sorted(set(repeats(there))),
        absent=sorted(set(range(1, mark + 1)) - set(there)),
        disordered=[f"{after} behind {before}" for before, after in pairwise(rows) if after[0] <= before[1]],
        mark_off=[] if mark == end else [f"the mark is {mark}, the log ends at {end}"],
        untrue=list(_untrue(told, rows, gaps, mark)),
    )


def _word(body: bytes) -> str:
    """The one word of a row's events."""
    (word,) = {msgspec.json.decode(event)["text"] for event in split_events(unpack(body)[1])}
    return word


def _untrue(
    told: list[Told], rows: list[tuple[int, int, str]], gaps: list[tuple[int, int]], mark: int
) -> Iterable[str]:
    """Who was told ``stored`` finds exactly what he sent, and nobody else's is there; no watermark is beyond."""
    kept = {(first, last, word) for first, last, word in rows} | {(*span, "") for span in gaps}
    claimed = {_claim(one.asked) for one in told if one.outcome == "stored"}
    yield from (f"told stored, and is not there: {one}" for one in sorted(claimed - kept))
    yield from (f"is there, and nobody was told: {one}" for one in sorted(kept - claimed))
    for one in told:
        if one.watermark > mark or (one.outcome in ("stored", "known") and one.watermark < one.asked.last):
            yield f"{one} where the mark is {mark}"


def _claim(asked: Asked) -> tuple[int, int, str]:
    return asked.first, asked.last, asked.word if asked.kind == "batch" else ""
