"""An item: asked (点单), sent to a unit (派单), taken (接单), done with words and a picture, reviewed, rated."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from domain.duty.acts import NotPossible
from domain.items import acts
from domain.items.acts import Act

Status = Literal["asked", "sent", "taken", "done", "closed", "refused", "withdrawn"]
OVER: frozenset[Status] = frozenset({"closed", "refused", "withdrawn"})
MOST_KEYS = 256
replace = msgspec.structs.replace


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """The need: what, where, by whom. ``by``: an account, or the key of a report that needs none; ``alert``: the matter
    it came of."""

    at: datetime
    by: str
    words: str
    place: str = ""
    pictures: tuple[str, ...] = ()
    alert: str = ""


class Sent(msgspec.Struct, frozen=True):
    """The service: which unit answers for it, until when, sent by whom."""

    at: datetime
    by: str
    unit: str
    due_at: datetime


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


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The one record. ``doer`` has taken it, ``doers`` ever did; ``past``: what was done and sent back."""

    id: str
    complex: str
    category: str
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
    over_words: str = ""
    keys: tuple[str, ...] = ()


def apply(item: Item, act: Act, now: datetime) -> Item:
    """The item after an act. Raises NotPossible; an act that was done changes nothing."""
    if act.key in item.keys:
        return item
    after = _done(item, act, now)
    return replace(after, keys=(*after.keys, act.key)[-MOST_KEYS:])


def _done(item: Item, act: Act, now: datetime) -> Item:
    match act:
        case acts.Send():
            _wants(item, ("asked", "sent"), "it can be sent until somebody has taken it; have them give it back")
            return replace(item, status="sent", sent=Sent(now, act.by, act.unit, act.due_at))
        case acts.Take():
            _wants(item, ("sent",), "it is taken once it was sent to a unit, and by nobody yet")
            return replace(item, status="taken", doer=act.by, doers=(*item.doers, act.by), taken_at=now)
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


def _give_back(item: Item, act: acts.GiveBack) -> Item:
    _wants(item, ("taken",), "nobody has taken it")
    if act.by != item.doer:
        raise NotPossible(f"{item.doer} has taken it; they can give it back")
    _words(act.words, "say why, to who takes it next")
    return replace(item, status="sent", doer="", taken_at=None)


def _finish(item: Item, act: acts.Finish, now: datetime) -> Item:
    _wants(item, ("taken",), "take it first")
    if act.by != item.doer:
        raise NotPossible(f"{item.doer} has taken it; they say what was done, or give it back")
    if not act.pictures:
        raise NotPossible("a picture of what was done is missing; add one")
    return replace(item, status="done", done=Done(now, act.by, _words(act.words, "say what was done"), act.pictures))


def _review(item: Item, act: acts.Review, now: datetime) -> Item:
    """Passed, it is closed; else it goes back to who did it."""
    _wants(item, ("done",), "it is reviewed once it is done")
    if act.by in (*item.doers, item.asked.by):
        raise NotPossible("another person reviews it than who did it or asked for it")
    words = act.words if act.passed else _words(act.words, "say what is missing")
    item = replace(item, reviews=(*item.reviews, Reviewed(now, act.by, words, act.passed)))
    if act.passed or item.done is None:
        return replace(item, status="closed")
    return replace(item, status="taken", past=(*item.past, item.done), done=None)


def _rate(item: Item, act: acts.Rate, now: datetime) -> Item:
    """Only who asked, once: nobody edits it, least of all who is rated."""
    _wants(item, ("closed",), "it is rated once it is closed")
    if act.by != item.asked.by or act.by in item.doers:
        raise NotPossible("only who asked for it rates it")
    if item.rated is not None:
        raise NotPossible("it is rated, and that stays as it is")
    return replace(item, rated=Rated(now, act.by, act.stars, act.words))


def _withdraw(item: Item, act: acts.Withdraw) -> Item:
    _wants(item, ("asked", "sent"), "somebody is at work on it; talk to them")
    if act.by != item.asked.by:
        raise NotPossible("only who asked for it withdraws it; it can be refused, with the reason")
    return replace(item, status="withdrawn", over_words=act.words)


def _wants(item: Item, statuses: tuple[Status, ...], otherwise: str) -> None:
    if item.status not in statuses:
        raise NotPossible(f"this item is {item.status}: {otherwise}")


def _words(words: str, wanted: str) -> str:
    if not words.strip():
        raise NotPossible(f"words are missing; {wanted}")
    return words


encode_item = msgspec.json.Encoder().encode
decode_item = msgspec.json.Decoder(Item).decode
