"""An item: asked (点单), sent to a unit (派单), taken (接单), done with words and a picture, reviewed, rated."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from domain.duty.acts import NotPossible
from domain.items import acts
from domain.items.acts import Act

Status = Literal["asked", "sent", "taken", "done", "closed", "refused", "withdrawn"]
# report: a resident by the code at a place; call: a resident's, typed by somebody; alert: of an alert; work: our own.
Origin = Literal["report", "call", "alert", "work"]
OVER: frozenset[Status] = frozenset({"closed", "refused", "withdrawn"})
RESIDENT = "a resident"  # who reported without an account; the name of an account has no space
MOST_KEYS = 256
replace = msgspec.structs.replace


class Refused(NotPossible):
    """An act that does not fit; ``reason`` is a stable word, the message says what could be done instead."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """The need: what, where, by whom: an account, or RESIDENT. ``alert``: the alert it came of."""

    at: datetime
    by: str
    words: str
    place: str = ""
    pictures: tuple[str, ...] = ()
    alert: str = ""


class Sent(msgspec.Struct, frozen=True):
    """The service: which unit answers for it, sent by whom."""

    at: datetime
    by: str
    unit: str


class Done(msgspec.Struct, frozen=True):
    """The evidence: by whom, in words and pictures."""

    at: datetime
    by: str
    words: str
    pictures: tuple[str, ...]


class Reviewed(msgspec.Struct, frozen=True):
    at: datetime
    by: str
    words: str
    passed: bool


class Rated(msgspec.Struct, frozen=True):
    """What who asked thinks of it, once and for ever."""

    at: datetime
    by: str
    stars: int
    words: str = ""


class Owner(NamedTuple):
    """Whose turn it is. ``dispatcher`` and ``reviewer`` are roles, without a name."""

    kind: Literal["dispatcher", "unit", "person", "reviewer"]
    name: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one record. ``doer`` has taken it, ``doers`` ever did; ``past``: what was done and sent back."""

    id: str
    complex: str
    origin: Origin
    category: str
    due_at: datetime
    asked: Asked
    status: Status = "asked"
    sent: Sent | None = None
    doer: str = ""
    doers: tuple[str, ...] = ()
    taken_at: datetime | None = None
    past: tuple[Done, ...] = ()
    done: Done | None = None
    reviews: tuple[Reviewed, ...] = ()
    rated: Rated | None = None
    over_at: datetime | None = None
    over_words: str = ""
    keys: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        return self.status not in OVER

    @property
    def unit(self) -> str:
        return self.sent.unit if self.sent else ""


def owner(item: Item) -> Owner | None:
    """Exactly one while it is open; None once it is over."""
    match item.status:
        case "asked":
            return Owner("dispatcher")
        case "sent":
            return Owner("unit", item.unit)
        case "taken":
            return Owner("person", item.doer)
        case "done":
            return Owner("reviewer")
        case _:
            return None


def apply(item: Item, act: Act, now: datetime) -> Item:
    """The item after an act. Raises Refused; an act that was done changes nothing."""
    if act.key in item.keys:
        return item
    after = _done(item, act, now)
    if not after.is_open and item.is_open:
        after = replace(after, over_at=now)
    return replace(after, keys=(*after.keys, act.key)[-MOST_KEYS:])


def _done(item: Item, act: Act, now: datetime) -> Item:
    match act:
        case acts.Send():
            return _send(item, act, now)
        case acts.Take():
            _wants(item, ("sent",), "it is taken once it was sent to a unit, and by nobody yet")
            return replace(item, status="taken", doer=act.by, doers=_and(item.doers, act.by), taken_at=now)
        case acts.HandOver():
            return _hand_over(item, act, now)
        case acts.GiveBack():
            return _give_back(item, act)
        case acts.Finish():
            return _finish(item, act, now)
        case acts.Review():
            return _review(item, act, now)
        case acts.Rate():
            return _rate(item, act, now)
        case acts.Withdraw():
            return _withdraw(item, act)
        case acts.Refuse():
            _wants(item, ("asked", "sent"), "somebody has taken it; it ends by being done")
            return replace(item, status="refused", over_words=_words(act.words, "say why, to who asked"))


def _send(item: Item, act: acts.Send, now: datetime) -> Item:
    _wants(item, ("asked",), "it was sent already; hand it over to another unit")
    sorted_ = replace(item, category=act.category or item.category, due_at=act.due_at or item.due_at)
    return replace(sorted_, status="sent", sent=Sent(now, act.by, act.unit))


def _hand_over(item: Item, act: acts.HandOver, now: datetime) -> Item:
    _wants(item, ("sent", "taken"), "it is handed over once it was sent, and until it is done")
    if item.status == "taken":
        _is_theirs(item, act.by, "they hand it over, or give it back")
    if act.unit == item.unit:
        raise Refused("same_unit", f"{act.unit} has it already; name another unit")
    _words(act.words, "say why, to who takes it next")
    return replace(item, status="sent", sent=Sent(now, act.by, act.unit), doer="", taken_at=None)


def _give_back(item: Item, act: acts.GiveBack) -> Item:
    _wants(item, ("taken",), "nobody has taken it")
    _is_theirs(item, act.by, "they can give it back")
    _words(act.words, "say why, to who takes it next")
    return replace(item, status="sent", doer="", taken_at=None)


def _finish(item: Item, act: acts.Finish, now: datetime) -> Item:
    _wants(item, ("taken",), "take it first")
    _is_theirs(item, act.by, "they say what was done, or give it back")
    words = _words(act.words, "say what was done")
    if not act.pictures:
        raise Refused("picture", "a picture of what was done is missing; add one")
    return replace(item, status="done", done=Done(now, act.by, words, act.pictures))


def _review(item: Item, act: acts.Review, now: datetime) -> Item:
    """Passed, it is closed; else it goes back to who did it."""
    _wants(item, ("done",), "it is reviewed once it is done")
    if act.by in (*item.doers, item.asked.by):
        raise Refused("same_person", "another person reviews it than who did it or asked for it")
    words = act.words if act.passed else _words(act.words, "say what is missing")
    item = replace(item, reviews=(*item.reviews, Reviewed(now, act.by, words, act.passed)))
    if act.passed or item.done is None:
        return replace(item, status="closed")
    return replace(item, status="taken", past=(*item.past, item.done), done=None)


def _rate(item: Item, act: acts.Rate, now: datetime) -> Item:
    """Only who asked, once: nobody edits it, least of all who is rated."""
    _wants(item, ("closed",), "it is rated once it is closed")
    if item.origin != "report" or act.by != item.asked.by or act.by in item.doers:
        raise Refused("not_asker", "only the resident who reported it rates it")
    if item.rated is not None:
        raise Refused("rated", "it is rated, and that stays as it is")
    return replace(item, rated=Rated(now, act.by, act.stars, act.words))


def _withdraw(item: Item, act: acts.Withdraw) -> Item:
    _wants(item, ("asked", "sent"), "somebody is at work on it; talk to them")
    if act.by != item.asked.by:
        raise Refused("not_asker", "only who asked for it withdraws it; it can be refused, with the reason")
    return replace(item, status="withdrawn", over_words=act.words)


def _wants(item: Item, statuses: tuple[Status, ...], otherwise: str) -> None:
    if item.status not in statuses:
        raise Refused("not_now", f"this item is {item.status}: {otherwise}")


def _is_theirs(item: Item, by: str, otherwise: str) -> None:
    if by != item.doer:
        raise Refused("not_yours", f"{item.doer} has taken it; {otherwise}")


def _words(words: str, wanted: str) -> str:
    if not words.strip():
        raise Refused("words", f"words are missing; {wanted}")
    return words


def _and(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return names if name in names else (*names, name)


encode_item = msgspec.json.Encoder().encode
decode_item = msgspec.json.Decoder(Item).decode
