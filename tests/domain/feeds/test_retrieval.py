"""A request to look back says who, why and what; and whoever asks never allows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from domain.feeds.retrieval import BadRetrieval, NotTwo, Wanted, check, need_two

NOW = datetime(2026, 11, 27, tzinfo=UTC)
WANTED = Wanted(
    applicant="张警官",
    unit="派出所",
    document="调证1",
    purpose="查案",
    since=NOW,
    until=NOW + timedelta(days=1),
    classes=frozenset({"door"}),
)
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"applicant": ""}, "applicant"),
    ({"document": " "}, "document"),
    ({"classes": frozenset[str]()}, "classes"),
    ({"until": NOW}, "until"),
    ({"until": NOW + timedelta(days=32)}, "until"),
]


@pytest.mark.parametrize(("wrong", "word"), WRONG)
def test_a_request_that_leaves_something_open_is_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(BadRetrieval, match=word):
        check(msgspec.structs.replace(WANTED, **wrong))
    assert check(WANTED) is WANTED


def test_two_are_needed() -> None:
    need_two("wang", "li")
    with pytest.raises(NotTwo):
        need_two("wang", "wang")
