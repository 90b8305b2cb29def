"""Whether a demonstration adds up: what the devices said against what the gateway, the centre and the far end hold."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from typing import Any

import msgspec

from simulators.demo_files import DAY_CAP_FEN, FREE_MIN, UNIT_FEN, UNIT_MIN
from simulators.receiver import Counts
from simulators.site_run import SiteReport
from simulators.truth import GroundTruth, Stay

_DAY = timedelta(hours=24)


class Outcome(msgspec.Struct, frozen=True):
    """Everything that is known at the end of a demonstration."""

    site: SiteReport
    truth: GroundTruth
    gateway: dict[str, Any]  # gatehouse-edge status --json
    centre: dict[str, Any]  # gatehouse-server report --json
    webhook: Counts
    highest_backlog: int

    @property
    def logged(self) -> int:
        """Events in the gateway's log."""
        return sum(int(stream["head"]) for stream in self.gateway["streams"].values())

    @property
    def backlog(self) -> int:
        return sum(int(stream["backlog"]) for stream in self.gateway["streams"].values())

    def plain(self) -> dict[str, Any]:
        """For a person or a script."""
        sessions = self.centre["sessions"]
        return {
            "facts": self.site.facts,
            "published": self.site.published,
            "acknowledged": self.site.acknowledged,
            "logged_at_gateway": self.logged,
            "highest_backlog": self.highest_backlog,
            "events_at_centre": self.centre["events"],
            "alerts": self.centre["alerts"],
            "sessions": sessions,
            "charges": self.centre["charges"],
            "charged_fen": self.centre["charged_fen"],
            "webhook_once": self.webhook.once,
            "webhook_repeats": self.webhook.repeats,
        }


def discrepancies(outcome: Outcome) -> list[str]:
    """What does not add up, one line each; empty where everything does."""
    return [
        f"{name}: {found}, expected {expected}" for name, found, expected in _compared(outcome) if found != expected
    ]


def _compared(outcome: Outcome) -> Iterator[tuple[str, object, object]]:
    site, centre, webhook = outcome.site, outcome.centre, outcome.webhook
    yield "device messages acknowledged", site.acknowledged, site.published
    yield "messages parked at the gateway", outcome.gateway["parked"], 0
    yield "backlog at the end", outcome.backlog, 0
    yield "a backlog while the uplink was cut", outcome.highest_backlog > 0, True
    yield "events at the centre", centre["events"], outcome.logged
    yield "deliveries waiting", centre["deliveries"].get("waiting", 0), 0
    yield "deliveries parked", centre["deliveries"].get("parked", 0), 0
    yield "events at the webhook's end", webhook.once, centre["deliveries"].get("sent", 0)
    yield "webhook requests refused", webhook.refused, 0
    yield from _alerts(outcome)
    yield from _parking(outcome)


def _alerts(outcome: Outcome) -> Iterator[tuple[str, object, object]]:
    expected = Counter(alarm.cause for alarm in outcome.truth.alarms)
    found = outcome.centre["alerts_by_rule"]
    for cause, count in sorted(expected.items()):
        yield f"alerts {cause}", found.get(cause, 0), count
    yield "alerts in all", outcome.centre["alerts"], sum(expected.values())


def _parking(outcome: Outcome) -> Iterator[tuple[str, object, object]]:
    """A stay with a misread exit stays inside, and its exit has no entry, until somebody joins them.

    Where only one car can be meant, the centre does so itself once its gateways have told all of that time: in a short
    demonstration that comes before the end, or after it.
    """
    stays, found = outcome.truth.stays, outcome.centre["sessions"]
    clear = [stay for stay in stays if not stay.misread]
    misread = [fee_fen(stay) for stay in stays if stay.misread]
    joined = max(0, min(found.get("exited", 0) - len(clear), len(misread)))
    waiting, charged = len(misread) - joined, outcome.centre["charged_fen"]
    fees = {sum(map(fee_fen, clear)) + sum(some) for some in combinations(misread, joined)}
    yield "sessions exited", found.get("exited", 0), len(clear) + joined
    yield "exits without an entry", found.get("no_entry", 0), waiting
    yield "cars inside", found.get("inside", 0), len(outcome.truth.inside) + waiting
    yield "sessions charged", outcome.centre["charges"], len(clear) + joined
    yield "charged, fen", charged, charged if charged in fees else min(fees)


def fee_fen(stay: Stay) -> int:
    """What a stay costs by the demonstration's tariff, reckoned apart from the product. Fen."""
    length = stay.left_at - stay.entered_at
    if length <= timedelta(minutes=FREE_MIN):
        return 0
    days, rest = divmod(length, _DAY)
    return days * DAY_CAP_FEN + min(DAY_CAP_FEN, math.ceil(rest / timedelta(minutes=UNIT_MIN)) * UNIT_FEN)
