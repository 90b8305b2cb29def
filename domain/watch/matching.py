"""Whether a camera's reading is of a plate that is looked for: exactly, or doubtfully, and then said as a doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from domain.events import WATCH_HIT, Event
from domain.ids import fact_id
from domain.lanes.read import Read, read_of
from domain.plates import alike, canonical
from domain.watch.listed import Watched, WatchLists, key_for

SURE = 0.8  # of a reader's confidence; below it even the same signs are a doubt
SAME_CAR = timedelta(seconds=60)  # so long a car that stands at a camera, and is read again, is one hit
How = Literal["exact", "doubtful"]


class Found(msgspec.Struct, frozen=True):
    """An entry that a reading fits."""

    entry: str
    how: How
    differs: str = ""  # "4:8": at the fourth sign from the left, counted from 0, an 8 was read instead


class WatchBook:
    """A gateway's list, ready to be asked. It knows digests: it hashes what was read and what may have been meant."""

    def __init__(self, lists: WatchLists | None = None) -> None:
        self._salt = bytes.fromhex(lists.salt) if lists else b""
        self._by_key: dict[str, list[Watched]] = {}
        for entry in lists.entries if lists else ():
            self._by_key.setdefault(entry.key, []).append(entry)

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def find(self, read: Read, now: datetime) -> list[Found]:
        """Entries in force when it was read and still now, the exact ones first; each once."""
        if not read.plate or not self._by_key:
            return []
        how: How = "exact" if is_sure(read) else "doubtful"
        found = {one.id: Found(one.id, how) for one in self._at(read.plate, read.at, now)}
        for plate in meant(read.plate):
            for one in self._at(plate, read.at, now):
                found.setdefault(one.id, Found(one.id, "doubtful", differing(plate, read.plate)))
        return list(found.values())

    def _at(self, plate: str, at: datetime, now: datetime) -> Iterator[Watched]:
        listed: Iterable[Watched] = self._by_key.get(key_for(self._salt, plate), ())
        return (one for one in listed if one.holds(at) and one.holds(now))


def is_sure(read: Read) -> bool:
    """Whether the signs may be taken as they are."""
    return read.status == "read" and (read.confidence is None or read.confidence >= SURE)


def meant(plate: str) -> set[str]:
    """Plates that readers take for this one: a single sign exchanged for one that looks like it."""
    swapped = (
        canonical(plate[:place] + other + plate[place + 1 :])
        for place, sign in enumerate(plate)
        for other in alike(sign)
    )
    return set(swapped) - {plate}


def differing(plate: str, seen: str) -> str:
    """Where a reading has another sign than a plate, and which: it names neither."""
    return next((f"{place}:{b}" for place, (a, b) in enumerate(zip(plate, seen, strict=False)) if a != b), "")


def read_instead(plate: str, differs: str) -> str:
    """What was read, from the plate that is looked for; the plate itself where nothing differs or fits."""
    place, _, sign = differs.partition(":")
    if not (place.isascii() and place.isdigit() and len(sign) == 1 and int(place) < len(plate)):
        return plate
    return plate[: int(place)] + sign + plate[int(place) + 1 :]


def reading(event: Event) -> Read:
    """What an event that bears a plate says of the car, also one that came late: it was here, then."""
    return read_of(event)


def hit(event: Event, found: Found) -> Event:
    """The fact that goes up. It names no plate: the entry's id, the passage's id, and where."""
    fact = fact_id(event)
    of = fact.hex() if fact else ""
    number = f"watch/{found.entry}/{of}" if of else None
    return Event(
        kind=WATCH_HIT,
        device=event.device,
        channel=event.channel,
        lane=event.lane,
        place=event.place,
        direction=event.direction,
        time=event.time,
        time_quality=event.time_quality,
        source_event_id=number,
        code=found.entry,
        state=found.how,
        confidence=event.confidence,
        ext={**({"of": of} if of else {}), **({"differs": found.differs} if found.differs else {})},
    )
