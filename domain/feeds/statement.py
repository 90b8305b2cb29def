"""What was handed over to a platform on a day: every record that was offered is in exactly one column."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

TOTAL = "total"  # where a class stands
STATES = ("accepted", "refused", "withheld", "sent", "waiting")


class DoesNotAddUp(Exception):
    """A state that no column counts; the message says which."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A class of a day. ``sent``: it left, and the far end has not said yet."""

    data_class: str
    offered: int
    accepted: int = 0
    refused: int = 0
    withheld: int = 0
    sent: int = 0
    waiting: int = 0


class Statement(msgspec.Struct, frozen=True, kw_only=True):
    platform: str
    day: str
    lines: tuple[Line, ...]
    reasons: tuple[tuple[str, str, int], ...]  # state, in whose words, how many

    @property
    def total(self) -> Line:
        sums = {name: sum(getattr(line, name) for line in self.lines) for name in ("offered", *STATES)}
        return Line(data_class=TOTAL, **sums)


def statement(
    platform: str,
    day: str,
    offered: Mapping[str, int],
    counts: Mapping[tuple[str, str], int],
    reasons: Mapping[tuple[str, str], int],
) -> Statement:
    """``offered`` by class, ``counts`` by class and state, each counted apart. Raises DoesNotAddUp."""
    lines = tuple(_line(name, offered.get(name, 0), counts) for name in sorted({*offered, *(of for of, _ in counts)}))
    told = tuple(sorted((state, why, count) for (state, why), count in reasons.items()))
    return Statement(platform=platform, day=day, lines=lines, reasons=told)


def _line(name: str, offered: int, counts: Mapping[tuple[str, str], int]) -> Line:
    by_state = {state: count for (of, state), count in counts.items() if of == name}
    if unknown := set(by_state) - set(STATES):
        raise DoesNotAddUp(f"{name}: records in a state that no column counts: {', '.join(sorted(unknown))}")
    if sum(by_state.values()) != offered:
        raise DoesNotAddUp(f"{name}: {offered} offered, {sum(by_state.values())} told of")
    return Line(data_class=name, offered=offered, **by_state)
