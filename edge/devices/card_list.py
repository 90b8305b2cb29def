"""What a driver says of the card list in a device that decides by itself: how to read it, and how to change it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import msgspec

MISSING, END = "missing", "end"


class CardWish(msgspec.Struct, frozen=True, order=True):
    """A card as it shall be in a device: the doors it opens there, on the days ``begin`` to ``end``."""

    number: str  # in the one spelling of domain.desired_bodies.canonical_card
    begin: date
    end: date
    points: tuple[str, ...]


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
