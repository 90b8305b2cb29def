"""An entry of a watch list: what it must say, and that time alone ends it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.watch.entries import MOST_DAYS, BadEntry, Entry, check

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
DAY = timedelta(days=1)


def entry(**changed: Any) -> Entry:
    said = {"unit": "东城分局刑侦大队", "document": "东公刑布字〔2026〕17号", "purpose": "被盗车辆"}
    times = {"begins": NOW, "ends": NOW + 30 * DAY}
    return Entry(**{"plate": "京A12345", **said, **times, **changed})


def test_what_is_whole_stands_with_its_words_tidied() -> None:
    assert check(entry(plate="京a·12345", purpose="  被盗\n车辆 "), NOW) == entry(purpose="被盗 车辆")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"unit": " "}, "unit"),
        ({"document": ""}, "document"),
        ({"purpose": "\u3000"}, "purpose"),
        ({"purpose": "x" * 201}, "purpose"),
        ({"purpose": "a\x00b"}, "purpose"),
        ({"plate": "京A1234"}, "plate"),
        ({"plate": ""}, "plate"),
        ({"ends": NOW}, "ends"),
        ({"begins": NOW + 2 * DAY, "ends": NOW + DAY}, "ends"),
        ({"begins": NOW - 2 * DAY, "ends": NOW - DAY}, "ends"),
        ({"ends": NOW + (MOST_DAYS + 1) * DAY}, "ends"),
        ({"ends": (NOW + DAY).replace(tzinfo=None)}, "ends"),
    ],
)
def test_what_lacks_its_basis_or_its_end_is_refused_and_named(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(BadEntry, match=f"^{said}: "):
        check(entry(**changed), NOW)


@given(st.integers(-100, 100), st.integers(1, 100), st.integers(-200, 200))
def test_it_is_in_force_from_its_beginning_until_before_its_end(begins: int, lasts: int, at: int) -> None:
    one = entry(begins=NOW + begins * DAY, ends=NOW + (begins + lasts) * DAY)
    state = one.state(NOW + at * DAY)
    assert (state == "active") == (begins <= at < begins + lasts)
    assert (state == "over") == (at >= begins + lasts)


def test_a_withdrawal_ends_it_from_that_moment() -> None:
    assert entry().state(NOW + DAY, NOW + DAY) == "withdrawn"
    assert entry().state(NOW, NOW + DAY) == "active"


def test_no_traceback_names_whom_it_is_about() -> None:
    assert "京A12345" not in repr(entry())
