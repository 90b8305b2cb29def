"""Every check, in the order in which a person would mend things. Nothing is changed, and nothing migrated."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from domain.findings import Finding
from server.behind import reader_names
from server.config import Config
from server.doctor import channels, configuration, database, machine

GROUPS = ("configuration", "database", "machine", "work")  # in this order


async def examine(folder: Path, now: datetime) -> list[Finding]:
    """All findings, by group. Takes some seconds: each that must answer gets a bounded time."""
    config, found = configuration.check(folder)
    if config is not None:
        found += await _examined(folder, config, now)
    return sorted(found, key=lambda finding: GROUPS.index(finding.group))


async def _examined(folder: Path, config: Config, now: datetime) -> list[Finding]:
    feeds = [webhook.name for webhook in config.webhooks]
    found = await database.check(folder, config.database, reader_names(config), feeds, now)
    found += await channels.check(folder, config, now)
    found += machine.room(folder)
    found.append(await machine.pictures(folder, config))
    found += await asyncio.to_thread(lambda: list(machine.serves(config)))
    found += await asyncio.to_thread(lambda: list(machine.certificate(folder, config, now)))
    return found
