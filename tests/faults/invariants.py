"""I1 to I3, looked for in one place: what was acknowledged is there, once, listed where it is not, and in order."""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from typing import Any

import asyncpg
import msgspec

from domain.ids import Origin
from tests.rig import Rig, repeats

Fact = tuple[str, str]  # device, its own number for what happened
Told = tuple[Origin, dict[str, Any]]  # an event, and where it was born
_SHOWN = 5
_NUMBER_BEHIND = re.compile(r"\d+$")


class Findings(msgspec.Struct):
    """What speaks against the invariants; all empty where they hold."""

    acknowledged: int
    events: int  # at the centre
    lost: list[Fact]  # I1: acknowledged, and neither at the centre nor at the gateway
    waiting: list[Fact]  # acknowledged, and at the gateway only
    facts_twice: list[Fact]
    origins_twice: list[Origin]  # I2
    unlisted: list[str]  # I2: sequences that are not at the centre, and no gap says so
    disordered: list[str]  # I3
    listed: int = 0  # sequences in declared gaps
    unbalanced: list[str] = []  # days whose conservation statement does not add up

    def counts(self) -> dict[str, int]:
        """For the report."""
        return {
            "acknowledged": self.acknowledged,
            "events": self.events,
            "lost": len(self.lost),
            "waiting": len(self.waiting),
            "twice": len(self.facts_twice) + len(self.origins_twice),
            "gaps": len(self.unlisted) + self.listed,
            "disordered": len(self.disordered),
            "unbalanced": len(self.unbalanced),
        }


def look(rig: Rig, acknowledged: set[Fact], *, source_order: bool = False) -> Findings:
    """Compare what the devices were told with what the centre holds, and else the gateway.

    ``source_order``: the devices' own numbers must rise too, where nothing between device and agent changes order.
    """
    told = rig.centre_events()
    facts = [fact for _, event in told if (fact := fact_of(event)) is not None]
    listed = _listed(rig)
    missing = acknowledged - set(facts)
    kept = at_the_gateway(rig) if missing else set[Fact]()
    return Findings(
        acknowledged=len(acknowledged),
        events=len(told),
        lost=sorted(missing - kept),
        waiting=sorted(missing & kept),
        facts_twice=repeats(facts),
        origins_twice=repeats([origin for origin, _ in told]),
        unlisted=_unlisted([origin for origin, _ in told], listed),
        disordered=[*_out_of_line(told), *(_falling(told) if source_order else [])],
        listed=sum(last - first + 1 for _, first, last in listed),
    )


def must_hold(findings: Findings) -> None:
    """I1 to I3, nothing waits at the gateway any more, and the statements add up."""
    for name in ("lost", "waiting", "origins_twice", "facts_twice", "unlisted", "disordered", "unbalanced"):
        against = getattr(findings, name)
        assert not against, f"{name}: {against[:_SHOWN]} and so on: {findings.counts()}"


def fact_of(event: dict[str, Any]) -> Fact | None:
    """Which fact an event states; None for one without a number of its device's own."""
    return (event["device"], event["source_event_id"]) if "source_event_id" in event else None


def at_the_gateway(rig: Rig) -> set[Fact]:
    """The facts in the agent's log; none where there is no log that can be read."""
    file = rig.edge_folder / "data" / "log.db"
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=10)) as db:
            bodies = [row[0] for row in db.execute("SELECT body FROM record")]
    except sqlite3.Error:
        return set()
    return {fact for body in bodies if (fact := fact_of(msgspec.json.decode(body))) is not None}


Stream = tuple[str, str, str]  # gateway, stream, epoch


def _listed(rig: Rig) -> list[tuple[Stream, int, int]]:
    """The gaps that the gateway declared; none where the centre does not know of gaps."""
    try:
        rows = rig.centre_query("SELECT gateway, stream, epoch, first, last FROM gap")
    except (sqlite3.OperationalError, asyncpg.UndefinedTableError):
        return []
    return [((row[0], row[1], row[2]), row[3], row[4]) for row in rows]


def _unlisted(origins: Iterable[Origin], listed: list[tuple[Stream, int, int]]) -> list[str]:
    """Sequences below a stream's newest that are neither there nor in a gap."""
    there: defaultdict[Stream, set[int]] = defaultdict(set)
    for origin in origins:
        there[_stream(origin)].add(origin.sequence)
    for stream, first, last in listed:
        there[stream].update(range(first, last + 1))
    return [
        f"{'/'.join(stream)}: {sequence}"
        for stream, sequences in there.items()
        for sequence in sorted(set(range(1, max(sequences) + 1)) - sequences)
    ]


def _out_of_line(told: list[Told]) -> list[str]:
    """Where the centre's order is not the gateway's, or the gateway's not that in which a device's words came."""
    newest: dict[Stream, int] = {}
    received: dict[tuple[Stream, str], datetime] = {}
    found: list[str] = []
    for origin, event in told:
        stream, source = _stream(origin), (_stream(origin), event["device"])
        if origin.sequence <= newest.get(stream, 0):
            found.append(f"{origin} behind {newest[stream]}")
        newest[stream] = origin.sequence
        if _is_the_gateways(event):
            continue
        at = datetime.fromisoformat(event["recorded_at"])  # as text, a whole second is behind its own fractions
        if at < received.get(source, at):
            found.append(f"{origin} was received before what stands before it, at {at} and {received[source]}")
        received[source] = at
    return found


def _is_the_gateways(event: dict[str, Any]) -> bool:
    """Its own words, a decision on a door included: recorded when said, beside messages that still wait their turn."""
    return event["device"] == "gateway" or event.get("ext", {}).get("decided_by") == "gateway"


def _falling(told: list[Told]) -> list[str]:
    """Where a device's own numbers fall within a stream; a decision bears the number of what it decided on."""
    last: dict[tuple[Stream, str], int] = {}
    found: list[str] = []
    for origin, event in told:
        match = _NUMBER_BEHIND.search(event.get("source_event_id", ""))
        if match is None or _is_the_gateways(event):
            continue
        source = (_stream(origin), event["device"])
        if int(match.group()) < last.get(source, 0):
            found.append(f"{event['device']}: {match.group()} behind {last[source]}")
        last[source] = int(match.group())
    return found


def _stream(origin: Origin) -> Stream:
    return origin.gateway, origin.stream, origin.epoch
