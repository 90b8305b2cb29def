"""Digest: the RFCs' own examples, challenges as peers write them, and our own other side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.viid import digest
from domain.viid.digest import BadChallenge, Challenge

URI = "/VIID/System/Register"
MUFASA = ("Mufasa", "Circle Of Life", "GET", "/dir/index.html")
NONCE = "dcd98b7102dd2f0e8b11d0f600bfb0c093"  # pragma: allowlist secret
OPAQUE = "5ccc069c403ebaf9f0171e9517f40e41"  # pragma: allowlist secret
PROVED = "6629fae49393a05397450978507c4ef1"  # pragma: allowlist secret
PROVED_BY_SHA = "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"  # pragma: allowlist secret
PROVED_WITHOUT_QOP = "670fd8c2df070c60b045671b8b24ff02"  # pragma: allowlist secret
NONCE_7616 = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"  # pragma: allowlist secret
OPAQUE_7616 = "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"  # pragma: allowlist secret
CNONCE_7616 = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"  # pragma: allowlist secret
RFC2617 = f'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="{NONCE}", opaque="{OPAQUE}"'


def test_the_example_of_rfc_2617() -> None:
    answer = digest.authorization(digest.parse_challenge(RFC2617), *MUFASA, "0a4f113b")
    said = digest.parse_authorization(answer)
    assert said["response"] == PROVED
    assert said["opaque"] == OPAQUE


def test_the_example_of_rfc_7616() -> None:
    head = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm=SHA-256'
    challenge = digest.parse_challenge(f'{head}, nonce="{NONCE_7616}", opaque="{OPAQUE_7616}"')
    answer = digest.authorization(challenge, "Mufasa", "Circle of Life", "GET", "/dir/index.html", CNONCE_7616)
    assert digest.parse_authorization(answer)["response"] == PROVED_BY_SHA


def test_without_qop_by_the_older_rule() -> None:
    answer = digest.authorization(Challenge("testrealm@host.com", NONCE), *MUFASA, "x")
    assert digest.parse_authorization(answer)["response"] == PROVED_WITHOUT_QOP
    assert "qop" not in answer and "nc=" not in answer and "algorithm=MD5" in answer


AS_WRITTEN = [
    'Digest realm="x", qop="auth", nonce="y"',
    "Digest realm='x',qop='auth',nonce='y'",
    'Digest realm="x",nonce="y",qop="auth"',
    'digest realm="x", qop=auth, nonce=y, algorithm="MD5"',
    'Basic realm="other", Digest realm="x", qop="auth,auth-int", nonce="y"',
    'Digest  nonce="y" , realm = "x" ,qop="auth-int, auth"',
]


@pytest.mark.parametrize("header", AS_WRITTEN)
def test_a_challenge_in_every_way_it_is_written(header: str) -> None:
    found = digest.parse_challenge(header)
    assert (found.realm, found.nonce, found.qop, found.algorithm) == ("x", "y", "auth", "MD5")


@pytest.mark.parametrize("header", ["Digest nonce=YWI9PQ==,realm=x", 'Digest nonce="YWI9PQ==", realm="x"'])
def test_a_nonce_with_equals_signs(header: str) -> None:
    assert digest.parse_challenge(header).nonce == "YWI9PQ=="


def test_an_empty_realm_and_an_escaped_quote_are_kept() -> None:
    assert digest.parse_challenge('Digest realm="", nonce="n"').realm == ""
    assert digest.parse_challenge(r'Digest realm="a \"b\"", nonce="n"').realm == 'a "b"'


@pytest.mark.parametrize(
    "header",
    [
        "",
        'Basic realm="x"',
        'Digest realm="x"',
        'Digest nonce="n", qop="auth-int"',
        'Digest nonce="n", algorithm=SHA-1',
    ],
)
def test_what_cannot_be_answered_says_why(header: str) -> None:
    with pytest.raises(BadChallenge):
        digest.parse_challenge(header)


words = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n:'\"\\", exclude_categories=["Cs", "Cc"]), min_size=1
)


@pytest.mark.parametrize("algorithm", ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess"])
@given(realm=words, user=words, password=words, qop=st.sampled_from(["", "auth"]))
def test_both_sides_agree_and_a_wrong_password_proves_nothing(
    algorithm: str, realm: str, user: str, password: str, qop: str
) -> None:
    challenge = Challenge(realm, "n0nce", qop, "opaque", algorithm)
    asked = digest.parse_challenge(digest.challenge_header(challenge))
    assert asked == challenge
    said = digest.parse_authorization(digest.authorization(asked, user, password, "POST", URI, "c"))
    assert digest.proves(said, password, "POST", algorithm)
    assert not digest.proves(said, password + "x", "POST", algorithm)
    assert not digest.proves(said, password, "GET", algorithm)
    assert not digest.proves({**said, "uri": "/VIID/Faces"}, password, "POST", algorithm)
    assert not digest.proves({}, password, "POST", algorithm)


def test_the_uri_is_judged_by_its_path_for_one_client_writes_it_whole() -> None:
    assert digest.uri_path({"uri": f"http://192.0.2.1:8120{URI}"}) == digest.uri_path({"uri": URI}) == URI
