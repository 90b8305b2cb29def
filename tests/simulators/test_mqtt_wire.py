"""The packets we write ourselves are those of MQTT 3.1.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators import mqtt_wire


@pytest.mark.parametrize(
    ("size", "encoded"),
    [(0, "00"), (127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001"), (268_435_455, "ffffff7f")],
)
def test_the_remaining_lengths_of_the_standard_s_table(size: int, encoded: str) -> None:
    assert mqtt_wire.remaining_length(size).hex() == encoded


def test_a_length_beyond_the_standard_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        mqtt_wire.remaining_length(268_435_456)


def test_connect_as_in_the_standard() -> None:
    assert mqtt_wire.connect("ab").hex() == "100e" + "00044d515454" + "04" + "02" + "0000" + "00026162"


@given(st.integers(0, 300), st.integers(0, 20))
def test_a_packet_is_taken_when_it_is_whole(size: int, missing: int) -> None:
    packet = b"\x40" + mqtt_wire.remaining_length(size) + bytes(size)
    cut = packet[: max(0, len(packet) - missing)]
    taken = mqtt_wire.take_packet(b"\x00" + cut, 1)
    if missing == 0:
        assert taken == (0x40, 1 + len(packet) - size, 1 + len(packet))
    else:
        assert taken is None


def test_an_endless_length_is_refused() -> None:
    with pytest.raises(ValueError, match="four bytes"):
        mqtt_wire.take_packet(b"\x40\xff\xff\xff\xff\xff", 0)
