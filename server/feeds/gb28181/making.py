"""A platform's sender put together from its row: its address, its settings, its secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from domain.gb28181.asked import Control
from domain.located import located
from server.audit import Actor, Subject, record
from server.feeds.gb28181.directory import Directory
from server.feeds.gb28181.memory import DatabaseMemory
from server.feeds.gb28181.sender import Gb28181Sender
from server.feeds.gb28181.serving import Note
from server.feeds.gb28181.session import Session
from server.feeds.gb28181.settings import Settings
from server.projections import device_states
from server.store.engine import Database
from server.store.platform_rows import Platform

KIND = "gb28181"
_BY_ADDRESS = frozenset({"host", "port"})


class BadSettings(ValueError):
    """Settings that cannot be used: what is wrong, and where."""


def gb28181_platform(
    one: Platform, secret: bytes, db: Database, now: Callable[[], datetime], retry_s: Callable[[int], float]
) -> Gb28181Sender:
    """Raises BadSettings. Within a running loop, on whose clock its timers go."""
    settings = read_settings(one.settings, one.address)
    try:
        password = secret.decode()
    except UnicodeDecodeError as error:
        raise BadSettings(f"gb28181: the secret is not UTF-8 at byte {error.start}") from error
    memory = DatabaseMemory(one.id, db)
    directory = Directory(settings.items, Presence(db), memory)
    session = Session(settings, password, directory, now, retry_s, in_the_book(one.id, db, now), memory=memory)
    return Gb28181Sender(session, directory)


def read_settings(said: Mapping[str, Any], address: str) -> Settings:
    """The platform's host and port are those of its address. Raises BadSettings."""
    odd = sorted(_BY_ADDRESS & set(said))
    if odd:
        raise BadSettings(f"gb28181: {odd[0]}: stands in the platform's address, sip://HOST:PORT")
    try:
        parts = urlsplit(address)
        where = {"host": parts.hostname or "", "port": parts.port or 5060}
        return msgspec.convert({**said, **where}, Settings)
    except msgspec.ValidationError as error:
        raise BadSettings(located("gb28181: ", str(error))) from error
    except ValueError as error:
        raise BadSettings(f"gb28181: address: {error}") from error


class Presence:
    """Which devices last said that they are away."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def offline(self, devices: Sequence[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        keys = [(complex_id, device, "", "availability") for complex_id, device in devices]
        async with self._db.read() as connection:
            states = await device_states.load(connection, keys)
        return frozenset((key[0], key[1]) for key, said in states.items() if said.state == "offline")


def in_the_book(platform: str, db: Database, now: Callable[[], datetime]) -> Note:
    """Whatever a platform wants done here stands in the audit, and whether it was done."""

    async def note(control: Control, why: str | None) -> None:
        told = {"target": control.target[:20], "wish": control.wish, "words": control.words, "refused": why or ""}
        async with db.write() as connection:
            actor = Actor(f"platform:{platform}", "platform")
            record(connection, actor, "platform.control", now(), on=Subject("platform", platform), details=told)

    return note
