"""Where a matter stands on the ladder: whose it is, since when, what is due next; and the steps that tell people."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from domain.alerts.words import Category, Severity
from domain.duty.plan import Level

Status = Literal["open", "acknowledged", "ended"]
Why = Literal[
    "opened", "next_person", "climbed", "acknowledged", "undone", "handed_over", "shift_change", "worse", "unanswered"
]
# The last four are of an item (domain/items/telling.py): the same outbox tells people of both.
StepWhy = Why | Literal["called", "not_reported", "item_new", "item_sent", "item_unit", "item_back", "item_review"]
EndedBy = Literal["closed", "false", "unanswered", "inhibited", "joined", "cleared", "retention"]
MOST_KEYS = 256


class Owner(msgspec.Struct, frozen=True):
    """Whose a matter is: a person at a level; "" the level's own desk, where nobody is on duty."""

    level: Level
    person: str = ""


class Tenure(msgspec.Struct, frozen=True, omit_defaults=True):
    """For how long a matter was whose, and how they came by it. ``until`` None: it is theirs now.

    ``by_rota``: they were on duty then, so the next shift relieves them.
    """

    owner: Owner
    since: datetime
    why: Why
    by_rota: bool = False
    until: datetime | None = None


class Joint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A unit that was called to help: owner or not, it has to report in (报到), and when it did is written down."""

    unit: str
    called_at: datetime
    due_at: datetime
    reported_at: datetime | None = None
    by: str = ""
    is_overdue: bool = False


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """That nothing more is to be done, why and by whom; "" by nobody."""

    at: datetime
    why: EndedBy
    by: str = ""
    words: str = ""


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A matter on the ladder. ``revision`` rises whenever it changes who has to act: steps of an older one are void.

    ``incident``: the alert by which it came onto the ladder. ``asked``: who was told at this rung.
    ``at_top``: the top was told and did not answer in time. ``told``: how many
    steps there were. ``keys``: of the acts that were done, so that one sent twice is done once.
    """

    incident: str
    complex: str
    category: Category
    severity: Severity
    revision: int = 1
    status: Status = "open"
    tenures: tuple[Tenure, ...]
    rung: int = 0
    rung_at: datetime
    asked_at: datetime
    due_at: datetime
    asked: tuple[str, ...] = ()
    at_top: bool = False
    joints: tuple[Joint, ...] = ()
    told: int = 0
    ended: Ended | None = None
    keys: tuple[str, ...] = ()

    @property
    def owner(self) -> Owner:
        return self.tenures[-1].owner


class Step(msgspec.Struct, frozen=True):
    """Somebody is to be told. ``number`` is its own within the matter, so that a queue keeps it once.

    ``unit``: of a joint, "" where the owner is told.
    """

    incident: str
    revision: int
    number: int
    to: Owner
    why: StepWhy
    at: datetime
    unit: str = ""


def may_send(state: State, step: Step) -> bool:
    """Asked at the very moment of sending: whether a step, however long it was queued, is still to be sent."""
    if step.incident != state.incident:
        return False
    if step.why == "called":
        waits = any(one.unit == step.unit and one.reported_at is None for one in state.joints)
        return state.status != "ended" and waits
    return step.revision == state.revision


encode_state = msgspec.json.Encoder().encode
decode_state = msgspec.json.Decoder(State).decode
