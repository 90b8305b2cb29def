"""The card list of a UHPPOTE controller: up to 20,000 numbers, each with two days and a right for every door."""

from __future__ import annotations

from datetime import date

from domain.card_lists import CardWish
from edge.devices import _uhppote_packet as packets
from edge.devices._fields import whole
from edge.devices._uhppote_commands import door_of
from edge.devices._uhppote_packet import CardRecord
from edge.devices.card_list import END, MISSING, CardListCodec, HeldCard

_FIRST_DAY, _LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)  # what two digits of a year can say


def _fits(wish: CardWish) -> str:
    card = whole(wish.number)
    if card is None or not 0 < card < packets.MAX_CARD or not wish.number.isdecimal():
        return "a number of more than 32 bits, or of letters"
    return "" if any(door_of(point) for point in wish.points) else "no door of this controller"


def _record(wish: CardWish, rest: bytes = bytes(4)) -> CardRecord:
    doors = [door for point in wish.points if (door := door_of(point))]
    begin, end = max(wish.begin, _FIRST_DAY), min(wish.end, _LAST_DAY)
    return CardRecord(int(wish.number), begin, end, packets.rights_of(doors), rest)


def _same(record: CardRecord) -> tuple[object, ...]:
    return record.begin, record.end, record.rights


def _card_in(packet: bytes) -> HeldCard | str:
    card = packets.card_in(packet)
    if card.card in (packets.NO_CARD, packets.DELETED_CARD):
        return END if card.card == packets.NO_CARD else MISSING
    return HeldCard(str(card.card), _same(card), card.rest)


def _put(serial: str, wish: CardWish, held: HeldCard | None) -> bytes:
    """A PIN that somebody set at the controller stays."""
    return packets.put_card(int(serial), _record(wish, held.raw if held and held.raw else bytes(4)))


CARD_LIST = CardListCodec(
    fits=_fits,
    same=lambda wish: _same(_record(wish)),
    count=lambda serial: packets.request(packets.CARD_COUNT, int(serial)),
    count_in=lambda packet: packets.number_at(packet, 8),
    read=lambda serial, place: packets.request(packets.GET_CARD_AT, int(serial), packets.number(place)),
    card_in=_card_in,
    put=_put,
    delete=lambda serial, card: packets.request(packets.DELETE_CARD, int(serial), packets.number(int(card))),
    is_done=lambda packet: packet[8] != 0,
)
