"""What of a gateway's routine events presses: what may be an alert at any hour, and the picture to one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.alerts.built_in import BUILT_IN
from domain.alerts.document import read_rules
from domain.alerts.pressing import Pressing
from domain.alerts.rules import Rules
from domain.events import Event, Media, encode_event

NOW = datetime(2026, 3, 20, 4, tzinfo=UTC)
PICTURE = [Media(role="scene", type="image/jpeg", bytes=1, sha256="0" * 64)]


def body(kind: str, **more: Any) -> bytes:
    return encode_event(Event(kind=kind, device="x:1", recorded_at=NOW, **more))


@pytest.mark.parametrize(
    ("told", "presses"),
    [
        (body("detection", label="person", phase="start", ext={"zone": "restricted"}), True),
        (body("detection", label="person", phase="start", zones=["restricted"]), True),
        (body("detection", label="crowd", phase="start"), True),
        (body("availability", state="offline"), True),
        (body("detection", label="person", phase="start", zones=["yard"]), False),
        (body("detection", label="person", phase="end", zones=["restricted"]), False),
        (body("detection", label="crowd", phase="start", retained=True), False),
        (body("availability", state="online"), False),
        (body("access", result="granted"), False),
        (body("detection", label="car", phase="update", media=PICTURE), False),
    ],
)
def test_what_may_be_an_alert_presses_by_day_too(told: bytes, presses: bool) -> None:
    assert Pressing(lambda: 0.0).is_in([body("door", state="closed"), told]) is presses


def test_a_picture_presses_a_little_after_something_urgent_or_pressing_and_not_later() -> None:
    clock_s = [0.0]
    pressing, picture = Pressing(lambda: clock_s[0]), [body("detection", label="car", media=PICTURE)]
    assert not pressing.is_in(picture)
    pressing.met()
    assert pressing.is_in(picture)
    clock_s[0] = 60.0
    assert not pressing.is_in(picture)
    assert pressing.is_in([body("detection", label="crowd", phase="start"), *picture])
    clock_s[0] = 75.0
    assert pressing.is_in(picture), "of what was seen just now"


def test_what_the_complex_has_a_rule_of_its_own_for_presses_too() -> None:
    """Without it the same does not; what every complex begins with presses all the same: the version may be for a day
    to come."""
    rule = {"id": "in_by_night", "severity": "low", "category": "security", "when": {"kind": "access"}}
    rule |= {"during": {"hours": ["22:00-06:00"]}}
    own = Rules(read_rules({"schema": "alert-rules/1", "without": ["crowd"], "rules": [rule]}))
    told = body("access", result="granted")
    assert not Pressing(lambda: 0.0).is_in([told])
    assert Pressing(lambda: 0.0, lambda: own).is_in([told]), "at any hour: the centre knows which it is there"
    assert Pressing(lambda: 0.0, lambda: own).is_in([body("detection", label="crowd", phase="start")])
    assert not Pressing(lambda: 0.0, lambda: own).is_in([body("door", state="closed")])


@given(st.binary(max_size=60))
def test_what_is_no_event_presses_nobody(rubbish: bytes) -> None:
    assert not Pressing(lambda: 0.0).is_in([rubbish, b'{"kind": 1}'])


def test_no_rule_is_one_of_which_nothing_can_press() -> None:
    """Every rule's own words, as an event: the glance leaves none out."""
    for rule in BUILT_IN.known.rules:
        when = rule.when[0]
        words = {
            name: getattr(when, name)[0]
            for name in ("state", "alarm", "label", "result", "reason")
            if getattr(when, name)
        }
        phase, zones = (when.phase or ("instant",))[0], list(when.zone)
        told = body(when.kind[0], phase=phase, zones=zones, **words)
        assert Pressing(lambda: 0.0).is_in([told]), rule.id
