"""Scene and plates together in one real child: what both tell is in the log and the media store, once."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from domain.events import Event
from edge.vision.frames import Picture
from edge.vision.models.fetch import CannotFetch
from tests.drawn_plates import drawn
from tests.edge.link_bench import LinkBench
from tests.edge.vision.clips import YOLOX, clip, needed, read
from tests.edge.vision.clips_made import film
from tests.edge.vision.test_vision_transport import camera, children, watched
from tests.plate_pictures import MODELS, WEIGHTS, ready

_SIZE, _FPS, _SECONDS = (640, 480), 10, 14
_ALL = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


@pytest.fixture(scope="module")
def lookers() -> dict[str, Any]:
    needed(WEIGHTS / "y5fu_320x_sim.onnx")
    try:
        ready("fast")
    except CannotFetch as error:
        pytest.skip(f"no second reader: {error}")
    rules = [{"kind": "person_in_zone", "zone": "square"}]
    scene = {"zones": {"square": _ALL}, "objects": {"model": str(needed(YOLOX))}, "rules": rules}
    return {"scene": scene, "plates": {"profile": "fast", "models": str(MODELS)}}


def gate() -> Iterator[Picture]:
    """People who cross a square, and in its corner a plate that comes nearer and goes."""
    plate = drawn("blue", random.Random(4), tilt=0.02)
    for number, frame in enumerate(read(clip("vtest.avi"), fps=100, last=_SECONDS * _FPS)):
        picture = np.asarray(cv2.resize(frame.picture(), _SIZE), np.uint8)
        if 20 <= number < 100:
            width = 200 + number
            near = cv2.resize(plate.scene, (width, width * plate.scene.shape[0] // plate.scene.shape[1]))
            picture[10 : 10 + near.shape[0], 620 - width : 620] = near
        yield picture


async def told(here: LinkBench, kind: str, device: str, role: str) -> Event:
    """An event of a kind that has a picture of that role."""
    async with asyncio.timeout(150):
        while True:
            for event in await here.events(kind):
                if event.device == device and any(media.role == role for media in event.media):
                    return event
            await asyncio.sleep(0.1)


async def test_persons_and_plates_of_two_cameras_in_one_child_are_in_the_log_once(
    tmp_path: Path, lookers: dict[str, Any]
) -> None:
    path = film(tmp_path / "gate.mkv", gate(), _FPS, codec="libx264")
    settings = {f"camera:{name}": {"lookers": lookers, "clip_s": 1.0} for name in "ab"}
    async with watched(tmp_path, camera("a", path), camera("b", path), cameras=settings) as (here, transport):
        for device in settings:
            person = await told(here, "detection", device, "scene")
            plate = await told(here, "plate", device, "plate")
            film_of = await told(here, "detection", device, "clip")
            assert (person.label, person.phase, film_of.phase) == ("person", "start", "update")
            assert plate.subject is not None and plate.subject.plate_color == "blue"
            assert plate.ext is not None and plate.ext["candidates"], "doubt on a busy box is told"
            for event in (person, plate, film_of):
                assert_kept(here, event)
        assert len(children()) == 1
        async with asyncio.timeout(30):  # its first words tell of no camera yet
            while set(settings) - (figures := transport.figures["camera:a", "camera:b"]).cameras.keys():
                await asyncio.sleep(0.1)
        events = [*await here.events("detection"), *await here.events("plate")]
    assert all(figures.cameras[device].get("looks_failed", 0) == 0 for device in settings)
    facts = Counter((event.device, event.kind, event.source_event_id, event.phase) for event in events)
    assert set(facts.values()) == {1}


def assert_kept(here: LinkBench, event: Event) -> None:
    """Its pictures are in the store, are what they are said to be, and the small one is small."""
    for media in event.media:
        body = here.intake.media.path(media.sha256).read_bytes()
        assert len(body) == media.bytes
        if media.role == "clip":
            assert body[4:8] == b"ftyp"
        else:
            shown = cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_COLOR)
            assert shown is not None and (media.role != "thumbnail" or media.bytes <= 30 * 1024)
    roles = {media.role for media in event.media}
    assert roles in ({"scene", "thumbnail"}, {"scene", "thumbnail", "plate"}, {"clip"})
