"""What a driver says of the card list in a device that decides by itself: how to read it, and how to change it."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from domain.card_lists import CardWish

MISSING, END = "missing", "end"


class HeldCard(msgspec.Struct, frozen=True):
    """A card as a device holds it. ``same``: what is compared; ``raw``: what must survive a change, as the device
    has it (a PIN)."""

    number: str
    same: tuple[object, ...]
    raw: bytes = b""


class CardListCodec(msgspec.Struct, frozen=True):
    """Requests are made for a vendor identity; answers are read from bytes. What ``read`` finds at a place (from 1) is
    a card, MISSING where one was, END behind the last."""

    fits: Callable[[CardWish], str]  # why the device cannot hold a card; "" where it can
    same: Callable[[CardWish], tuple[object, ...]]  # what HeldCard.same must be
    count: Callable[[str], bytes]
    count_in: Callable[[bytes], int]
    read: Callable[[str, int], bytes]
    card_in: Callable[[bytes], HeldCard | str]
    put: Callable[[str, CardWish, HeldCard | None], bytes]  # in place of the one it holds
    delete: Callable[[str, str], bytes]
    is_done: Callable[[bytes], bool]  # of an answer to put or delete
