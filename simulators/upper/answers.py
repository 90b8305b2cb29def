"""The platform's answers, in the words and wrappers of its profile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web

from simulators.upper.profiles import Profile, Unknown

MEDIA_TYPE = "application/VIID+JSON"
OK, BUSY, ERROR, INVALID, BAD_JSON, BAD_CONTENT = 0, 2, 3, 4, 7, 8
_WORDS = {
    0: "OK",
    1: "OtherError",
    2: "Device Busy",
    3: "Device Error",
    4: "Invalid Operation",
    7: "Invalid JSON Format",
    8: "Invalid JSON Content",
}
_BEIJING = ZoneInfo("Asia/Shanghai")


class Status(msgspec.Struct, frozen=True):
    """Of one object: its number, and what became of it."""

    id: str
    code: int = OK
    said: str = ""


class Answers:
    """``turn`` counts the batches, for the profile that answers each in another way."""

    def __init__(self, profile: Profile) -> None:
        self._profile, self._turn = profile, 0

    def one(self, path: str, status: Status, now: datetime, http: int = 200) -> web.Response:
        """About the session, or a message that could not be read."""
        said = self._plain(path, status, now)
        return answer(said if self._profile.batches == "varied" else {"ResponseStatusObject": said}, http)

    def many(self, path: str, statuses: Sequence[Status], now: datetime, http: int = 200) -> web.Response:
        """About a batch."""
        listed = [self._plain(path, one, now) for one in statuses]
        match self._profile.batches:
            case "empty" if all(one.code == OK for one in statuses):
                return web.Response(status=http)
            case "varied":
                self._turn += 1
                return answer(self._varied(listed), http)
            case _:
                return answer({"ResponseStatusListObject": {"ResponseStatusObject": listed}}, http)

    def _varied(self, listed: list[dict[str, Any]]) -> Any:
        """Each as it was seen of one server or another."""
        match self._turn % 6:
            case 0:
                return {"ResponseStatusListObject": {"ResponseStatusObject": listed}}
            case 1:
                return {"ResponseStatusListObject": listed}
            case 2:
                return {"ResponseStatusObject": _one_for_all(listed)}
            case 3:
                return _one_for_all(listed)
            case 4:
                return {"ResponseStatus": listed}
            case _:
                bare = [{key: value for key, value in one.items() if key not in ("Id", "ID")} for one in listed]
                return {"ResponseStatusListObject": {"ResponseStatusObject": bare}}

    def _plain(self, path: str, status: Status, now: datetime) -> dict[str, Any]:
        return {
            "RequestURL": path,
            "StatusCode": str(status.code) if self._profile.code_as_text else status.code,
            "StatusString": status.said or _WORDS[status.code],
            self._profile.id_key: status.id,
            "LocalTime": now.astimezone(_BEIJING).strftime(self._profile.local_time),
        }

    def turned_away(self, how: Unknown, path: str, device: str, now: datetime) -> web.Response:
        """Who is unknown, or shows a wrong password, where that is not answered by a challenge."""
        match how:
            case "404_code_0":
                return self.one(path, Status(device), now, 404)
            case "200_code_3":
                return self.one(path, Status(device, ERROR), now)
            case _:
                return web.Response(status=400)

    def time(self, path: str, server: str, now: datetime) -> web.Response:
        local = now.astimezone(_BEIJING).strftime(self._profile.local_time)
        zone = {"TimeMode": "1", "LocalTime": local, "TimeZone": "GMT+08:00"}
        return answer({"SystemTimeObject": {"VIIDServerID": server, **zone, "RequestURL": path}})


def answer(said: Any, http: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(said), status=http, content_type=MEDIA_TYPE, charset="UTF-8")


def _one_for_all(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """The worst of them, under no number."""
    worst = max(listed, key=lambda one: int(one["StatusCode"]))
    return {**worst, "ID": ""}
