"""Fields as devices send them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.devices._fields import (
    base64_bytes,
    codes,
    flag,
    items,
    keep_raw,
    media_type,
    number_in,
    plain_or_base64,
    text_in,
    whole,
    without_secrets,
)
from edge.devices._times import epoch, epoch_and_microseconds
from edge.devices.driver import Message

SECOND = 1772324130
TIME = datetime(2026, 3, 1, 0, 15, 30, tzinfo=UTC)

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (7, 7),
        ("7", 7),
        (" 7 ", 7),
        (7.0, 7),
        ("7.0", 7),
        (7.5, None),
        ("", None),
        ("x", None),
        (None, None),
        (2**70, None),
        ("9" * 5000, None),
        ("1e400", None),
        ("nan", None),
        ([7], None),
        (True, 1),
    ],
)
def test_whole(value: object, read: int | None) -> None:
    assert whole(value) == read


@pytest.mark.parametrize(
    ("value", "read"), [("a ", "a"), ("  ", None), (5, "5"), (2.5, "2.5"), (2**70, None), (True, None), ({}, None)]
)
def test_text(value: object, read: str | None) -> None:
    assert text_in(value) == read


@given(anything)
def test_no_value_breaks_a_reader(value: Any) -> None:
    for reader in (whole, number_in, text_in, flag, items, codes, base64_bytes, epoch):
        reader(value)
    msgspec.json.encode([whole(value), number_in(value), text_in(value), codes(value)])


@given(st.text())
def test_text_survives_being_wrapped_or_not(text: str) -> None:
    assert isinstance(plain_or_base64(text), str)


@pytest.mark.parametrize("value", [SECOND, SECOND * 1_000, SECOND * 1_000_000, str(SECOND), float(SECOND)])
def test_epochs_are_told_apart_by_size(value: object) -> None:
    assert epoch(value) == TIME


@pytest.mark.parametrize("value", [0, -1, None, "", "soon", 10**30, float("inf"), 250_000_000_000_000_000, {}])
def test_what_is_no_epoch(value: object) -> None:
    assert epoch(value) is None


def test_timeval() -> None:
    assert epoch_and_microseconds(SECOND, 250_000) == TIME.replace(microsecond=250_000)
    assert epoch_and_microseconds(SECOND, None) == TIME
    assert epoch_and_microseconds(SECOND, 10**9) == TIME
    assert epoch_and_microseconds(None, 5) is None


@pytest.mark.parametrize(
    ("ref", "kept"),
    [
        ("/a/b.jpg", "/a/b.jpg"),
        ("http://u:p@192.0.2.1/a.jpg", "http://192.0.2.1/a.jpg"),
        ("http://192.0.2.1/a.jpg?w=3&token=abc", "http://192.0.2.1/a.jpg?w=3&token="),
        (
            "http://192.0.2.1/a?X-Amz-Signature=abc&OSSAccessKeyId=k",
            "http://192.0.2.1/a?X-Amz-Signature=&OSSAccessKeyId=",
        ),
    ],
)
def test_a_reference_opens_nothing(ref: str, kept: str) -> None:
    assert without_secrets(ref) == kept


def test_codes_are_bounded_and_hold_no_secret() -> None:
    value = {
        "a": {"b": [1, {"c": "x"}]},
        "password": "p",
        "deep": {"api_key": "k", "n": 2},
        "long": "x" * 500,
        "none": None,
    }
    assert codes(value) == {"a.b.0": 1, "a.b.1.c": "x", "deep.n": 2}
    assert len(codes({str(number): number for number in range(100)})) == 32


@pytest.mark.parametrize(
    ("payload", "kept"), [(b'{"a": 1}', True), (b'{"user": "u", "pass_wd": "p"}', False), (b'{"x": {"PIN": 1}}', False)]
)
def test_a_message_with_a_secret_is_not_kept(payload: bytes, kept: bool) -> None:
    raw, pictures = keep_raw(Message("f", payload), "json")
    assert (raw is not None, len(pictures)) == (kept, int(kept))


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"GIF89a", None),
        (b"", None),
    ],
)
def test_media_type(body: bytes, kind: str | None) -> None:
    assert media_type(body) == kind
