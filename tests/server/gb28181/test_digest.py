"""Digest: the RFC's own example, challenges as they are met, and an answer that an independent reader accepts."""

from __future__ import annotations

import pytest

from server.feeds.gb28181.digest import CannotAnswer, Challenge, Credentials, authorization, read_challenge
from simulators.gb28181.sip import is_right

MUFASA = Credentials("Mufasa", "Circle Of Life")


def test_the_example_of_rfc_2617() -> None:
    nonce = "dcd98b7102dd2f0e8b11d0f600bfb0c093"  # pragma: allowlist secret
    said = f'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="{nonce}"'
    header = authorization(read_challenge([said]), MUFASA, "GET", "/dir/index.html", "0a4f113b")
    assert 'response="6629fae49393a05397450978507c4ef1"' in header  # pragma: allowlist secret
    assert "qop=auth, nc=00000001" in header


def test_the_example_of_rfc_7616_with_sha_256() -> None:
    one = Challenge("http-auth@example.org", "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "auth", "SHA-256")
    header = authorization(one, MUFASA_7616, "GET", "/dir/index.html", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")
    expected = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"  # pragma: allowlist secret
    assert f'response="{expected}"' in header


MUFASA_7616 = Credentials("Mufasa", "Circle of Life")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ('Digest realm="r", nonce="n"', Challenge("r", "n")),
        ("Digest realm='r',qop='auth',nonce='n=='", Challenge("r", "n==", "auth")),
        (
            'digest nonce="n",realm="a \\"b\\", c",opaque="",algorithm="MD5",stale=TRUE',
            Challenge('a "b", c', "n", "", "MD5", "", True),
        ),
        (
            'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth-int, auth"',
            Challenge("r", "n", "auth", "SHA-256"),
        ),
    ],
)
def test_challenges_as_they_are_met(header: str, expected: Challenge) -> None:
    assert read_challenge([header]) == expected


def test_of_several_the_first_that_can_be_answered() -> None:
    headers = ['Digest realm="r", nonce="1", algorithm=SM3', "Basic realm=x", 'Digest realm="r", nonce="2"']
    assert read_challenge(headers).nonce == "2"


@pytest.mark.parametrize(
    "header",
    ["", "Basic realm=x", 'Digest realm="r"', 'Digest nonce="n", qop="auth-int"', 'Digest nonce="n", algorithm=SM3'],
)
def test_what_cannot_be_answered_is_said(header: str) -> None:
    with pytest.raises(CannotAnswer, match="MD5"):
        read_challenge([header])


@pytest.mark.parametrize("qop", ["", "auth"])
def test_a_registrar_of_others_accepts_it_and_only_it(qop: str) -> None:
    one = Challenge("3301060000", "abc", qop)
    header = authorization(one, Credentials("u", "right"), "REGISTER", "sip:a@b", "c")
    assert is_right(header, "REGISTER", "right", "abc")
    assert not is_right(header, "REGISTER", "wrong", "abc")
    assert not is_right(header, "REGISTER", "right", "abd")


def test_a_password_is_never_shown() -> None:
    assert "Circle" not in repr(MUFASA) + str(MUFASA)
