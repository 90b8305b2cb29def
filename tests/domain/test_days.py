"""Days by the wall clock of a place."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from domain.days import date_of, day_number


def test_a_day_begins_at_midnight_where_the_gateway_stands() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")
    before = datetime(2026, 3, 1, 15, 59, 59, tzinfo=UTC)
    after = datetime(2026, 3, 1, 16, 0, 0, tzinfo=UTC)
    assert [date_of(day_number(time, shanghai)) for time in (before, after)] == [date(2026, 3, 1), date(2026, 3, 2)]
    assert day_number(datetime(1970, 1, 1, tzinfo=UTC), UTC) == 0
