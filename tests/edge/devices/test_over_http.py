"""Every recorded message of an HTTP family, through the real transport into the log: pushed, or told by a device."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.desired_bodies import Device
from domain.events import Event
from edge.devices.driver import Poll, discover
from edge.transports import http_line, http_pull, http_push
from simulators.devices import dahua, hikvision, two_n
from simulators.devices.http_device import HttpDevice, running
from tests.edge.devices.samples import RECEIVED_AT, Sample, assert_says, samples
from tests.edge.http_bench import HttpBench, client, http_bench
from tests.rig import until

REGISTRY = discover()
PUSHING = {family for driver in REGISTRY.by_family.values() for family in driver.paths.values()}
PULLED: dict[str, Callable[[str], Any]] = {
    "hikvision-isapi": hikvision.Terminal,
    "dahua": lambda _: dahua.Terminal(),
    "2n": lambda _: two_n.Intercom(),
}
PUSHED_SAMPLES = [sample for family in sorted(PUSHING) for sample in samples(family) if sample.expect]
PULLED_SAMPLES = [sample for family in PULLED for sample in samples(family) if sample.expect]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_pull, "_LOOK_S", 0.02)
    monkeypatch.setattr(http_line, "_PICTURE_S", 0.05)


def soon_after(sample: Sample) -> datetime:
    """When it may have come, so that its clock is right."""
    said = next((expected["time"] for expected in sample.expect if expected.get("time")), None)
    replayed = any(expected.get("time_quality") == "replay" for expected in sample.expect)
    return datetime.fromisoformat(said) + timedelta(seconds=5) if said and not replayed else RECEIVED_AT


def path_of(sample: Sample) -> str:
    """Where it is pushed to: as recorded, else where the installer's page says."""
    if sample.topic and not sample.http.startswith("GET"):
        return sample.topic
    paths = REGISTRY.by_family[sample.family].paths
    path = next(path for path, family in paths.items() if family == sample.family)
    return path.removesuffix("/**").replace("*", "x")


def headers_of(sample: Sample) -> dict[str, str]:
    _, said, kind = sample.http.partition("Content-Type: ")
    default = "application/json" if sample.payload[:1] == b"{" else "application/xml"
    return {"Content-Type": kind if said else default}


def identity_of(sample: Sample) -> str:
    """Who says it; ``?`` is whoever the connection vouches for."""
    return sample.expect[0]["device"].replace(":?", ":here")


def assert_in_log(found: list[Event], sample: Sample) -> None:
    """What was expected, in whatever order the streams hold it."""
    expected = [{**entry, "device": identity_of(sample)} for entry in sample.expect]
    assert len(found) == len(expected)
    key: Callable[[Any], Any] = lambda one: (one["kind"], one.get("source_event_id") or "")  # noqa: E731
    ordered = sorted(found, key=lambda event: (event.kind, event.source_event_id or ""))
    for event, wanted in zip(ordered, sorted(expected, key=key), strict=True):
        assert_says(event, wanted)


@pytest.mark.parametrize("sample", PUSHED_SAMPLES, ids=repr)
async def test_a_pushed_message_is_in_the_log_when_it_is_answered(sample: Sample, tmp_path: Path) -> None:
    identity = identity_of(sample)
    path = f"/d/{identity}{path_of(sample)}" if identity.endswith(":here") else path_of(sample)
    at = soon_after(sample)
    async with http_bench(tmp_path, http_push.make, wall=at) as (here, _), client(here) as session:
        async with session.post(path, data=sample.payload, headers=headers_of(sample)) as response:
            assert response.status == 200
        assert_in_log(await here.events(), sample)
        stored = b"".join(file.read_bytes() for file in (tmp_path / "media").rglob("*") if file.is_file())
        assert b"pass_wd" not in stored + (tmp_path / "log.db").read_bytes()


@pytest.mark.parametrize("sample", PULLED_SAMPLES, ids=repr)
async def test_a_message_that_a_device_tells_is_in_the_log(sample: Sample, tmp_path: Path) -> None:
    """By the device's own stream or log, where its identity is that of the list."""
    identity = identity_of(sample)
    device: HttpDevice = PULLED[sample.family](identity.partition(":")[2])
    async with running(device), http_bench(tmp_path, http_pull.make, wall=soon_after(sample)) as (here, _):
        here.list_devices(Device(id=identity, address=device.address), accept_unknown=True)
        await tell(sample, device, here)
        online = [entry for entry in sample.expect if entry["kind"] == "availability"]
        wanted = sample.expect[0]["kind"]
        await here.recorded(len(sample.expect) if not online else 1, "" if len(sample.expect) > 1 else wanted)
        found = [event for event in await here.events() if event.device != identity or event.kind != "availability"]
        if not online:
            assert_in_log(found, sample)


async def tell(sample: Sample, device: Any, here: HttpBench) -> None:
    (way,) = (way for way in REGISTRY.by_family[sample.family].pulls if not way.name)
    if isinstance(way, Poll):
        device.now_s = lambda: soon_after(sample).timestamp()
        device.log = json.loads(sample.payload)["result"]["events"]
        return
    await here.recorded(1, "availability")
    while not device.listeners:
        await here.recorded(1, "availability")
    await device.say(sample.payload, headers_of(sample)["Content-Type"])


def damaged(payload: bytes) -> list[bytes]:
    """What a line, a charset, a firmware or a clock may make of a message."""
    half = len(payload) // 2
    return [
        b"",
        payload[:half],
        payload[half:],
        payload[:-3],
        b"\0\0" + payload,
        payload.decode("utf-8", "replace").encode("gb18030", "replace"),
        payload.decode("utf-8", "replace").encode("utf-16"),
        payload.replace(b"2026", b"1970").replace(b"1772", b"0000"),
        payload.replace(b"2026", b"2099").replace(b"1772", b"4070"),
        payload.replace(b"1", b'"x"'),
        payload.replace(b":", b": [").replace(b">", b">>"),
        payload + b"\xff\xd8\xff" + b"x" * 1_000_000,
    ]


@pytest.mark.parametrize("family", sorted({sample.family for sample in PUSHED_SAMPLES}))
async def test_a_damaged_message_is_answered_counted_and_opens_nothing(family: str, tmp_path: Path) -> None:
    """Every one is an event or a parked message with its reason; no driver fails, and no refusal becomes a passage."""
    async with http_bench(tmp_path, http_push.make, wall=RECEIVED_AT) as (here, _), client(here) as session:
        sent = 0
        for sample in (sample for sample in PUSHED_SAMPLES if sample.family == family):
            before = {event.source_event_id for event in await here.events() if event.result == "granted"}
            for body in damaged(sample.payload):
                async with session.post(path_of(sample), data=body, headers=headers_of(sample)) as response:
                    assert response.status < 500
                sent += 1
            if any(expected.get("result") == "denied" for expected in sample.expect):
                granted = {event.source_event_id for event in await here.events() if event.result == "granted"}
                assert granted == before
        await until(lambda: here.intake.counts["messages"] == sent, every_s=0.01)
        assert here.intake.counts["undecodable"] == len(await here.parked()) > 0
        assert here.intake.counts["driver_failed"] == 0
