"""The platform as one who asks: it registers at a library below, subscribes, orders what to look for, and queries."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta, timezone
from types import TracebackType
from typing import Any, Self, cast
from urllib.parse import quote

import aiohttp

from simulators.upper.digest import answer_to

_BEIJING = timezone(timedelta(hours=8))
_TYPE = "application/VIID+JSON;charset=UTF-8"
_ORG = "330106000000"
_SUBTYPES = {"disposition": "01", "subscribe": "03"}


class NotHeard(Exception):
    """The library below did not take it; says what it answered."""


class Asking:
    """Of one library below. ``code`` is the platform's own; numbers of what it asks begin with its office's."""

    def __init__(self, library: str, code: str, password: str, receive_at: str) -> None:
        self.library, self.code, self.receive_at = library.rstrip("/"), code, receive_at
        self._password, self._serial = password, 0
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        head = {"User-Identify": self.code, "Content-Type": _TYPE}
        self._http = aiohttp.ClientSession(headers=head, timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    async def register(self) -> None:
        """By digest. Raises NotHeard."""
        path, body = "/VIID/System/Register", {"RegisterObject": {"DeviceID": self.code}}
        status, head, _ = await self._once("POST", path, body, "")
        if status == 401:
            shown = answer_to(head, self.code, self._password, "POST", path, secrets.token_hex(8))
            status, _, _ = await self._once("POST", path, body, shown)
        if status != 200:
            raise NotHeard(f"{path}: HTTP {status}")

    async def subscribe(self, detail: str, resource: str, now: datetime, **rest: Any) -> str:
        """The number of the subscription. Raises NotHeard."""
        said = {
            "SubscribeID": self._number("subscribe", now),
            "Title": "级联订阅",
            "SubscribeDetail": detail,
            "ResourceClass": 4,
            "ResourceURI": resource,
            "BeginTime": stamp(now - timedelta(hours=1)),
            "EndTime": stamp(now + timedelta(days=1)),
            "ReceiveAddr": f"{self.receive_at}/VIID/SubscribeNotifications",
            "ReportInterval": 0,
            "OperateType": 0,
            **rest,
        }
        await self.post("Subscribe", said)
        return str(said["SubscribeID"])

    async def unsubscribe(self, number: str, why: str = "") -> None:
        """Raises NotHeard."""
        told = await self.ask("DELETE", f"/VIID/Subscribes?IDList={number}&Reason={quote(why)}")
        _judge(told)

    async def dispose(self, plate: str, now: datetime, **rest: Any) -> str:
        """Order a car to be looked for; the number of the order. Raises NotHeard."""
        said = {
            "DispositionID": self._number("disposition", now),
            "Title": "布控",
            "DispositionCategory": "3",
            "TargetFeature": plate,
            "PriorityLevel": 1,
            "ApplicantName": "李警官",
            "ApplicantOrg": "西湖分局",
            "ApplicantInfo": "西公布控〔2026〕7号",
            "BeginTime": stamp(now - timedelta(hours=1)),
            "EndTime": stamp(now + timedelta(days=1)),
            "CreatTime": stamp(now),
            "OperateType": 0,
            "DispositionRange": "2",
            "ReceiveAddr": f"{self.receive_at}/VIID/DispositionNotifications",
            "Reason": "被盗车辆",
            **rest,
        }
        await self.post("Disposition", {key: value for key, value in said.items() if value is not None})
        return str(said["DispositionID"])

    async def withdraw(self, number: str, why: str = "结案") -> None:
        """Raises NotHeard."""
        _judge(await self.ask("DELETE", f"/VIID/Dispositions?IDList={number}&Reason={quote(why)}"))

    async def post(self, name: str, said: dict[str, Any]) -> None:
        """One object. Raises NotHeard."""
        _judge(await self.ask("POST", f"/VIID/{name}s", {f"{name}ListObject": {f"{name}Object": [said]}}))

    async def objects(self, name: str, query: str = "") -> list[dict[str, Any]]:
        """What the library tells of its own, by the objects' name. Raises NotHeard."""
        where = name if name.endswith("Status") else f"{name}s"
        told = await self.ask("GET", f"/VIID/{where}{query}")
        found = told.get(f"{name}ListObject", {}).get(f"{name}Object")
        if not isinstance(found, list):
            raise NotHeard(f"{where}: {told}")
        return cast("list[dict[str, Any]]", found)

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """What is answered, whatever it is."""
        _, _, told = await self._once(method, path, body, "")
        return told

    async def _once(
        self, method: str, path: str, body: dict[str, Any] | None, authorization: str
    ) -> tuple[int, str, dict[str, Any]]:
        assert self._http is not None
        headers = {"Authorization": authorization} if authorization else {}
        async with self._http.request(method, self.library + path, json=body, headers=headers) as answer:
            read: Any = await answer.json(content_type=None) if answer.status != 401 else {}
            told = cast("dict[str, Any]", read)
            return answer.status, answer.headers.get("WWW-Authenticate", ""), told

    def _number(self, name: str, now: datetime) -> str:
        self._serial += 1
        return f"{_ORG}{_SUBTYPES[name]}{stamp(now)}{self._serial:05}"


def _judge(told: dict[str, Any]) -> None:
    several = told.get("ResponseStatusListObject", {}).get("ResponseStatusObject") or [told.get("ResponseStatusObject")]
    if any(one is None or str(one.get("StatusCode")) != "0" for one in several):
        raise NotHeard(str(told))


def stamp(at: datetime) -> str:
    """Fourteen digits of Beijing's time."""
    return f"{at.astimezone(_BEIJING):%Y%m%d%H%M%S}"
