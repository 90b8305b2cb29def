"""SIP: read tolerantly and within bounds, written strictly; what comes is a message or is refused in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.feeds.gb28181 import sip
from server.feeds.gb28181.framing import Framer
from server.feeds.gb28181.sip import BadSip, Request, Response, read, written
from simulators.gb28181.sip import parse

HEAD = [
    ("Via", "SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bKabc"),
    ("From", '"a > b" <sip:33010600002000000001@3301060000>;tag=1'),
    ("To", "<sip:33010600012000000001@3301060000>"),
    ("Call-ID", "x@y"),
    ("CSeq", "7 MESSAGE"),
    ("Max-Forwards", "70"),
]
PACKET = written(Request(HEAD, b"<a/>", method="MESSAGE", uri="sip:33010600012000000001@3301060000"))
tokens = st.text('abcdefghijklmnopqrstuvwxyz0123456789.;=<>:@" -', max_size=30).map(str.strip)


def test_what_we_write_a_strict_reader_of_others_reads() -> None:
    packet = parse(PACKET)
    assert (packet.first, packet.body) == ("MESSAGE sip:33010600012000000001@3301060000 SIP/2.0", b"<a/>")
    assert packet.headers == HEAD


@given(st.lists(st.tuples(st.sampled_from(["X-A", "Via", "Subject"]), tokens), max_size=8), st.binary(max_size=200))
def test_what_is_written_is_read_again(headers: list[tuple[str, str]], body: bytes) -> None:
    request = read(written(Request(headers, body, method="MESSAGE", uri="sip:a@b")))
    assert isinstance(request, Request)
    assert (request.headers[:-1], request.body, request.uri) == (headers, body, "sip:a@b")
    response = read(written(Response(headers, body, status=200, reason="OK")))
    assert isinstance(response, Response) and response.is_ok and response.headers[:-1] == headers


@pytest.mark.parametrize(
    "packet",
    [
        PACKET.replace(b"\r\n", b"\n"),
        b"\r\n\r\n" + PACKET,
        PACKET.replace(b"From:", b"f:").replace(b"To:", b"t :").replace(b"Call-ID", b"i").replace(b"Via", b"v"),
        PACKET.replace(b"CSeq: 7 MESSAGE", b"CSEQ:\r\n  7\r\n\t MESSAGE"),
        PACKET.replace(b"Content-Length: 4\r\n", b""),
        PACKET + b"and what does not belong to it",
        PACKET.replace(b"MESSAGE sip", b"message  sip").replace(b"SIP/2.0\r\nVia", b"sip/2.0\r\nVia", 1),
    ],
    ids=["bare line ends", "empty lines before", "compact names", "folded", "no length", "longer than it says", "case"],
)
def test_what_others_write_differently_is_the_same(packet: bytes) -> None:
    request = read(packet)
    assert isinstance(request, Request)
    assert (request.method, request.cseq, request.call_id, request.branch) == (
        "MESSAGE",
        (7, "MESSAGE"),
        "x@y",
        "z9hG4bKabc",
    )
    assert sip.user_of(request.get("from")) == "33010600002000000001"
    assert request.body.startswith(b"<a/>")
    assert not sip.missing(request)


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"GET / HTTP/1.1\r\n\r\n",
        b"SIP/2.0 999 OK\r\n\r\n",
        b"SIP/2.0 twohundred\r\n\r\n",
        PACKET.replace(b"Content-Length: 4", b"Content-Length: 5"),
        PACKET.replace(b"Content-Length: 4", b"Content-Length: -4"),
        PACKET.replace(b"Call-ID", b"X: 1\r\n" * 101 + b"Call-ID"),
        PACKET.replace(b"x@y", b"x" * 20_000),
        b"x" * 70_000,
        b"MESSAGE " + b"s" * 2_000 + b" SIP/2.0\r\n\r\n",
    ],
)
def test_what_is_no_sip_is_refused(packet: bytes) -> None:
    with pytest.raises(BadSip):
        read(packet)


@given(
    st.one_of(
        st.binary(max_size=500),
        st.tuples(st.just(PACKET), st.integers(0, 400), st.binary(max_size=6)).map(
            lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + len(cut[2]) :]
        ),
    )
)
def test_whatever_comes_is_a_message_or_is_refused(packet: bytes) -> None:
    """And a request that lacks nothing can be answered: nothing of it makes a header of its own."""
    try:
        message = read(packet)
    except BadSip as error:
        assert str(error)
        return
    if isinstance(message, Request) and not sip.missing(message):
        answer = read(written(sip.answer(message, 200, "OK", "t")))
        assert isinstance(answer, Response) and answer.call_id == message.call_id.strip()


def test_a_header_cannot_begin_another() -> None:
    with pytest.raises(ValueError, match="line break"):
        written(Request([("To", "a\r\nX-Evil: 1")], method="MESSAGE", uri="sip:a@b"))


def test_a_lone_carriage_return_does_not_survive() -> None:
    request = read(PACKET.replace(b"x@y", b"x\rEvil: 1"))
    assert isinstance(request, Request)
    assert b"\rEvil" not in written(sip.answer(request, 200, "OK", "t"))


@pytest.mark.parametrize(
    ("address", "user", "tag", "host"),
    [
        ("<sip:33010600002000000001@192.0.2.1:5061>;tag=ab", "33010600002000000001", "ab", ("192.0.2.1", 5061)),
        ("sip:33010600002000000001@3301060000;tag=x", "33010600002000000001", "x", ("3301060000", 5060)),
        ('"n;tag=no" <sip:1@[2001:db8::1]:5070;transport=tcp>', "1", "", ("2001:db8::1", 5070)),
        ("<sip:192.0.2.1:99999>", "", "", None),
        ("nonsense", "", "", None),
    ],
)
def test_addresses(address: str, user: str, tag: str, host: tuple[str, int] | None) -> None:
    assert (sip.user_of(address), sip.tag_of(address)) == (user, tag)
    assert sip.host_of(sip.uri_of(address)) == host


@given(st.lists(st.binary(max_size=60), max_size=6), st.lists(st.integers(1, 40), min_size=1))
def test_a_stream_in_whatever_pieces_is_the_same_messages(bodies: list[bytes], sizes: list[int]) -> None:
    packets = [written(Request(HEAD, body, method="MESSAGE", uri="sip:a@b")) for body in bodies]
    stream, framer, found = b"\r\n\r\n".join(packets), Framer(), list[bytes]()
    turn = 0
    while stream:
        size = sizes[turn % len(sizes)]
        found += framer.feed(stream[:size])
        stream, turn = stream[size:], turn + 1
    assert found == packets


@pytest.mark.parametrize(
    "stream", [b"MESSAGE sip:a@b SIP/2.0\r\n\r\n", b"x" * 20_000, PACKET.replace(b": 4", b": 99999999")]
)
def test_a_stream_without_ends_is_refused(stream: bytes) -> None:
    with pytest.raises(BadSip):
        Framer().feed(stream)
