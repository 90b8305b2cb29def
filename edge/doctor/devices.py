"""Every listed device: tested by the transports of its family at one time, and when it was last heard."""

from __future__ import annotations

import asyncio
import difflib
import importlib
import pkgutil
import sqlite3
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from domain.desired_bodies import Device
from domain.findings import Finding, Reporter
from edge.commands.ages import span
from edge.devices.driver import Registry
from edge.doctor.box import Box
from edge.doctor.verdict import GROUP, Verdict
from edge.intake.device_list import unlisted_in
from edge.intake.parked import UNKNOWN_DEVICE
from edge.onvif.address import is_onvif
from edge.status import beside

_UNKNOWN = Reporter("connections", "devices that are not listed")
_LIST = Reporter(GROUP, "device list")
_SILENT = timedelta(hours=24)
_SHOWN = 10
_ADD = (
    "add them to edge.toml (gatehouse-edge discover --toml), start the agent again, then: gatehouse-edge parked --retry"
)
_AT_ONCE = 64
_ONE_S, _ALL_S = 9.0, 20.0
_LOOK = "look at its power, its network, and the address it was told; compare its id with its own page"
Way = Callable[[Device, Verdict, Box], Awaitable[None]]


@cache
def ways() -> dict[str, Way]:
    """By the name of the transport: a new file in ``edge.doctor.ways`` is enough."""
    import edge.doctor.ways as folder

    names = [found.name for found in pkgutil.iter_modules(folder.__path__)]
    return {name: importlib.import_module(f"{folder.__name__}.{name}").test for name in names}


@cache
def preparations() -> dict[str, Callable[[], Awaitable[None]]]:
    """What a way must load before it can test, for seconds on a slow box: no device's time."""
    modules = {name: importlib.import_module(f"edge.doctor.ways.{name}") for name in ways()}
    return {name: module.prepare for name, module in modules.items() if hasattr(module, "prepare")}


def ways_of(device: Device, registry: Registry) -> list[str]:
    """How a device is reached as it is listed."""
    drivers = registry.of_kind(device.id)
    found = set(registry.transports_of([device.id], [device.id] if device.address else []))
    found -= set() if is_onvif(device.address) else {"onvif"}
    if not found and any(driver.topics or driver.broker_user for driver in drivers):
        found.add("mqtt")
    if device.address.lower().startswith(("http://", "https://")) and any(driver.questions for driver in drivers):
        found.add("http_pull")
    return sorted(found)


def check(box: Box, only: str = "") -> list[Finding]:
    """Test them all, or one; within half a minute however many there are."""
    listed = [device for device in box.devices if only in ("", device.id)]
    if only and not listed:
        near = difflib.get_close_matches(only, [device.id for device in box.devices], 3, 0.5)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        return [_LIST.error(f"{only} is not in the device list{hint}", "gatehouse-edge status shows the listed ones")]
    return asyncio.run(_check(listed, box))


async def _check(listed: Sequence[Device], box: Box) -> list[Finding]:
    room = asyncio.Semaphore(_AT_ONCE)
    verdicts = [Verdict(device.id, page_of(device, box.registry)) for device in listed]
    pairs = zip(listed, verdicts, strict=True)
    tasks = [asyncio.create_task(_test(device, verdict, box, room)) for device, verdict in pairs]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=_ALL_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for device, verdict, task in zip(listed, verdicts, tasks, strict=True):
        if task.cancelled():
            verdict.look("there was no time to test it", f"gatehouse-edge doctor --device {device.id}")
    return [finding for verdict in verdicts for finding in verdict.findings]


async def _test(device: Device, verdict: Verdict, box: Box, room: asyncio.Semaphore) -> None:
    heard(verdict, box.left.get("seen", {}).get(device.id, {}), box.clock())
    async with room:
        for name in ways_of(device, box.registry):
            if name in preparations():
                await preparations()[name]()
            await _one_way(name, device, verdict, box)


async def _one_way(name: str, device: Device, verdict: Verdict, box: Box) -> None:
    """What the test of one device does wrong ends no other."""
    way = ways().get(name)
    if way is None:
        return
    try:
        async with asyncio.timeout(_ONE_S):
            await way(device, verdict, box)
    except TimeoutError:
        verdict.look(f"it did not answer all that was asked within {_ONE_S:.0f} s", _LOOK)
    except Exception as error:  # noqa: BLE001 - it is shown
        verdict.look(f"its test failed ({name}): {error!r:.200}", "a defect of the doctor: tell us, with this line")


def page_of(device: Device, registry: Registry) -> str:
    """The family's page, by the way that the address says; "" for a kind that there is not."""
    drivers = registry.of_kind(device.id)
    dialled = [driver for driver in drivers if driver.lines and device.address.startswith("tcp://")]
    return next((driver.page_path for driver in [*dialled, *drivers]), "")


def heard(verdict: Verdict, entry: Mapping[str, Any], now: datetime) -> None:
    """``entry`` is the agent's own: {at, state}."""
    at = datetime.fromisoformat(entry["at"]) if entry.get("at") else None
    if entry.get("state") == "offline":
        verdict.look(f"it is offline{_since(at, now)}", _LOOK)
    elif at is None:
        verdict.look("it is listed and was never heard", _LOOK)
    elif now - at > _SILENT:
        verdict.look(f"it was last heard {span(now - at)} ago", _LOOK)
    else:
        verdict.well(f"heard {span(now - at)} ago")


def _since(at: datetime | None, now: datetime) -> str:
    return f", last heard {span(now - at)} ago" if at else ", never heard"


def unlisted(folder: Path) -> list[str]:
    """Devices whose messages are parked because they are not in the list. Raises NoLog, sqlite3.Error."""
    with beside.opened(folder) as db:
        rows = db.execute("SELECT DISTINCT detail FROM parked WHERE reason = ?", (UNKNOWN_DEVICE,)).fetchall()
    return sorted({unlisted_in(row[0]) for row in rows} - {""})


def waiting(folder: Path, listed: list[str]) -> Iterator[Finding]:
    """Whose messages wait to be let in."""
    try:
        unknown = unlisted(folder)
    except (beside.NoLog, sqlite3.Error):
        return  # said by the check of the log
    names = ", ".join(unknown[:_SHOWN]) + (f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else "")
    if unknown and set(unknown) <= set(listed):
        yield _UNKNOWN.warn(f"messages of {names} are still parked", "gatehouse-edge parked --retry")
    elif unknown:
        yield _UNKNOWN.warn(f"messages of {names} are parked", _ADD)
    else:
        yield _UNKNOWN.ok("none")
