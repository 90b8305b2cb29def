"""A lower platform for the tests of the simulated upper one: requests does the digest, nothing is the product's."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import requests
from requests.auth import HTTPDigestAuth

from simulators.upper.platform import UpperPlatform

CODE = "33010600011200000001"
CAMERA = "33010600011190000001"
JPEG = "/9j/4AAQ"


def vehicle(serial: int, device: str = CAMERA, **rest: Any) -> dict[str, Any]:
    """As in the reference's worked example."""
    stamp = "20261122160500"
    image = f"{device}02{stamp}{serial:05}"
    picture = {"ImageID": image, "EventSort": 1, "DeviceID": device, "StoragePath": "", "Type": "01"}
    picture |= {"FileFormat": "Jpeg", "ShotTime": stamp, "Width": 1920, "Height": 1080, "Data": JPEG}
    return {
        "MotorVehicleID": f"{image}02{serial:05}",
        "InfoKind": 1,
        "SourceID": image,
        "TollgateID": "33010600011210000001",
        "DeviceID": device,
        "StorageUrl1": "",
        "LeftTopX": 412,
        "LeftTopY": 300,
        "RightBtmX": 1290,
        "RightBtmY": 960,
        "PassTime": stamp,
        "LaneNo": 1,
        "HasPlate": True,
        "PlateClass": "02",
        "PlateColor": "5",
        "PlateNo": "浙A00000",
        "VehicleColor": "2",
        "SubImageList": {"SubImageInfoObject": [picture]},
        **rest,
    }


def vehicles(serials: Iterable[int]) -> dict[str, Any]:
    return {"MotorVehicleListObject": {"MotorVehicleObject": [vehicle(serial) for serial in serials]}}


class Lower:
    """Blocking, so called in a thread."""

    def __init__(self, platform: UpperPlatform, password: str = "", code: str = CODE) -> None:
        self.url, self.code = platform.url, code
        self.password = password or platform.password
        self.session = requests.Session()
        self.session.headers["User-Identify"] = code
        self.session.headers["Content-Type"] = "application/VIID+JSON;charset=UTF-8"

    async def system(self, name: str, *, digest: bool = False, follow: bool = True) -> requests.Response:
        auth = HTTPDigestAuth(self.code, self.password) if digest else None
        body = {f"{name}Object": {"DeviceID": self.code}}
        return await self.post(f"/VIID/System/{name}", body, auth=auth, allow_redirects=follow)

    async def register(self) -> requests.Response:
        return await self.system("Register", digest=True)

    async def register_by_hand(self, algorithm: str = ", algorithm=MD5") -> requests.Response:
        """For the challenge in single quotes, which requests, httpx and curl do not read."""
        challenge = (await self.system("Register")).headers["WWW-Authenticate"]
        realm, nonce = (re.findall(f"{name}='([^']*)'", challenge)[0] for name in ("realm", "nonce"))
        uri = "/VIID/System/Register"
        own, asked = _md5(f"{self.code}:{realm}:{self.password}"), _md5(f"POST:{uri}")
        response = _md5(f"{own}:{nonce}:00000001:c:auth:{asked}")
        shown = f'Digest username="{self.code}", realm="{realm}", nonce="{nonce}", uri="{uri}", qop=auth, nc=00000001'
        header = {"Authorization": f'{shown}, cnonce="c", response="{response}"{algorithm}'}
        return await self.post(uri, {"RegisterObject": {"DeviceID": self.code}}, headers=header)

    async def bring(self, serials: Sequence[int]) -> requests.Response:
        return await self.post("/VIID/MotorVehicles", vehicles(serials))

    async def post(self, path: str, body: Any, **rest: Any) -> requests.Response:
        rest = {"timeout": 10, **rest}
        return await asyncio.to_thread(self.session.post, self.url + path, json=body, **rest)

    async def get(self, path: str) -> Any:
        return (await asyncio.to_thread(self.session.get, self.url + path, timeout=10)).json()


def codes(answer: requests.Response) -> list[int]:
    listed = answer.json()["ResponseStatusListObject"]["ResponseStatusObject"]
    return [int(one["StatusCode"]) for one in listed]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()
