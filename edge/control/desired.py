"""Desired state at the gateway: kept in the log's file, applied all or nothing, in force before the uplink is there."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import structlog

from domain.access import NO_CARDS, CardList
from domain.alerts import rules as alert_rules
from domain.desired import CONFIDENTIAL, BadDesired, Body, Document, Refusal, read_body
from domain.desired_bodies import Credentials, Device, Devices, Erasures, Policy, Release
from domain.doors.rules import NO_RULES, Doors, Rules
from domain.guards import Guards
from domain.lanes.wishes import LaneWishes
from domain.scenes.rules.rule import SceneMistake
from domain.scenes.wishes import Scenes
from domain.subjects import ErasureList
from domain.watch.listed import WatchLists
from edge.releases import pinned
from eventlog.sqlite import SqliteEventLog
from eventlog.sqlite_rows import Statement

log = structlog.get_logger()

SCHEMA = """
CREATE TABLE IF NOT EXISTS desired(
    kind TEXT PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL, applied_at TEXT NOT NULL);
"""
_REASON_SIGNS = 2_000
_Entry = tuple[str, int, bytes]  # kind, version, body as JSON
_PUT = "INSERT OR REPLACE INTO desired(kind, version, body, applied_at) VALUES(?, ?, ?, ?)"


class InForce(msgspec.Struct, frozen=True):
    """What the gateway goes by: the version of each kind it has, and what those that it acts on say."""

    versions: Mapping[str, int] = {}
    devices: Sequence[Device] | None = None  # None: the centre has sent no list
    cards: CardList = NO_CARDS
    rules: Rules = NO_RULES
    policy: Policy = Policy()
    erasures: ErasureList | None = None
    release: Release | None = None
    guards: Guards = Guards()
    watched: WatchLists | None = None
    scenes: Scenes = Scenes()
    alert_rules: alert_rules.Rules | None = None  # the complex's own, for what presses: alerts are made at the centre
    lanes: LaneWishes = LaneWishes()  # passes, lists, tariffs and the lanes themselves

    def with_body(self, kind: str, version: int, body: Body) -> InForce:
        """The same with another version of one kind."""
        changed: dict[str, Any] = {"versions": {**self.versions, kind: version}}
        match body:
            case Devices():
                changed["devices"] = body.devices
            case Credentials():
                changed["cards"] = CardList(version, body)
            case Doors():
                changed["rules"] = Rules(version, body)
            case Policy():
                changed["policy"] = body
            case Erasures():
                changed["erasures"] = ErasureList(body.salt, body.entries)
            case Release():
                changed["release"] = body
            case Guards():
                changed["guards"] = body
            case WatchLists():
                changed["watched"] = body
            case Scenes():
                changed["scenes"] = body
            case alert_rules.RuleSet():
                changed["alert_rules"] = alert_rules.Rules(body)
            case _:
                changed["lanes"] = self.lanes.with_body(kind, version, body)
        return msgspec.structs.replace(self, **changed)


class DesiredState:
    """What is in force, and what was refused since the start. ``changed`` is called with each new state."""

    def __init__(
        self,
        store: SqliteEventLog,
        now: Callable[[], datetime],
        changed: Callable[[InForce], None],
        release_key: str = "",
        check: Callable[[InForce], None] = lambda _: None,
    ) -> None:
        """``release_key``: by which a release must be signed; without one none is believed. ``check`` raises
        SceneMistake for cameras of which something is wished that this box cannot do."""
        self._store, self._now, self._changed, self._release_key = store, now, changed, release_key
        self._check = check
        self.in_force = InForce()
        self.refused: dict[str, Refusal] = {}

    @property
    def known(self) -> dict[str, int]:
        """The newest version of each kind that need not be sent again: in force, or refused already."""
        known = dict(self.in_force.versions)
        for refusal in self.refused.values():
            known[refusal.kind] = max(known.get(refusal.kind, 0), refusal.version)
        return known

    async def load(self) -> None:
        """Put in force what was kept. What this program cannot read (an older one was put back) is refused."""
        state, refusals = _read(self.in_force, await _kept(self._store), self._release_key)
        self._refuse(refusals)
        self._enforce(state)

    async def apply(self, documents: Sequence[Document]) -> bool:
        """Keep and put in force all the documents of one answer, or none of them; whether it was done.

        Raises LogBroken: nothing was applied.
        """
        fresh = [_entry(document) for document in documents if self._is_newer(document)]
        state, refusals = _read(self.in_force, fresh, self._release_key)
        refusals += self._beyond_this_box(fresh, state)
        self._refuse(refusals)
        if refusals or not fresh:
            return not refusals
        await self._store.write(self._statements(fresh))
        for kind, version, _ in fresh:
            self.refused.pop(kind, None)
            if kind not in CONFIDENTIAL:  # a journal leaves the box
                log.info("desired_applied", kind=kind, version=version)
        self._enforce(state)
        return True

    def _beyond_this_box(self, fresh: Sequence[_Entry], state: InForce) -> list[Refusal]:
        """A refusal of wishes for cameras that it cannot fulfil. What was kept stays in force after a start, whatever
        has become of the box: its masks must hide what they hide."""
        asked = [version for kind, version, _ in fresh if kind == "scenes"]
        try:
            if asked:
                self._check(state)
        except SceneMistake as error:
            return [Refusal("scenes", asked[0], f"scenes: {error}"[:_REASON_SIGNS])]
        return []

    def _is_newer(self, document: Document) -> bool:
        return document.version > self.in_force.versions.get(document.kind, 0)

    def _statements(self, entries: Sequence[_Entry]) -> list[Statement]:
        at = self._now().isoformat()
        return [(_PUT, [(*entry, at) for entry in entries])] if entries else []

    def _refuse(self, refusals: Iterable[Refusal]) -> None:
        for refusal in refusals:
            if refusal.kind not in CONFIDENTIAL:
                log.error("desired_refused", kind=refusal.kind, version=refusal.version, reason=refusal.reason)
            self.refused[refusal.kind] = refusal

    def _enforce(self, state: InForce) -> None:
        self.in_force = state
        self._changed(state)


async def devices_in_force(store: SqliteEventLog, settings: Sequence[Device]) -> Sequence[Device]:
    """The centre's device list, or the one of the settings where it has sent none; beside a running agent too."""
    state, _ = _read(InForce(), [entry for entry in await _kept(store) if entry[0] == "devices"], "")
    return settings if state.devices is None else state.devices


def devices_beside(db: sqlite3.Connection, settings: Sequence[Device]) -> Sequence[Device]:
    """The same, by a read-only look at the file. Raises sqlite3.Error."""
    rows = db.execute("SELECT kind, version, body FROM desired WHERE kind = 'devices'").fetchall()
    state, _ = _read(InForce(), [(kind, version, body) for kind, version, body in rows], "")
    return settings if state.devices is None else state.devices


def read_kept(entries: Iterable[_Entry]) -> InForce:
    """What rows of the table say; one that this program cannot read is left out."""
    return _read(InForce(), entries, "")[0]


async def _kept(store: SqliteEventLog) -> list[_Entry]:
    rows = await store.query("SELECT kind, version, body FROM desired ORDER BY kind")
    return [(kind, version, body) for kind, version, body in rows]


def _entry(document: Document) -> _Entry:
    return document.kind, document.version, msgspec.json.encode(document.body)


def _read(state: InForce, entries: Iterable[_Entry], release_key: str) -> tuple[InForce, list[Refusal]]:
    """The state with every document that can be read, and a refusal for each that cannot."""
    refusals: list[Refusal] = []
    for kind, version, body in entries:
        try:
            read = read_body(kind, msgspec.json.decode(body))
            if isinstance(read, Release):
                pinned.check(read, release_key)
            state = state.with_body(kind, version, read)
        except (BadDesired, msgspec.DecodeError) as error:
            refusals.append(Refusal(kind, version, str(error)[:_REASON_SIGNS]))
    return state, refusals


def scenes_beside(db: sqlite3.Connection) -> Scenes:
    """What the centre last wished of cameras, by a read-only look at the file. Raises sqlite3.Error."""
    rows = db.execute("SELECT kind, version, body FROM desired WHERE kind = 'scenes'").fetchall()
    return read_kept([(kind, version, body) for kind, version, body in rows]).scenes
