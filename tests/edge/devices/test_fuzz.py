"""Messages that went wrong on the way, of every family: refused with a reason or read, never an opening nobody granted.

Seeded: a failure names its sample, its mutation and its number. ``FULL=1`` tries far more.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from domain.events import Event, encode_event
from edge.devices import esp_rfid
from edge.devices.driver import BadMessage, Reading, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE, Sample, samples
from tests.edge.devices.test_contract import check_event, places

REGISTRY = discover()
UP = [sample for sample in samples() if sample.expect and sample.family in REGISTRY.by_family]
FULL = os.environ.get("FULL", "") not in ("", "0")
ROUNDS = 400 if FULL else 10
SECRET = "geheim-4711"  # pragma: allowlist secret
_CLOCK = timedelta(minutes=10)
# What says nothing, so that no driver may take it for a yes.
NOTHING: tuple[Any, ...] = (
    None,
    "",
    " ",
    "x",
    "\0",
    "是",
    [],
    {},
    [[]],
    -1,
    -(2**63),
    2**64,
    1e308,
    float("nan"),
    "9" * 400,
)
SECRET_NAMES = ("Password", "passwd", "pwd", "token", "api_key", "auth", "action_code", "pin_code")
_EPOCH = re.compile(rb"\b1[67]\d{8}(?:\d{3})?\b")
_YEAR = re.compile(rb"2026(?=[-0-9])")

Mutation = Callable[[bytes, Random], bytes]


def cut(payload: bytes, chance: Random) -> bytes:
    return payload[: chance.randrange(len(payload))]


def head(payload: bytes, chance: Random) -> bytes:
    return chance.choice((b"\0", b"\0\0\0\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\r\n", b"\x1b[0m")) + payload


def charset(payload: bytes, chance: Random) -> bytes:
    """The same text in another charset, or text of another charset in it."""
    text = payload.decode("utf-8", "replace")
    return text.encode(chance.choice(("gb2312", "gb18030", "utf-16", "utf-16-le", "utf-32")), "replace")


def year(payload: bytes, chance: Random) -> bytes:
    """A clock that was never set, or is set beyond sense."""
    year, epoch = chance.choice(((b"1970", b"1"), (b"2099", b"4070908800"), (b"0000", b"-1"), (b"9999", b"9" * 19)))
    return _EPOCH.sub(epoch, _YEAR.sub(year, payload))


def megabyte(payload: bytes, chance: Random) -> bytes:
    """A picture of a megabyte in place of some text."""
    picture = b64encode(b"\xff\xd8\xff\xe0" + bytes(750_000)).decode()
    return _in_json(payload, chance, lambda holder, key: holder.__setitem__(key, picture))


def nested(payload: bytes, chance: Random) -> bytes:
    depth = chance.choice((50, 5_000))
    marked = _in_json(payload, chance, lambda holder, key: holder.__setitem__(key, "@deep@"))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"Object":', b"}")))
    return marked.replace(b'"@deep@"', opening * depth + b"1" + closing * depth)


def other_type(payload: bytes, chance: Random) -> bytes:
    return _in_json(payload, chance, lambda holder, key: holder.__setitem__(key, chance.choice(NOTHING)))


def missing(payload: bytes, chance: Random) -> bytes:
    return _in_json(payload, chance, lambda holder, key: holder.__delitem__(key))


def secret(payload: bytes, chance: Random) -> bytes:
    """A password beside everything else."""

    def hide(holder: Any, key: Any) -> None:
        inside = holder[key] if isinstance(holder[key], dict) else holder
        if isinstance(inside, dict):
            inside[chance.choice(SECRET_NAMES)] = SECRET

    return _in_json(payload, chance, hide)


def flipped(payload: bytes, chance: Random) -> bytes:
    damaged = bytearray(payload)
    for _ in range(chance.randrange(1, 5)):
        damaged[chance.randrange(len(damaged))] = chance.randrange(256)
    return bytes(damaged)


def _in_json(payload: bytes, chance: Random, change: Callable[[Any, Any], None]) -> bytes:
    """The payload with one place of it changed; what is no JSON is cut instead."""
    try:
        body = json.loads(payload)
        holder, key = chance.choice(list(places(body)))
    except (ValueError, IndexError):
        return cut(payload, chance)
    change(holder, key)
    return json.dumps(body).encode()


# Those that cannot turn a no into a yes by themselves, and how often each is tried.
HARMLESS: dict[Mutation, int] = {
    cut: 1, head: 1, charset: 1, year: 1, nested: 1, other_type: 3, missing: 3, secret: 2, megabyte: 0,
}  # fmt: skip


def openings(reading: Reading) -> set[tuple[str, str | None]]:
    """What lets somebody through, by device and point."""
    return {(event.device, event.point) for event in reading.events if lets_through(event)}


def lets_through(event: Event) -> bool:
    opens = event.kind in ("door", "barrier") and event.state in ("open", "unlocked", "opened")
    return opens or (event.kind == "access" and event.result == "granted")


def read(sample: Sample, payload: bytes) -> Reading | None:
    """The reading; None where it was refused, which must be with a reason. Nothing else may happen."""
    message = sample.message(payload, received_at=RECEIVED_AT)
    try:
        REGISTRY.answer(message, SITE)
    except BadMessage as error:
        assert str(error)
    try:
        return REGISTRY.decode(message, SITE)
    except BadMessage as error:
        assert str(error)
        return None


def must_hold(reading: Reading, *, one_clock: bool = True) -> None:
    """``one_clock`` false: times of one message may contradict each other."""
    for event in (*reading.events, *reading.at_rest):
        check_event(event, set(REGISTRY.by_kind))
        assert SECRET.encode() not in encode_event(event)
        if one_clock and event.time is not None and event.time_quality == "ok":
            assert abs(event.time - RECEIVED_AT) <= _CLOCK
    assert not any(SECRET.encode() in kept.body for kept in reading.pictures)


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_what_went_wrong_is_refused_or_read_and_opens_nothing(sample: Sample) -> None:
    chance, whole = Random(repr(sample)), read(sample, sample.payload)
    allowed = openings(whole) if whole else set()
    tries = [(mutation, number) for mutation, often in HARMLESS.items() for number in range(often * ROUNDS)]
    tries.append((megabyte, 0))
    for mutation, number in tries:
        payload = mutation(sample.payload, chance)
        reading = read(sample, payload)
        if reading is not None:
            where = f"{mutation.__name__} {number}: {payload[:2000]!r}"
            assert len(openings(reading)) <= len(allowed), where
            must_hold(reading)


@pytest.mark.parametrize("sample", UP, ids=repr)
def test_flipped_bytes_are_refused_or_read(sample: Sample) -> None:
    chance = Random(f"flip {sample!r}")
    for _ in range(4 * ROUNDS):
        reading = read(sample, flipped(sample.payload, chance))
        if reading is not None:
            must_hold(reading, one_clock=False)


def test_a_driver_that_takes_nothing_for_a_yes_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The positive control: an unknown word is an opening."""
    monkeypatch.setattr(esp_rfid, "_ANSWERS", _Yes())
    monkeypatch.setattr(esp_rfid, "_is_unknown", lambda said: False)
    denied = next(sample for sample in UP if repr(sample) == "esp-rfid/access-denied.json")
    chance = Random("control")
    readings = [read(denied, other_type(denied.payload, chance)) for _ in range(100)]
    assert any(openings(reading) for reading in readings if reading)


class _Yes(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        return ("denied", None) if key == "denied" else ("granted", None)
