"""What is left of plates, cards, names and free text before a reason is given."""

from __future__ import annotations

import pytest

from domain.masking import masked_subject, masked_text


@pytest.mark.parametrize(
    ("kind", "identity", "shown"),
    [
        ("plate", "京A12345", "京A***45"),
        ("card", "0008165538", "***538"),
        ("card", "165538", "***"),
        ("card", "538", "***"),
        ("pin", "12345678", "***"),
        ("person", "110101199003070011", "***"),
    ],
)
def test_subjects(kind: str, identity: str, shown: str) -> None:
    assert masked_subject(kind, identity) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("card 8165538 refused", "card ***538 refused"),
        ("沪A·12345 跟车", "沪A****45 跟车"),
        ("粤BD12345 离场", "粤B****45 离场"),
        ("联系 13800138000", "联系 ***000"),
        ("11010119900307001X", "***01X"),
        ("sensor 42 at 71.5 %, code 1203", "sensor 42 at 71.5 %, code 1203"),
        ("电池电量低", "电池电量低"),
    ],
)
def test_words_of_devices(text: str, shown: str) -> None:
    assert masked_text(text) == shown
