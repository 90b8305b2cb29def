"""What we say to an upper platform: bodies of MANSCDP as elements, to be written in the platform's encoding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

import msgspec

from domain.gb28181.alarms import AlarmRow
from domain.gb28181.catalogue import Change, Item, groups_of, item_element
from domain.gb28181.control import Guard
from domain.gb28181.xml import Element, element

BEIJING = timezone(timedelta(hours=8))  # times of the standard name no zone
_MOST_SN = 2_147_483_647


class Alarm(msgspec.Struct, frozen=True):
    """One alarm, by the code of its device."""

    code: str
    sn: int
    row: AlarmRow
    occurred_at: datetime
    where: str = ""
    longitude: float | None = None
    latitude: float | None = None


def alarm_sn(identity: bytes) -> int:
    """The serial number of a record: the same at every attempt, by whichever process, so that repeats are known."""
    return int.from_bytes(identity[:8], "big") % _MOST_SN + 1


def local(time: datetime) -> str:
    return f"{time.astimezone(BEIJING):%Y-%m-%dT%H:%M:%S}"


def keepalive(ours: str, sn: int) -> Element:
    return _notify("Keepalive", sn, ours, element("Status", "OK"))


def alarm(one: Alarm) -> Element:
    row = one.row
    param = element("AlarmTypeParam", element("EventType", str(row.event_type))) if row.event_type else None
    kind = element("Info", element("AlarmType", str(row.type)), param) if row.type is not None else None
    return _notify(
        "Alarm",
        one.sn,
        one.code,
        element("AlarmPriority", str(row.priority)),
        element("AlarmMethod", str(row.method)),
        element("AlarmTime", local(one.occurred_at)),
        element("AlarmDescription", f"{row.words} {one.where}".strip()),
        element("Longitude", f"{one.longitude:.6f}") if one.longitude is not None else None,
        element("Latitude", f"{one.latitude:.6f}") if one.latitude is not None else None,
        kind,
    )


def catalogue(sn: int, target: str, ours: str, items: Sequence[Item], at_once: int = 1) -> list[Element]:
    """The answers that together list ``items``, which are in order; ``at_once`` in each. None of them: one, empty."""
    groups = groups_of(items)
    parts = [items[start : start + at_once] for start in range(0, len(items), at_once)] or [[]]
    lists = ([item_element(item, ours, groups) for item in part] for part in parts)
    return [_response("Catalog", sn, target, element("SumNum", str(len(items))), _list(one)) for one in lists]


def catalogue_changes(sn: int, ours: str, changed: Sequence[tuple[Item, Change]]) -> list[Element]:
    """A notice for each, with what became of it."""
    total = element("SumNum", "1")
    lists = (_list([item_element(item, ours, {}, change)]) for item, change in changed)
    return [_notify("Catalog", sn + index, ours, total, one) for index, one in enumerate(lists)]


def device_info(sn: int, target: str, name: str, firmware: str, channels: int) -> Element:
    return _response(
        "DeviceInfo",
        sn,
        target,
        element("DeviceName", name),
        element("Result", "OK"),
        element("Manufacturer", "Gatehouse"),
        element("Model", "Gatehouse"),
        element("Firmware", firmware),
        element("Channel", str(channels)),
    )


def device_status(
    sn: int, target: str, now: datetime, guards: Mapping[str, Guard], *, is_online: bool, is_well: bool = True
) -> Element:
    """``guards``: how each alarm input stands that the answer is about."""
    duties = [
        element("Item", element("DeviceID", code), element("DutyStatus", guard.duty)) for code, guard in guards.items()
    ]
    return _response(
        "DeviceStatus",
        sn,
        target,
        element("Result", "OK"),
        element("Online", "ONLINE" if is_online else "OFFLINE"),
        element("Status", "OK" if is_well else "ERROR"),
        element("DeviceTime", local(now)),
        element("Alarmstatus", *duties, Num=str(len(duties))) if duties else None,
    )


def result(command: str, sn: int, target: str, *, ok: bool) -> Element:
    """The bare word to a control, or to a query that is not answered."""
    return _response(command, sn, target, element("Result", "OK" if ok else "ERROR"))


def empty_list(command: str, sn: int, target: str, name: str) -> Element:
    """To a query for what we have none of: recordings, presets."""
    return _response(command, sn, target, element("SumNum", "0"), element(name, Num="0"))


def _list(items: Sequence[Element]) -> Element:
    return element("DeviceList", *items, Num=str(len(items)))


def _notify(command: str, sn: int, code: str, *content: Element | None) -> Element:
    return element("Notify", element("CmdType", command), element("SN", str(sn)), element("DeviceID", code), *content)


def _response(command: str, sn: int, code: str, *content: Element | None) -> Element:
    head = (element("CmdType", command), element("SN", str(sn)), element("DeviceID", code))
    return element("Response", *head, *content)
