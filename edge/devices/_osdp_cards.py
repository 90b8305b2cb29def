"""Card numbers as OSDP readers send them: Wiegand bits, left-aligned, most significant first, parity at both ends."""

from __future__ import annotations

from types import MappingProxyType

import msgspec

from domain.events import Subject
from edge.devices.driver import BadMessage

_MAX_BITS = 512
_LEAST_CODE_BITS = 128


class _Layout(msgspec.Struct, frozen=True):
    """The first ``covered`` bits have even parity, the last ``covered`` odd; in between facility and number."""

    covered: int
    facility: slice
    number: slice


# 26: H10301. 34: H10306. 37: H10304; a card of H10302, which has no facility, differs in these two fields alone.
_LAYOUTS = MappingProxyType(
    {
        26: _Layout(13, slice(1, 9), slice(9, 25)),
        34: _Layout(17, slice(1, 17), slice(17, 33)),
        37: _Layout(19, slice(1, 17), slice(17, 36)),
    }
)


def is_code(form: str, length: int, data: bytes) -> bool:
    """Whether a read is a code that somebody shows (a QR code, a phone): text, and longer than any number of a card."""
    if form == "ASCII":
        return True
    text = data[: length // 8]
    whole = length % 8 == 0 and len(text) * 8 == length >= _LEAST_CODE_BITS
    return form == "Unspecified" and whole and text.isascii() and text.decode("ascii").strip("\0\r\n").isprintable()


def card_of(data: bytes, length: int, *, wiegand: bool) -> Subject:
    """The card; its id is the bits, so that every format has one. Raises BadMessage where parity does not hold."""
    if not 0 < length <= _MAX_BITS or len(data) * 8 < length:
        raise BadMessage(f"a card of {length} bits in {len(data)} bytes")
    bits = f"{int.from_bytes(data, 'big'):0{len(data) * 8}b}"[:length]
    size_bytes = (length + 7) // 8
    canonical = int(bits.ljust(size_bytes * 8, "0"), 2).to_bytes(size_bytes, "big").hex()
    layout = _LAYOUTS.get(length) if wiegand else None
    name = f"{'w' if wiegand else 'raw'}{length}:{canonical}"
    if layout is None:
        return Subject(type="card", id=name)
    if bits[: layout.covered].count("1") % 2 or not bits[-layout.covered :].count("1") % 2:
        raise BadMessage(f"misread: the parity of {length} bits does not hold")
    return Subject(type="card", id=name, facility=int(bits[layout.facility], 2), number=int(bits[layout.number], 2))
