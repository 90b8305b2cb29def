"""The simulated ONVIF camera is honest: what it answers is valid by ONVIF's own schemas, judged by libxml2 and by zeep,
neither of which knows the simulator; and it lets in nobody that a camera would not."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import onvif
import pytest
from lxml import etree
from zeep import Client, Settings
from zeep.exceptions import XMLParseError
from zeep.transports import Transport

from simulators.devices.http_device import running
from simulators.onvif.camera import Camera
from simulators.onvif.soap import TYPE

WSDL = Path(onvif.__file__).parent / "wsdl"
XS, ENV = "{http://www.w3.org/2001/XMLSchema}", "{http://www.w3.org/2003/05/soap-envelope}"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
DEVICE, MEDIA = "http://www.onvif.org/ver10/device/wsdl", "http://www.onvif.org/ver10/media/wsdl"
EVENTS, PTZ = "http://www.onvif.org/ver10/events/wsdl", "http://www.onvif.org/ver20/ptz/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
MEDIA2_WSDL = Path(__file__).parents[2] / "edge/onvif/media2.wsdl"
WSNT = "http://docs.oasis-open.org/wsn/b-2"
PROFILE = "<ProfileToken>SubStream</ProfileToken>"
SETUP = (
    '<StreamSetup><t:Stream xmlns:t="http://www.onvif.org/ver10/schema">RTP-Unicast</t:Stream>'
    '<t:Transport xmlns:t="http://www.onvif.org/ver10/schema"><t:Protocol>RTSP</t:Protocol></t:Transport></StreamSetup>'
)
# Operation, its namespace, what is asked, the path, the WSDL whose schema the answer must fit.
ASKED = [
    ("GetSystemDateAndTime", DEVICE, "", "device_service", "devicemgmt"),
    ("GetDeviceInformation", DEVICE, "", "device_service", "devicemgmt"),
    ("GetServices", DEVICE, "<IncludeCapability>false</IncludeCapability>", "device_service", "devicemgmt"),
    ("GetCapabilities", DEVICE, "<Category>All</Category>", "device_service", "devicemgmt"),
    ("GetProfiles", MEDIA, "", "media_service", "media"),
    ("GetStreamUri", MEDIA, SETUP + PROFILE, "media_service", "media"),
    ("GetSnapshotUri", MEDIA, PROFILE, "media_service", "media"),
    ("CreatePullPointSubscription", EVENTS, "", "event_service", "events"),
    ("PullMessages", EVENTS, "<Timeout>PT1S</Timeout><MessageLimit>9</MessageLimit>", "subscription/1", "events"),
    ("Renew", WSNT, "<TerminationTime>PT60S</TerminationTime>", "subscription/1", "events"),
    ("Unsubscribe", WSNT, "", "subscription/1", "events"),
    ("GetPresets", PTZ, PROFILE, "ptz_service", "ptz"),
    ("GotoPreset", PTZ, f"{PROFILE}<PresetToken>2</PresetToken>", "ptz_service", "ptz"),
    ("GotoHomePosition", PTZ, PROFILE, "ptz_service", "ptz"),
]


@cache
def schemas(name: str) -> tuple[Any, ...]:
    """The schemas within a WSDL of ONVIF, compiled by libxml2."""
    file = WSDL / f"{name}.wsdl"
    found = [etree.tostring(schema) for schema in etree.parse(str(file)).iter(f"{XS}schema")]
    return tuple(etree.XMLSchema(etree.ElementTree(etree.fromstring(one, base_url=str(file)))) for one in found)


def judged(answer: bytes, wsdl: str) -> list[str]:
    """What libxml2 finds wrong with the answer; nothing where one of the WSDL's schemas takes it."""
    (body,) = etree.fromstring(answer).iter(f"{ENV}Body")
    told = etree.ElementTree(etree.fromstring(etree.tostring(body[0])))
    return min((_mistakes(schema, told) for schema in schemas(wsdl)), key=len)


def _mistakes(schema: Any, told: Any) -> list[str]:
    return [] if schema.validate(told) else [str(one.message) for one in schema.error_log]


def token(user: str, password: str, created: datetime, nonce: bytes = b"0123456789abcdef") -> str:
    at = f"{created:%Y-%m-%dT%H:%M:%SZ}"
    digest = base64.b64encode(hashlib.sha1(nonce + at.encode() + password.encode()).digest()).decode()
    return (
        f'<w:Security xmlns:w="{WSSE}"><w:UsernameToken><w:Username>{user}</w:Username>'
        '<w:Password Type="http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0'
        f'#PasswordDigest">{digest}</w:Password><w:Nonce>{base64.b64encode(nonce).decode()}</w:Nonce>'
        f'<u:Created xmlns:u="{WSU}">{at}</u:Created></w:UsernameToken></w:Security>'
    )


async def ask(camera: Camera, operation: str, space: str, inner: str, path: str, header: str = "") -> tuple[int, bytes]:
    body = (
        f'<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header>{header}</s:Header><s:Body>'
        f'<{operation} xmlns="{space}">{inner}</{operation}></s:Body></s:Envelope>'
    )
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{camera.address}/onvif/{path}", data=body, headers={"Content-Type": TYPE}) as response,
    ):
        return response.status, await response.read()


@asynccontextmanager
async def open_camera() -> AsyncIterator[Camera]:
    async with running(Camera()) as camera:
        camera.initial = [("tns1:VideoSource/MotionAlarm", {"Source": "VideoSource_1"}, {"State": "false"})]
        yield camera


async def test_every_answer_is_valid_by_the_schemas_of_onvif() -> None:
    async with open_camera() as camera:
        for operation, space, inner, path, wsdl in ASKED:
            status, answer = await ask(camera, operation, space, inner, path)
            assert status == 200, (operation, answer)
            assert f"{operation}Response".encode() in answer
            assert judged(answer, wsdl) == [], operation


async def test_the_judge_sees_an_answer_that_is_not_valid() -> None:
    async with open_camera() as camera:
        _, answer = await ask(camera, "GetProfiles", MEDIA, "", "media_service")
        spoilt = answer.replace(b"<tt:Width>640</tt:Width>", b"<tt:Width>wide</tt:Width>")
        assert any("wide" in mistake for mistake in judged(spoilt, "media"))
        assert judged(answer.replace(b"<tt:SourceToken>VideoSource_1</tt:SourceToken>", b""), "media")


async def test_zeep_reads_the_same_in_its_strict_mode() -> None:
    """From the answer's bytes alone, with nothing forgiven."""
    client = Client(str(WSDL / "media.wsdl"), transport=Transport(), settings=Settings(strict=True))
    operation = client.wsdl.bindings["{http://www.onvif.org/ver10/media/wsdl}MediaBinding"].get("GetProfiles")
    async with open_camera() as camera:
        _, answer = await ask(camera, "GetProfiles", MEDIA, "", "media_service")
    profiles = operation.process_reply(etree.fromstring(answer))
    sizes = [(one.token, one.VideoEncoderConfiguration.Resolution.Width) for one in profiles]
    assert sizes == [("MainStream", 2560), ("SubStream", 640), ("Small", 352)]


@pytest.mark.parametrize(
    ("operation", "inner"),
    [
        ("GetProfiles", "<Type>VideoSource</Type><Type>VideoEncoder</Type><Type>PTZ</Type>"),
        ("GetStreamUri", f"<Protocol>RTSP</Protocol>{PROFILE}"),
        ("GetSnapshotUri", PROFILE),
    ],
)
async def test_zeep_reads_the_second_media_service_in_its_strict_mode(operation: str, inner: str) -> None:
    """By the description that the product has of it: the library brings none."""
    client = Client(str(MEDIA2_WSDL), transport=Transport(), settings=Settings(strict=True))
    known = client.wsdl.bindings[f"{{{MEDIA2}}}Media2Binding"].get(operation)
    async with open_camera() as camera:
        status, answer = await ask(camera, operation, MEDIA2, inner, "media2_service")
    assert status == 200
    told = known.process_reply(etree.fromstring(answer))
    if operation == "GetProfiles":
        parts = [one.Configurations for one in told]
        assert [(one.VideoEncoder.Resolution.Width, one.PTZ is not None) for one in parts] == [
            (2560, True),
            (640, True),
            (352, True),
        ]
        spoilt = answer.replace(b"<tt:Encoding>H264</tt:Encoding>", b"")
        with pytest.raises(XMLParseError):
            known.process_reply(etree.fromstring(spoilt))
    else:
        assert "://" in told


async def test_the_second_media_service_tells_of_a_profile_what_it_is_asked_for() -> None:
    async with open_camera() as camera:
        _, bare = await ask(camera, "GetProfiles", MEDIA2, "", "media2_service")
        _, some = await ask(camera, "GetProfiles", MEDIA2, "<Type>VideoEncoder</Type>", "media2_service")
    assert b"Configurations" not in bare and b"MainStream" in bare
    assert b"VideoEncoder" in some and b"VideoSource" not in some


@pytest.mark.parametrize(
    ("user", "password", "off_s", "why"),
    [
        ("admin", "right", 0, ""),
        ("admin", "wrong", 0, "wrong"),
        ("viewer", "right", 0, "wrong"),
        ("admin", "right", -60, "old"),
        ("admin", "right", 60, "old"),
    ],
)
async def test_who_is_let_in(user: str, password: str, off_s: int, why: str) -> None:
    async with running(Camera("admin", "right")) as camera:
        camera.off = timedelta(days=-400)
        shown = token(user, password, camera.clock + timedelta(seconds=off_s))
        status, answer = await ask(camera, "GetProfiles", MEDIA, "", "media_service", shown)
        assert (status, camera.guard.refused) == ((400, [why]) if why else (200, []))
        assert (b"ter:NotAuthorized" in answer) == bool(why)
        if not why:
            status, _ = await ask(camera, "GetProfiles", MEDIA, "", "media_service", shown)
            assert (status, camera.guard.refused) == (400, ["replayed"])


async def test_nobody_is_asked_who_they_are_for_the_time_alone() -> None:
    async with running(Camera("admin", "right")) as camera:
        status, _ = await ask(camera, "GetSystemDateAndTime", DEVICE, "", "device_service")
        refused, _ = await ask(camera, "GetDeviceInformation", DEVICE, "", "device_service")
        assert (status, refused, camera.guard.refused) == (200, 400, ["absent"])


async def test_a_subscription_ends_when_its_time_is_over() -> None:
    async with open_camera() as camera:
        asked = ("PullMessages", EVENTS, "<Timeout>PT0.1S</Timeout><MessageLimit>1</MessageLimit>", "subscription/1")
        await ask(camera, "CreatePullPointSubscription", EVENTS, "", "event_service")
        assert (await ask(camera, *asked))[0] == 200
        camera.off = timedelta(hours=1)
        status, answer = await ask(camera, *asked)
        assert (status, camera.ended) == (400, 1)
        assert b"expired" in answer
        assert camera.clock > datetime.now(UTC)
