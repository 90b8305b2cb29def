"""The stream under paho: whatever pieces the bytes come in, the same packets; whoever is next learns a failure."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.transports.mqtt_stream import MqttStream, Published
from tests.edge.test_mqtt import publish

PINGRESP = b"\xd0\x00"


class Pieces:
    """A socket that has received the pieces so far, each given by one ``recv``; b"" is the far end's hanging up."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces, self.sent, self.takes = list(pieces), b"", 1_000_000

    def recv(self, buffer_size: int) -> bytes:
        if not self.pieces:
            raise BlockingIOError
        return self.pieces.pop(0)

    def send(self, buffer: bytes) -> int:
        if not self.takes:
            raise BlockingIOError
        taken = buffer[: self.takes]
        self.sent += taken
        return len(taken)

    def close(self) -> None:
        self.pieces = []

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None: ...


def packets(stream: MqttStream) -> Iterator[Published | bytes]:
    """What can be taken now: PUBLISHes by the short way, the rest as paho reads it."""
    while stream.packet_waits():
        published = stream.take_publish()
        if published is None:
            head = stream.recv(2)
            published = head + (stream.recv(head[1]) if head and head[1] else b"")
        yield published


@given(st.lists(st.integers(1, 40), max_size=30))
def test_the_same_packets_whatever_pieces_they_come_in(cuts: list[int]) -> None:
    whole = publish(b"a/b", 1, b"one") + PINGRESP + publish("门/1".encode(), 65535, b"") + publish(b"c", 7, b"x" * 90)
    pieces: list[bytes] = []
    rest = whole
    for cut in cuts:
        pieces, rest = [*pieces, rest[:cut]], rest[cut:]
    stream = MqttStream(Pieces([piece for piece in [*pieces, rest] if piece]))
    assert list(packets(stream)) == [
        Published(b"a/b", b"one", 1, 1, False),
        PINGRESP,
        Published("门/1".encode(), b"", 65535, 1, False),
        Published(b"c", b"x" * 90, 7, 1, False),
    ]


def test_a_packet_that_is_not_whole_waits() -> None:
    sock = Pieces([publish(b"a", 1, b"one")[:-1]])
    stream = MqttStream(sock)
    assert not stream.packet_waits()
    sock.pieces.append(b"e")
    assert next(packets(stream)) == Published(b"a", b"one", 1, 1, False)


def test_retained_and_unacknowledged_messages_are_told_apart() -> None:
    stream = MqttStream(Pieces([b"\x31\x06\x00\x01aone"]))
    assert list(packets(stream)) == [Published(b"a", b"one", 0, 0, True)]


def test_qos_2_and_a_topic_longer_than_its_packet_are_left_to_paho() -> None:
    for packet in (b"\x34\x06\x00\x01a\x00\x01x", b"\x32\x04\xff\xffab"):
        stream = MqttStream(Pieces([packet]))
        assert stream.packet_waits()
        assert stream.take_publish() is None
        assert stream.recv(100) == packet


def test_a_length_without_an_end_is_left_to_paho() -> None:
    stream = MqttStream(Pieces([b"\x32\xff\xff\xff\xff\x01"]))
    assert stream.packet_waits()
    assert stream.take_publish() is None


def test_the_end_comes_after_what_came_before_it() -> None:
    stream = MqttStream(Pieces([publish(b"a", 1), b"\x32", b""]))
    assert stream.packet_waits()
    assert stream.take_publish() == Published(b"a", b"x", 1, 1, False)
    assert stream.packet_waits(), "the end is something to be told of"
    assert stream.take_publish() is None
    assert (stream.recv(1), stream.recv(1)) == (b"\x32", b"")


def test_acknowledgements_go_out_together_and_what_did_not_go_waits() -> None:
    sock = Pieces([])
    stream = MqttStream(sock)
    stream.acknowledge(1)
    stream.acknowledge(258)
    assert sock.sent == b"", "one system call for many"
    sock.takes = 0
    assert not stream.flush()
    sock.takes = 3
    assert stream.flush()
    assert sock.sent == b"\x40\x02\x00\x01\x40\x02\x01\x02"


def test_what_waits_is_bounded() -> None:
    stream = MqttStream(Pieces([]))
    with pytest.raises(BlockingIOError):
        for _ in range(1_000):
            stream.send(b"x" * 1_024)


def test_a_failure_to_send_is_learned_by_whoever_reads_or_sends_next() -> None:
    near, far = socket.socketpair()
    far.close()
    stream = MqttStream(near)
    stream.send(b"x")
    assert stream.flush(), "nothing waits any more"
    assert stream.packet_waits()
    for act in (lambda: stream.recv(1), lambda: stream.send(b"x"), lambda: stream.acknowledge(1)):
        with pytest.raises(OSError):
            act()
    stream.close()
