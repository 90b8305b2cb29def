"""Devices that are asked over HTTP, against simulated ones with digest: streams, logs, commands, lost lines."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.desired_bodies import Device
from domain.events import Event, is_replay
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import Command, discover
from edge.transports import http_line, http_pull
from edge.transports.http_push import make as make_listener
from simulators.devices import dahua, hikvision, two_n
from simulators.devices.http_device import running
from tests.edge.devices.samples import RECEIVED_AT, SITE, sample
from tests.edge.http_bench import http_bench, listens
from tests.rig import until

MAC = "00005e005351"
HIKVISION, DAHUA, TWO_N = f"hikvision:{MAC}", "dahua:TESTASI00001", "2n:54-0880-0001"
SECRET = DeviceSecret("s3cret/:x", "admin")
JPEG = b"\xff\xd8\xff\xe0picture"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pull, "_LOOK_S", 0.02)
    monkeypatch.setattr(http_line, "_LOOK_S", 0.02)
    monkeypatch.setattr(http_line, "_PICTURE_S", 0.3)


@asynccontextmanager
async def listening(folder: Path, device: Any, identity: str, way: str = "") -> Any:
    """A gateway that knows the device and its password."""
    DeviceSecrets(folder).keep(identity, SECRET)
    async with running(device), http_bench(folder, http_pull.make) as (here, transport):
        here.list_devices(Device(id=identity, address=device.address + way))
        await here.recorded(1, "availability")
        yield here, transport


def terminal() -> hikvision.Terminal:
    return hikvision.Terminal(MAC, SECRET.user, SECRET.secret)


def now() -> datetime:
    return datetime.now(UTC)


def line_of(event: Event) -> tuple[str | None, str]:
    return event.state, event.device


async def test_an_alert_stream_is_heard_by_whoever_knows_the_password(tmp_path: Path) -> None:
    async with listening(tmp_path, device := terminal(), HIKVISION) as (here, _):
        await until(lambda: device.listeners)
        await device.access(hikvision.CARD_PASSED, now(), cardNo="3812345678")
        await device.access(hikvision.DOOR_FORCED, now())
        (access,) = await here.recorded(1, "access")
        (door,) = await here.recorded(1, "door")
        assert (access.device, access.result, access.point) == (HIKVISION, "granted", "door/1")
        assert door.state == "forced_open"
        assert [line_of(event) for event in await here.events("availability")] == [("online", HIKVISION)]
        assert device.refused == 1


async def test_pictures_that_follow_an_event_are_its_own(tmp_path: Path) -> None:
    async with listening(tmp_path, device := terminal(), HIKVISION) as (here, _):
        await until(lambda: device.listeners)
        event = sample("hikvision-isapi", "acs-face-pass.json").payload
        await device.say(event, "application/json", JPEG)
        (access,) = await here.recorded(1, "access")
        assert [(media.role, media.bytes) for media in access.media] == [("face", len(JPEG))]
        later = event.replace(b'"serialNo": 1199', b'"serialNo": 1250')
        await device.say(later, "application/json")  # says that one follows, and none does
        assert len(await here.recorded(2, "access")) == 2


async def test_a_lost_line_is_said_and_found_again_and_history_never_acts(tmp_path: Path) -> None:
    async with listening(tmp_path, device := terminal(), HIKVISION) as (here, _):
        await until(lambda: device.listeners)
        await device.stop()
        await until(lambda: here.intake.seen.shown([HIKVISION])[HIKVISION]["state"] == "offline")
        await device.access(hikvision.CARD_PASSED, now() - timedelta(hours=1), cardNo="3812345678")
        await device.start()
        (access,) = await here.recorded(1, "access")
        assert is_replay(access)
        assert [event.state for event in await here.events("availability")] == ["online", "offline", "online"]


async def test_a_wrong_password_is_not_tried_again_before_another_is_entered(tmp_path: Path) -> None:
    """Devices lock out who tries too often."""
    device = hikvision.Terminal(MAC, "admin", "another")
    async with listening(tmp_path, device, HIKVISION) as (here, _):
        await asyncio.sleep(0.3)
        assert device.refused <= 2  # the challenge, and the one answer
        (event,) = await here.events("availability")
        assert (event.state, event.reason) == ("offline", "it refuses the password")
        DeviceSecrets(tmp_path).keep(HIKVISION, DeviceSecret("another", "admin"))
        await here.recorded(2, "availability")
        assert device.listeners == 1


async def test_dahua_events_come_by_their_stream(tmp_path: Path) -> None:
    device = dahua.Terminal(SECRET.user, SECRET.secret)
    async with listening(tmp_path, device, DAHUA) as (here, _):
        await until(lambda: device.listeners)
        here.wall = RECEIVED_AT
        await device.event(sample("dahua", "access-pulse.txt").payload)
        await device.event(sample("dahua", "access-failed.txt").payload)
        granted, denied = sorted(await here.recorded(2, "access"), key=lambda event: event.result or "", reverse=True)
        assert (granted.device, granted.result, denied.result) == (DAHUA, "granted", "denied")
        assert "eventManager.cgi" in device.asked[0][1]


async def test_what_a_dahua_terminal_recorded_while_nobody_listened_is_read_back(tmp_path: Path) -> None:
    device = dahua.Terminal(SECRET.user, SECRET.secret)
    old = {"CreateTime": int(now().timestamp()) - 3600, "CardNo": "1", "Status": 1, "Method": 1, "RecNo": 1, "Door": 0}
    device.records.append(old)  # told when it happened
    async with listening(tmp_path, device, DAHUA) as (here, _):
        await until(lambda: device.listeners)
        await device.stop()
        device.records.append(old | {"CreateTime": int(now().timestamp()) + 1, "CardNo": "2", "RecNo": 2, "Status": 0})
        await asyncio.sleep(1.1)  # its records count in seconds
        await device.start()
        (access,) = await here.recorded(1, "access")
        assert (access.source_event_id, access.result) == ("2", "denied")
        assert is_replay(access)


async def test_dahua_shots_come_with_their_picture(tmp_path: Path) -> None:
    device = dahua.Terminal(SECRET.user, SECRET.secret)
    async with listening(tmp_path, device, DAHUA, "#snap") as (here, _):
        await until(lambda: device.listeners)
        await device.event(sample("dahua", "traffic-junction.txt").payload, JPEG)
        (plate,) = await here.recorded(1, "plate")
        assert (plate.device, [media.role for media in plate.media]) == (DAHUA, ["scene"])
        assert "snapManager.cgi" in device.asked[0][1]


async def test_a_shot_is_pushed_until_it_is_answered_yes(tmp_path: Path) -> None:
    async with http_bench(tmp_path, make_listener, committing=False, answer_s=0.1) as (here, _):
        url = f"{here.url}/NotificationInfo/TollgateInfo"
        await until(lambda: listens(here))
        body = sample("dahua", "tollgate.json").payload
        pushing = asyncio.create_task(dahua.push(url, body))
        await until(lambda: here.intake.counts["sent_away"] >= 2)
        committing = asyncio.create_task(here.intake.run())
        assert await pushing > 2
        assert len(await here.events("plate")) == 1
        committing.cancel()


async def test_a_log_is_pulled_and_what_was_missed_is_pulled_too(tmp_path: Path) -> None:
    device = two_n.Intercom(SECRET.user, SECRET.secret)
    device.happened("DoorStateChanged", now().timestamp() - 3600, state="opened")  # before we came
    async with listening(tmp_path, device, TWO_N) as (here, _):
        device.happened("CardEntered", direction="in", reader="ext1", uid="0002145678", valid=True)
        (access,) = await here.recorded(1, "access")
        (door,) = await here.recorded(1, "door")
        assert (access.device, access.subject and access.subject.id) == (TWO_N, "0002145678")
        assert (door.state, door.time_quality) == ("open", "ok")
        device.restart()  # numbers begin again
        device.happened("CardEntered", direction="in", reader="ext1", uid="0002145679", valid=False)
        assert len(await here.recorded(2, "access")) == 2


async def test_nothing_of_a_log_comes_twice_after_a_lost_line(tmp_path: Path) -> None:
    device = two_n.Intercom(SECRET.user, SECRET.secret)
    async with listening(tmp_path, device, TWO_N) as (here, _):
        device.happened("DoorStateChanged", state="opened")
        await here.recorded(1, "door")
        await device.stop()
        device.happened("DoorStateChanged", state="closed")
        await device.start()
        doors = await here.recorded(2, "door")
        assert [event.state for event in doors] == ["open", "closed"]
        await asyncio.sleep(0.1)
        assert len(await here.events("door")) == 2


# --- commands ---


def order(name: str, device: str, **args: Any) -> Any:
    return discover().encode(Command(name, device, "order-0001", RECEIVED_AT, args), SITE)


@pytest.mark.parametrize(
    ("device", "identity", "point"),
    [
        (hikvision.Terminal(MAC, SECRET.user, SECRET.secret), HIKVISION, "door/1"),
        (dahua.Terminal(SECRET.user, SECRET.secret), DAHUA, "door/0"),
        (two_n.Intercom(SECRET.user, SECRET.secret), TWO_N, "switch/1"),
    ],
)
async def test_a_command_is_carried_out_once_and_answered(
    tmp_path: Path, device: Any, identity: str, point: str
) -> None:
    async with listening(tmp_path, device, identity) as (here, transport):
        await until(lambda: transport.send(identity, order("door.open", identity, point=point)))
        (result,) = await here.recorded(1, "command_result")
        assert (result.device, result.request_id, result.ok) == (identity, "order-0001", True)
        opened = [path for _, path, _ in device.asked if "ontrol" in path or "ctrl" in path]
        assert len(opened) == 1
        if identity != DAHUA:
            assert (await here.recorded(1, "door"))[-1].device == identity


@pytest.mark.parametrize(
    ("device", "identity", "point"),
    [
        (hikvision.Terminal(MAC, SECRET.user, SECRET.secret), HIKVISION, "door/9"),
        (two_n.Intercom(SECRET.user, SECRET.secret), TWO_N, "switch/7"),
    ],
)
async def test_a_refusal_is_said(tmp_path: Path, device: Any, identity: str, point: str) -> None:
    async with listening(tmp_path, device, identity) as (here, transport):
        await until(lambda: transport.send(identity, order("door.open", identity, point=point)))
        (result,) = await here.recorded(1, "command_result")
        assert (result.ok, bool(result.text)) == (False, True)


async def test_a_device_that_is_away_did_not_do_it(tmp_path: Path) -> None:
    async with running(device := terminal()):
        pass
    async with http_bench(tmp_path, http_pull.make) as (here, transport):
        here.list_devices(Device(id=HIKVISION, address=f"{device.address}#push"))
        await until(lambda: transport.send(HIKVISION, order("door.open", HIKVISION, point="door/1")))
        (result,) = await here.recorded(1, "command_result")
        assert (result.ok, result.code) == (False, "not reached")
        assert await here.events("availability") == []  # it pushes: nobody listens there


async def test_a_device_without_an_address_is_told_nothing(tmp_path: Path) -> None:
    async with http_bench(tmp_path, http_pull.make) as (here, transport):
        here.list_devices(Device(id=HIKVISION, address="192.0.2.51"), Device(id=DAHUA, address="http://a:b@192.0.2.1"))
        await asyncio.sleep(0.1)
        assert not transport.send(HIKVISION, order("door.open", HIKVISION, point="door/1"))
        assert not transport.send(DAHUA, order("door.open", DAHUA, point="door/0"))
