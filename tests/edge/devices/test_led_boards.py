"""Frames for the boards of a lane: the published vector, each frame taken apart again, no character cut in two."""

from __future__ import annotations

import struct
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.devices._led_boards import BOARDS, BadText, crc16_modbus, cut

BOARD = BOARDS["0x64"]
CHINESE = st.text(st.sampled_from("粤B·12345 欢迎光临请交费元月租车剩余天AZ09"), max_size=200)


def taken_apart(frame: bytes) -> tuple[int, bytes]:
    """The command and the data, as a board reads them."""
    address, version, packet, command, length = struct.unpack_from(">BBHBB", frame)
    assert (address, version, packet) == (0x00, 0x64, 0xFFFF)
    data, (checksum,) = frame[6 : 6 + length], struct.unpack("<H", frame[6 + length :])
    assert checksum == crc16_modbus(frame[:-2])
    return command, data


def lines_and_voice(data: bytes) -> tuple[list[str], str]:
    """What 0x6E says, read byte by byte."""
    count, at, lines = data[1], 2, list[str]()
    for number in range(count):
        assert data[at] == number
        size = data[at + 9]
        lines.append(data[at + 10 : at + 10 + size].decode("gbk"))
        at += 10 + size
        assert data[at] == (0x00 if number == count - 1 else 0x0D)
        at += 1
    assert data[at] == 0x0A
    size = data[at + 1]
    assert data[at + 2 + size :] == b"\x00"
    return lines, data[at + 2 : at + 2 + size].decode("gbk")


def test_the_published_vector() -> None:
    assert BOARD.voice("欢迎光临").hex(" ").upper() == "00 64 FF FF 30 09 01 BB B6 D3 AD B9 E2 C1 D9 32 58"


@pytest.mark.parametrize("text", ["粤B·12345 欢迎光临", "请交费 5.5 元", "月租车 剩余 12 天"])
def test_what_lanes_say_can_be_spoken_and_shown(text: str) -> None:
    assert taken_apart(BOARD.voice(text)) == (0x30, b"\x01" + text.encode("gbk"))
    command, data = taken_apart(BOARD.lines(text.split(" ", 1), text))
    assert (command, lines_and_voice(data)) == (0x6E, (text.split(" ", 1), text))


def test_one_line_and_the_clock() -> None:
    command, data = taken_apart(BOARD.line(1, "余位 25"))
    assert (command, data[0], data[17:19], data[19:].decode("gbk")) == (0x62, 1, b"\x07\x00", "余位 25")
    assert taken_apart(BOARD.clock(datetime(2026, 3, 1, 8, 15, 30))) == (0x05, bytes((0xEA, 7, 3, 1, 0, 8, 15, 30)))


@given(st.lists(CHINESE, min_size=1, max_size=4), CHINESE)
def test_every_frame_fits_and_no_character_is_cut_in_two(lines: list[str], voice: str) -> None:
    shown, spoken = lines_and_voice(taken_apart(BOARD.lines(lines, voice))[1])
    assert all(line.startswith(part) for line, part in zip(lines, shown, strict=True))
    assert voice.startswith(spoken)


@given(CHINESE, st.integers(0, 60))
def test_a_text_is_cut_where_a_character_ends(text: str, most: int) -> None:
    kept = cut(text, most).decode("gbk")
    assert text.startswith(kept)
    assert len(kept.encode("gbk")) <= most
    rest = text[len(kept) :]
    assert not rest or len((kept + rest[0]).encode("gbk")) > most, "no character less than fits"


@pytest.mark.parametrize("text", ["😀", "", "好" * 128])
def test_what_a_board_cannot_speak_is_refused(text: str) -> None:
    with pytest.raises(BadText):
        BOARD.voice(text)


def test_words_that_gbk_has_not_are_refused_with_what_they_are() -> None:
    with pytest.raises(BadText, match="'😀'"):
        BOARD.lines(["车😀"], "")
    with pytest.raises(BadText):
        BOARD.lines([], "欢迎光临")
