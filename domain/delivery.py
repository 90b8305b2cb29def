"""By which channel somebody is told next, when the one after it is tried, and when a push waits for a summary."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple, get_args
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from domain.alerts.words import Severity, rank, worst
from domain.duty.plan import EMERGENCY
from domain.places import Hours

Means = Literal["screen", "robot", "web_push", "phone", "email"]
MEANS: tuple[Means, ...] = get_args(Means)  # in the order in which they are tried where nobody chose another
SCREEN: Literal["screen"] = "screen"  # the channel that needs no settings: a page of ours that stands open

# Why something was not sent. Those that pass by themselves are worth another attempt.
Refusal = Literal["rate_limited", "ill", "timeout", "blocked", "bad_key", "bad_address", "gone", "too_long", "refused"]
PASSING: frozenset[Refusal] = frozenset({"rate_limited", "ill", "timeout"})
REFUSALS: tuple[Refusal, ...] = get_args(Refusal)

MOST_AN_HOUR = 6
HOUR = timedelta(hours=1)
MOST_ATTEMPTS = 3
MOST_WAYS = 20
# How long an acknowledgement is waited for before the next channel is tried. In an emergency the next *person* is
# asked after a minute: until then this one was told by three.
WAITS: Mapping[Severity, timedelta] = {
    "critical": timedelta(seconds=20),
    "high": timedelta(minutes=2),
    "medium": timedelta(minutes=15),
    "low": timedelta(hours=1),
}
_RETRY = timedelta(seconds=2)


class Way(msgspec.Struct, frozen=True):
    """A channel that somebody is told by: nothing milder than ``least`` goes by it."""

    channel: str
    means: Means
    least: Severity = "low"


class Wishes(msgspec.Struct, frozen=True):
    """How somebody wants to be told: their channels in order, and when they sleep, by their complex's clock."""

    ways: Annotated[tuple[Way, ...], Meta(max_length=MOST_WAYS)]
    quiet: Hours | None = None
    zone: ZoneInfo = ZoneInfo("Asia/Shanghai")

    def is_quiet(self, at: datetime) -> bool:
        return self.quiet is not None and self.quiet.hold(at.astimezone(self.zone).time())


class Push(NamedTuple):
    """Something that went out to somebody and made a sound. What a screen of ours shows is none."""

    severity: Severity
    at: datetime


Verdict = Literal["send", "quiet", "cap", "nobody"]


class Decision(NamedTuple):
    """``way``: by which it goes, or would go if it were not held; None where no channel is left."""

    verdict: Verdict
    way: Way | None = None


class Known(NamedTuple):
    """What was sent to somebody, what is held for their summary, and whether a screen of theirs stands open."""

    sent: Sequence[Push] = ()
    held: Sequence[Severity] = ()
    has_screen: bool = False


def decide(wishes: Wishes, severity: Severity, tried: Collection[str], known: Known, now: datetime) -> Decision:
    """How somebody is told of something now, after the channels that were tried.

    An emergency and an open screen are never held. Something milder is while the person sleeps, when as many pushes
    went out as may, and when a summary that tells of something as bad waits already: it is told of there.
    """
    way = _next(wishes, severity, tried, known.has_screen)
    if way is None:
        return Decision("nobody")
    if way.means == SCREEN or severity == EMERGENCY:
        return Decision("send", way)
    if wishes.is_quiet(now):
        return Decision("quiet", way)
    waits = any(rank(one) >= rank(severity) for one in known.held)
    return Decision("cap" if waits or not left(known.sent, severity, now) else "send", way)


def _next(wishes: Wishes, severity: Severity, tried: Collection[str], has_screen: bool) -> Way | None:
    fits = (way for way in wishes.ways if way.channel not in tried and rank(severity) >= rank(way.least))
    return next((way for way in fits if has_screen or way.means != SCREEN), None)


def left(sent: Sequence[Push], severity: Severity, now: datetime) -> int:
    """How many pushes of a severity may still go out in this hour. Only those as bad count: what is milder never mutes
    what is worse, and an emergency nothing mutes."""
    if severity == EMERGENCY:
        return MOST_AN_HOUR
    counted = sum(rank(one.severity) >= rank(severity) and timedelta() <= now - one.at < HOUR for one in sent)
    return max(0, MOST_AN_HOUR - counted)


def summary_due(wishes: Wishes, known: Known, now: datetime) -> bool:
    """Whether what is held goes out now, as one push of the worst in it."""
    if not known.held or wishes.is_quiet(now):
        return False
    return left(known.sent, worst(list(known.held)), now) > 0


def next_at(severity: Severity, sent_at: datetime) -> datetime:
    """When the next channel is tried, if nobody has acknowledged by then."""
    return sent_at + WAITS[severity]


def retry_in(severity: Severity, why: Refusal, attempts: int, asked: timedelta | None = None) -> timedelta | None:
    """How soon the same channel is tried again after so many attempts; None: not at all, the next one is.

    ``asked`` is the wait that the far end asks for: one longer than the next channel's turn is not waited for.
    """
    if why not in PASSING or attempts >= MOST_ATTEMPTS:
        return None
    wait = max(_RETRY * 2 ** (attempts - 1), asked or timedelta())
    return wait if wait < WAITS[severity] else None
