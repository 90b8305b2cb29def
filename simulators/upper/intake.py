"""What is brought to the platform: looked at, kept, answered for each object, and spoiled where a fault says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from aiohttp import web

from simulators.upper.answers import BAD_CONTENT, BAD_JSON, BUSY, Answers, Status
from simulators.upper.door import Door, caller_of
from simulators.upper.faults import Fault
from simulators.upper.found import Found, NotRead, brought_by, objects_in
from simulators.upper.kept import Kept
from simulators.upper.profiles import Profile
from simulators.upper.rules import fault_in

_KNOWN = 1


class Intake:
    """Takes the objects of one request. A fault that breaks the line is the server's matter."""

    def __init__(self, profile: Profile, door: Door, kept: Kept, now: Callable[[], datetime]) -> None:
        self._profile, self._door, self._kept, self._now = profile, door, kept, now
        self._answers: Answers = door.answers

    async def take(self, request: web.Request, fault: Fault | None) -> web.Response:
        body = await request.read()
        if self._profile.checks_objects and not request.content_type.lower().endswith("json"):
            return self._unread(request, f"Content-Type {request.content_type}", BAD_CONTENT)
        try:
            objects = objects_in(body)
        except NotRead as error:
            return self._unread(request, str(error), BAD_JSON)
        if fault == "drop":
            return self._dropped(request, objects)
        statuses = self._all(objects, "busy" if fault == "busy" else None)
        told = [Status(_other(one.id), one.code, one.said) for one in statuses] if fault == "wrong-ids" else statuses
        return self._answers.many(request.path, told, self._now(), self._http(statuses))

    def _unread(self, request: web.Request, why: str, code: int) -> web.Response:
        self._kept.refuse(f"{request.path}: {why}")
        return self._answers.one(request.path, Status("", code, why), self._now(), 400)

    def _http(self, statuses: Sequence[Status]) -> int:
        """409 where all was known, for a platform to which that is a conflict."""
        return 409 if self._profile.known_is_conflict and all(one.code == _KNOWN for one in statuses) else 200

    def _all(self, objects: list[Found], fault: Fault | None) -> list[Status]:
        read = objects[:1] if self._profile.reads_first_only else objects
        self._kept.unread += len(objects) - len(read)
        left = read.pop() if fault == "busy" else None
        statuses = [self._one(one) for one in read]
        return statuses if left is None else [*statuses, Status(left.id, BUSY)]

    def _one(self, one: Found) -> Status:
        inner = brought_by(one)
        if why := self._wrong_with([one, *inner]):
            self._kept.refuse(why)
            return Status(one.id, BAD_CONTENT, why)
        was_known = self._kept.known(one)
        for found in (one, *inner):
            self._kept.take(found, self._now())
        return Status(one.id, _KNOWN, "already exists") if was_known and self._is_conflict(one) else Status(one.id)

    def _is_conflict(self, one: Found) -> bool:
        """What is told again by its nature never is."""
        return self._profile.known_is_conflict and one.kind not in ("APE", "APEStatus", "Tollgate", "Lane")

    def _wrong_with(self, objects: list[Found]) -> str:
        if not self._profile.checks_objects:
            return next((f"a {one.kind} without a number" for one in objects if not one.id), "")
        return next((why for one in objects if (why := fault_in(one))), "")

    def _dropped(self, request: web.Request, objects: list[Found]) -> web.Response:
        """The first half is kept; then nobody knows the caller any more."""
        for one in objects[: len(objects) // 2]:
            self._one(one)
        self._door.sessions.close(caller_of(request))
        return self._door.lost(request) or self._answers.many(request.path, [], self._now(), 500)


def _other(number: str) -> str:
    """A number of the same length that was not sent."""
    return number[:-5] + "99999" if len(number) > 5 else "99999"
