"""Lines to simulated ONVIF cameras on a real log: what they say, lost and found again, and what they do."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import onvif.managers
import pytest

from domain.desired_bodies import Device
from domain.events import Event
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import Message
from edge.intake.intake import Intake
from edge.intake.parked import listed
from edge.onvif import camera as camera_module
from edge.transports import onvif as transport
from edge.transports import onvif_line
from simulators.onvif.camera import Camera
from simulators.onvif.ptz import HOME
from tests.edge.link_bench import LinkBench, link_bench
from tests.edge.link_bench import running as works
from tests.rig import until

SECRET = DeviceSecret("s3cret-word", "admin")
GATE, DOME, DOOR = "onvif:gate", "camera:dome", "zigbee2mqtt:door"
MOTION = ("tns1:VideoSource/MotionAlarm", {"Source": "VideoSource_1"})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_LOOK_S", 0.02)
    monkeypatch.setattr(onvif_line, "_LOOK_S", 0.02)
    monkeypatch.setattr(onvif_line, "_FIRST_S", 0.1)
    monkeypatch.setattr(onvif_line, "_PULL_S", 0.5)
    monkeypatch.setattr(onvif_line, "_IDLE_S", 0.05)
    monkeypatch.setattr(onvif_line, "_STANDS_S", 0.0)


def locked() -> Camera:
    return Camera(SECRET.user, SECRET.secret)


class Bench:
    """A gateway that knows the camera; ``said`` is what the transport itself told the log."""

    def __init__(self, here: LinkBench, camera: Camera) -> None:
        self.here, self.camera = here, camera
        self.said: list[Event] = []

    async def subscribed(self) -> None:
        await until(lambda: self.camera.done["PullMessages"] and self.camera.pull_points)

    async def parked(self) -> list[Any]:
        return await listed(self.here.store, 10)

    def happens(self, **told: Any) -> None:
        """Something at another device, as its driver would tell it."""
        for listener in self.here.intake.listeners:
            listener(Message("x", b""), [Event(device=DOOR, **told)])


@asynccontextmanager
async def bench(
    folder: Path,
    camera: Camera,
    device: str = GATE,
    *,
    secret: DeviceSecret | None = SECRET,
    retry: Any = None,
    **how: Any,
) -> AsyncIterator[Bench]:
    if secret is not None:
        DeviceSecrets(folder).keep(device, secret)
    await camera.start()
    entry = Device(id=device, place="东门", address=camera.onvif_address)
    try:
        async with link_bench(folder, entry, **how) as here:
            made = Bench(here, camera)
            retry_s = retry or here.around.retry_s
            here.around = dataclasses.replace(here.around, say=made.said.append, retry_s=retry_s)
            async with works(transport.make(here.around)):
                yield made
    finally:
        await camera.stop()


async def test_what_a_camera_says_is_in_the_log(tmp_path: Path) -> None:
    camera = locked()
    camera.initial = [
        (*MOTION, {"State": "false"}),
        ("tns1:VideoSource/ImageTooDark", {"Source": "1"}, {"State": "true"}),
    ]
    async with bench(tmp_path, camera) as here:
        await here.subscribed()
        camera.notify(*MOTION, {"State": "true"})
        camera.notify("tns1:RuleEngine/TamperDetector/Tamper", {"Rule": "tamper"}, {"IsTamper": "true"})
        tamper = await here.here.recorded("alarm", 2)
        (online,) = await here.here.recorded("availability")
        motion = await here.here.recorded("detection", 2)
    assert (online.device, online.state) == (GATE, "online")
    assert [(one.label, one.phase, one.retained) for one in motion] == [
        ("motion", "end", True),
        ("motion", "start", False),
    ]
    assert {(one.alarm, one.retained, one.place) for one in tamper} == {
        ("image_fault", True, "东门"),
        ("tamper", False, "东门"),
    }
    assert camera.guard.refused == []
    assert camera.ended == 1, "it is told that nobody listens any more"


async def test_a_plain_camera_says_something_of_its_own_only_where_that_is_wanted(tmp_path: Path) -> None:
    for events, wanted in (("on", True), ("usual", False)):
        camera = locked()
        how = {"onvif": {"cameras": {DOME: {"events": events, "reactions": [{"kinds": ["door"], "preset": "1"}]}}}}
        async with bench(tmp_path / events, camera, DOME, **how) as here:
            await until(lambda camera=camera: camera.done["GetPresets"])
            if wanted:
                await here.subscribed()
                camera.notify(*MOTION, {"State": "true"})
                (seen,) = await here.here.recorded("detection")
                assert seen.device == DOME
            else:
                await until(lambda camera=camera: camera.done["GetSystemDateAndTime"] >= 3)
                assert camera.done["CreatePullPointSubscription"] == 0
            assert await here.here.events("availability") == [], "who looks at it says so"


async def test_what_nobody_knows_is_kept_with_its_bytes(tmp_path: Path) -> None:
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        camera.notify("tns1:RuleEngine/tnshik:QueueDetector/tooLong", {"VideoSource": "1"}, {"Persons": "14"})
        (unknown,) = await here.here.recorded("unknown")
        assert unknown.code == "RuleEngine/QueueDetector/tooLong"
        assert unknown.raw is not None and unknown.raw.encoding == "xml"
        kept = here.here.intake.media.path(unknown.raw.sha256).read_bytes()
        assert b"tnshik:QueueDetector/tooLong" in kept and b'Value="14"' in kept


async def test_what_is_no_notification_is_parked_with_its_bytes_and_the_rest_goes_on(tmp_path: Path) -> None:
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        camera.notify_raw("<wsnt:NotificationMessage><wsnt:Topic>x</wsnt:Topic></wsnt:NotificationMessage>")
        camera.notify(*MOTION, {"State": "true"})
        await here.here.recorded("detection")
        await until(lambda: here.here.intake.parked_durably)
        (parked,) = await here.parked()
        assert parked.reason == "undecodable"
        camera.instead["PullMessages"] = b"<env:Envelope>\xff half"
        await until(lambda: here.here.intake.parked_durably >= 2)
        del camera.instead["PullMessages"]
        await until(lambda: here.camera.pull_points)
        camera.notify(*MOTION, {"State": "false"})
        await here.here.recorded("detection", 2)
        assert any(b"\xff half" in one.payload for one in await here.parked())


async def test_a_subscription_that_the_camera_forgot_is_made_anew(tmp_path: Path) -> None:
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        for number in range(3):
            made = camera.done["CreatePullPointSubscription"]
            camera.forget_subscriptions()
            await until(lambda made=made: camera.done["CreatePullPointSubscription"] > made and camera.pull_points)
            camera.notify(*MOTION, {"State": "true" if number % 2 == 0 else "false"})
            await here.here.recorded("detection", number + 1)


async def test_a_subscription_is_renewed_before_it_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onvif.managers, "MINIMUM_SUBSCRIPTION_SECONDS", 1.0)
    camera = locked()
    camera.grants_s, camera.off = 4.0, timedelta(days=-365)
    async with bench(tmp_path, camera) as here:
        await here.subscribed()
        await until(lambda: camera.done["Renew"] >= 3, 20)
        camera.notify(*MOTION, {"State": "true"})
        await here.here.recorded("detection")
    assert camera.done["CreatePullPointSubscription"] == 1


async def test_a_camera_that_is_off_for_a_while_is_found_again(tmp_path: Path) -> None:
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        await camera.stop()
        camera.forget_subscriptions()
        await here.here.recorded("availability", 2)
        await camera.start()
        states = [one.state for one in await here.here.recorded("availability", 3)]
        assert states == ["online", "offline", "online"]
        await until(lambda: camera.pull_points)
        camera.notify(*MOTION, {"State": "true"})
        await here.here.recorded("detection")


async def test_a_camera_that_sets_its_clock_is_asked_by_the_new_time_and_is_not_lost(tmp_path: Path) -> None:
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        camera.off = timedelta(minutes=7)
        await until(lambda: camera.guard.refused)
        await until(lambda: camera.done["CreatePullPointSubscription"] >= 2)
        camera.notify(*MOTION, {"State": "true"})
        await here.here.recorded("detection")
        assert [one.state for one in await here.here.events("availability")] == ["online"]


async def test_a_wrong_password_is_shown_seldom_and_another_tried_at_once(tmp_path: Path, capsys: Any) -> None:
    async with bench(tmp_path, camera := locked(), secret=DeviceSecret("wrong-word", "admin")) as here:
        (offline,) = await here.here.recorded("availability")
        assert offline.state == "offline"
        tried = len(camera.guard.refused)
        await asyncio.sleep(0.3)  # many turns of the line
        assert len(camera.guard.refused) == tried <= 4
        DeviceSecrets(tmp_path).keep(GATE, SECRET)
        await here.here.recorded("availability", 2)
    said = capsys.readouterr()
    assert "wrong-word" not in said.out + said.err and SECRET.secret not in said.out + said.err


async def test_a_log_that_takes_nothing_stops_the_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the camera has to say waits there, within its own bound; nothing piles up here."""
    full = [False]
    monkeypatch.setattr(Intake, "full", property(lambda _: full[0]))
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        full[0] = True
        camera.notify(*MOTION, {"State": "true"})
        await here.here.recorded("detection")  # of the question that was on its way
        asked = camera.done["PullMessages"]
        camera.notify(*MOTION, {"State": "false"})
        await asyncio.sleep(1.0)  # twice as long as a question lasts
        assert camera.done["PullMessages"] == asked
        assert len(camera.pull_points["1"].waiting) == 1
        full[0] = False
        await here.here.recorded("detection", 2)


async def test_a_hundred_at_once_are_all_told(tmp_path: Path) -> None:
    async with bench(tmp_path, camera := locked()) as here:
        await here.subscribed()
        for number in range(150):
            camera.notify("tns1:RuleEngine/LineDetector/Crossed", {"Rule": "a"}, {"ObjectId": str(number)}, "")
        seen = await here.here.recorded("detection", 150)
        assert {one.source_event_id for one in seen} == {str(number) for number in range(150)}


async def test_a_camera_that_answers_nothing_of_use_is_offline_once(tmp_path: Path) -> None:
    """It lets us in and subscribe, and then: no flapping, and no hammering."""
    camera = locked()
    camera.instead["PullMessages"] = 500
    waits: list[int] = []
    async with bench(tmp_path, camera, retry=lambda failures: waits.append(failures) or 0.01) as here:
        await until(lambda: camera.done["PullMessages"] >= 4)
        assert [one.state for one in await here.here.recorded("availability")] == ["offline"]
    assert waits[:3] == [1, 2, 3], "each pause is longer than the one before"


async def test_a_box_without_the_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> Any:
        raise ImportError(f"ONVIF needs zeep, which is not installed; {camera_module.NEEDED}")

    monkeypatch.setattr(camera_module, "_library", missing)
    async with bench(tmp_path, locked()) as here:
        (offline,) = await here.here.recorded("availability")
        assert "pip install 'gatehouse[edge,onvif]'" in (offline.reason or "")


# --- what it does ---


def reacting(*reactions: dict[str, Any], home: str = "") -> dict[str, Any]:
    return {"onvif": {"cameras": {DOME: {"home": home, "reactions": list(reactions)}}}}


async def test_it_turns_to_the_preset_and_back_and_each_move_is_on_record(tmp_path: Path) -> None:
    settings = reacting({"kinds": ["door"], "words": ["forced_open"], "preset": "车库", "hold_s": 1})
    async with bench(tmp_path, camera := locked(), DOME, **settings) as here:
        await until(lambda: camera.done["GetPresets"])
        here.happens(kind="door", state="closed")
        here.happens(kind="door", state="forced_open", phase="start")
        await until(lambda: len(camera.moves) == 2)
        await until(lambda: len(here.said) == 2)
    assert camera.moves == ["2", HOME]
    first, back = here.said
    assert (first.kind, first.device, first.label, first.ok) == ("command_result", DOME, "camera.preset", True)
    assert (first.text, first.trigger) == ("2 (车库)", f"door {DOOR} forced_open")
    assert (back.text, back.trigger, back.ok) == ("home", "time", True)


async def test_it_turns_back_to_a_preset_of_its_own(tmp_path: Path) -> None:
    settings = reacting({"kinds": ["door"], "preset": "2", "hold_s": 1}, home="9")
    async with bench(tmp_path, camera := locked(), DOME, **settings) as here:
        await until(lambda: camera.done["GetPresets"])
        here.happens(kind="door", state="open")
        await until(lambda: camera.moves == ["2", "9"])


async def test_a_preset_that_is_not_there_is_refused_by_name(tmp_path: Path, capsys: Any) -> None:
    settings = reacting({"kinds": ["door"], "preset": "7"})
    async with bench(tmp_path, camera := locked(), DOME, **settings) as here:
        await until(lambda: camera.done["GetPresets"])
        here.happens(kind="door", state="open")
        await until(lambda: here.said)
    (refused,) = here.said
    assert (refused.ok, refused.state) == (False, "refused")
    assert refused.text == "7: it has no preset '7'; it has 1 (门口), 2 (车库), 9 (围墙)"
    assert camera.moves == []
    assert "camera_preset_unknown" in capsys.readouterr().out, "and said before anything happens"


async def test_a_camera_that_is_not_reached_is_on_record_too(tmp_path: Path) -> None:
    settings = reacting({"kinds": ["door"], "preset": "1", "snapshot": True})
    async with bench(tmp_path, camera := locked(), DOME, secret=None, **settings) as here:
        await until(lambda: camera.guard.refused)
        here.happens(kind="door", state="open")
        await until(lambda: len(here.said) == 2)
    assert [(one.label, one.ok) for one in here.said] == [("camera.preset", False), ("camera.snapshot", False)]
    assert "not reached" in (here.said[0].text or "")


async def test_a_picture_of_what_happened_is_in_the_log(tmp_path: Path) -> None:
    settings = reacting({"kinds": ["alarm"], "preset": "1", "snapshot": True})
    async with bench(tmp_path, camera := locked(), DOME, **settings) as here:
        await until(lambda: camera.done["GetPresets"])
        here.happens(kind="alarm", alarm="smoke", state="active", phase="start")
        (picture,) = await here.here.recorded("detection")
        (media,) = picture.media
        assert media.sha256 is not None
        assert here.here.intake.media.path(media.sha256).read_bytes() == camera.jpeg
    assert (picture.device, picture.label, picture.place) == (DOME, "snapshot", "东门")
    assert (picture.trigger, media.role) == (f"alarm {DOOR} smoke", "scene")
    assert camera.moves[0] == "1"


async def test_a_picture_beyond_the_bound_is_refused_and_said(tmp_path: Path) -> None:
    camera = locked()
    camera.jpeg = b"\xff\xd8\xff" + b"\0" * (7 * 1024 * 1024)
    async with bench(tmp_path, camera, DOME, **reacting({"kinds": ["alarm"], "snapshot": True})) as here:
        await until(lambda: camera.done["GetSystemDateAndTime"] >= 2)
        here.happens(kind="alarm", alarm="smoke", state="active")
        await until(lambda: here.said)
        assert "more than 6291456 bytes" in (here.said[0].text or "")
        assert await here.here.events("detection") == []
