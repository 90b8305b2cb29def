"""What people do with a complex's alert rules: publish a draft, return to an older version, copy them to others."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
import yaml
from sqlalchemy.ext.asyncio import AsyncConnection

from domain.alerts.built_in import KNOWN
from domain.alerts.document import BadRules, document_of, read_rules
from domain.alerts.rules import RuleSet
from server.audit import Actor, Subject, record
from server.house import House
from server.rule_book import rules_of
from server.store import rule_rows
from server.store.place_views import ComplexView
from server.store.rule_rows import Draft, Overtaken, Published
from server.tariff_yaml import parse

MOST_DOCUMENT = 40_000
MOST_COPIED = 500  # complexes at once


class NoVersion(Exception):
    """There is no such version of these rules."""


def set_of(body: bytes) -> RuleSet:
    """The rules that a version's body says; of none: the built-in ones."""
    return rules_of(body).known if body else KNOWN


def body_of(known: RuleSet) -> bytes:
    """As it is kept; equal rules are equal bytes."""
    try:
        return msgspec.json.encode(document_of(known), order="deterministic")
    except UnicodeEncodeError as error:
        raise BadRules("rules: half of a sign stands in it, which cannot be kept; write that word anew") from error


def text_of(known: RuleSet) -> str:
    """The document as people write it."""
    said = document_of(known)
    text: str = yaml.safe_dump(said, allow_unicode=True, sort_keys=False)  # pyright: ignore[reportUnknownMemberType]
    return text


def read_text(text: str) -> RuleSet:
    """A document in YAML or JSON. Raises BadRules."""
    try:
        document = parse(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadRules(f"no YAML: {' '.join(str(error).split())[:300]}; mend the spelling there") from error
    return read_rules(document)


async def of_version(connection: AsyncConnection, complex_id: str, version: int) -> RuleSet:
    """0 is the built-in set. Raises NoVersion."""
    if version == 0:
        return KNOWN
    found = await rule_rows.one(connection, complex_id, version)
    if found is None:
        raise NoVersion(f"{complex_id} has no rules of version {version}")
    return set_of(found.body)


async def publish(house: House, by: Actor, complex_id: str, draft: Draft, source: str = "") -> Published:
    """In the complex's turn. ``source``: from which complex it was copied. Raises Overtaken, TooEarly."""
    async with house.db.write(complex_id) as connection:
        now = house.now()
        made = await rule_rows.publish(connection, complex_id, draft, by.who, now)
        details = {"version": made.version, "since": made.since.isoformat(), **_numbers(draft.body)}
        details |= {"copied_from": source} if source else {}
        on, why = Subject("rules", complex_id), draft.reason
        record(connection, by, "rules.published", now, on=on, complex_id=complex_id, reason=why, details=details)
    return made


def _numbers(body: bytes) -> dict[str, int]:
    said = msgspec.json.decode(body)
    return {name: len(said.get(name) or ()) for name in ("without", "rules", "calendar")}


class Target(NamedTuple):
    """A complex that rules may be copied to, and the version it has; whether they would change it."""

    place: ComplexView
    version: int
    is_changed: bool


async def targets(connection: AsyncConnection, body: bytes, places: Sequence[ComplexView], source: str) -> list[Target]:
    """The others, those that would change first."""
    there = {place.id: place for place in places if place.id != source}
    newest = await rule_rows.newest_of(connection, there)
    plain = body_of(KNOWN)
    found = [Target(place, *_against(body, newest.get(complex_id), plain)) for complex_id, place in there.items()]
    return sorted(found, key=lambda one: (not one.is_changed, one.place.name, one.place.id))


def _against(body: bytes, there: tuple[int, bytes] | None, plain: bytes) -> tuple[int, bool]:
    version, its = there or (0, plain)
    return version, its != body


def seal(changed: Sequence[Target], body: bytes) -> str:
    """What a preview showed, in short: it is compared before anything is done."""
    said = [body.decode(), *(f"{one.place.id}/{one.version}" for one in changed)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:32]


async def copy(
    house: House, by: Actor, source: str, changed: Sequence[Target], body: bytes, reason: str
) -> Mapping[str, datetime]:
    """Publish them in each, one after the other; from when they count there. Whoever was quicker somewhere keeps it."""
    done: dict[str, datetime] = {}
    for one in changed[:MOST_COPIED]:
        try:
            made = await publish(house, by, one.place.id, Draft(one.version, body, reason), source)
        except Overtaken:
            continue
        done[one.place.id] = made.since
    return done
