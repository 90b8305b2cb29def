"""The link for enrolling: what one end writes the other reads, and a damaged one is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.enrolment import BadLink, EnrolLink, in_groups, is_link, read_fingerprint, read_link

DIGEST = "0123456789abcdef" * 4
signs = st.text("ABCDEFGHJKLMNPQRSTUVWXYZ23456789-", min_size=1, max_size=30)


@given(code=signs, sha256=st.sampled_from(["", DIGEST]), path=st.text("abc/?=&%", max_size=10))
def test_what_is_written_is_read(code: str, sha256: str, path: str) -> None:
    link = EnrolLink(f"https://centre.example.invalid:8443/{path}", code, sha256)
    assert read_link(f" {link.text()}\n") == link
    assert is_link(link.text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://centre.example.invalid",
        "gatehouse-enrol:",
        "gatehouse-enrol:https://c#",
        "gatehouse-enrol:#code=A",
        "gatehouse-enrol:https://c#code=A&sha256=12",
        "gatehouse-enrol:https://c#code=" + "A" * 3_000,
    ],
)
def test_what_is_not_whole_is_refused(text: str) -> None:
    with pytest.raises(BadLink):
        read_link(text)


def test_a_fingerprint_is_read_as_people_write_it() -> None:
    colons = ":".join(DIGEST[start : start + 2].upper() for start in range(0, 64, 2))
    for text in (DIGEST, colons, in_groups(DIGEST), f"SHA256:{DIGEST}"):
        assert read_fingerprint(text) == DIGEST
    for text in (DIGEST[:-1], DIGEST + "0", "x" * 64, ""):
        with pytest.raises(BadLink):
            read_fingerprint(text)
