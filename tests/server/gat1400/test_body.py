"""A message is told piece by piece as it would be told at once, as long as it says, and as often as it is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from server.feeds.gat1400.body import Body, body_of

words = st.text(max_size=8)
pictures = st.binary(max_size=200)
said = st.recursive(
    st.one_of(words, pictures, st.integers(-9, 9), st.none(), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(words, inner, max_size=4)),
    max_leaves=20,
)


@given(said)
def test_it_is_what_would_be_told_at_once(value: Any) -> None:
    body, whole = body_of(value), msgspec.json.encode(value)
    assert b"".join(body) == b"".join(body) == whole and len(body) == len(whole)


class Word(StrEnum):
    ONE = "one"


def test_what_a_profile_may_say_beside_plain_words_is_told_as_it_is() -> None:
    """TOML has dates, and a word may be of a list of words: neither is taken apart."""
    value = [{"At": datetime(2026, 11, 29, tzinfo=UTC)}, Word.ONE, ("a", b"picture")[:1]]
    assert b"".join(body_of(value)) == msgspec.json.encode(value)


def test_a_piece_is_no_longer_than_a_picture_and_what_stands_before_it() -> None:
    """So that nothing of a message of twenty pictures is ever there twice."""
    body = body_of([{"Data": bytes(50_000), "Type": "14"}] * 20)
    assert max(map(len, body)) < 67_000 and len(body) > 20 * 66_000


def test_control_a_length_that_does_not_count_the_pictures_is_seen() -> None:
    class Short(Body):
        def __len__(self) -> int:
            return sum(map(len, self.parts))

    body = body_of({"Data": b"picture"})
    assert len(Short(body.parts, body.pictures)) != len(b"".join(body))
