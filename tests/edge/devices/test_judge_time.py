"""Whether a device's time is believed: against the moment of receipt, and for what a broker queued."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.devices.driver import Site, judge_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SITE = Site()


@pytest.mark.parametrize(
    ("off", "quality", "expected"),
    [
        (timedelta(), "ok", timedelta()),
        (timedelta(minutes=-9), "ok", timedelta(minutes=-9)),
        (timedelta(hours=8), "assumed_zone", timedelta()),
        (timedelta(hours=-8, seconds=20), "assumed_zone", timedelta(seconds=20)),
        (timedelta(hours=3), "device_clock_bad", None),
        (timedelta(days=-400), "device_clock_bad", None),
    ],
)
def test_against_receipt(off: timedelta, quality: str, expected: timedelta | None) -> None:
    judged = judge_time(NOW + off, NOW, SITE)
    assert judged.time_quality == quality
    assert judged.time == (None if expected is None else NOW + expected)
    assert (judged.device_time is None) == (quality == "ok")


def test_what_a_broker_queued_may_be_as_old_as_our_absence() -> None:
    for hours in (1, 8, 20):
        queued = judge_time(NOW - timedelta(hours=hours), NOW, SITE, queued_since=NOW - timedelta(hours=20))
        assert (queued.time, queued.time_quality) == (NOW - timedelta(hours=hours), "ok")
    older = judge_time(NOW - timedelta(hours=40), NOW, SITE, queued_since=NOW - timedelta(hours=20))
    assert older.time_quality == "device_clock_bad"


def test_a_replayed_record_cannot_come_from_the_future() -> None:
    judged = judge_time(NOW + timedelta(days=1), NOW, SITE, replay=True)
    assert (judged.time, judged.time_quality) == (None, "replay")
    assert judged.device_time


def test_replayed_is_not_judged_and_nothing_is_invented() -> None:
    old = NOW - timedelta(days=3)
    assert judge_time(old, NOW, SITE, replay=True).time == old
    assert judge_time(None, NOW, SITE).time_quality == "gateway"
    assert judge_time(old, None, SITE).time_quality == "ok"
