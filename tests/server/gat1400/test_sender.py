"""How records travel, and what each answer means for them."""

from __future__ import annotations

import io
import os
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from PIL import Image

from domain.events import Event, Media
from domain.ids import content_name
from domain.viid.schema import message_schema
from server.feeds.gat1400.codes import DeviceCodes
from server.feeds.gat1400.sender import Gat1400Sender
from server.feeds.sender import Again, Verdict
from tests.server.gat1400.centre_side import (
    GARDEN,
    JPEG,
    NOW,
    PLATFORM,
    Side,
    accepted,
    camera,
    car,
    offer,
    plain,
    refused,
    side,
)
from tests.server.gat1400.peer import Peer, Said, all_taken, number_of, peer

Objects = list[dict[str, Any]]


async def sent(folder: Path, there: Peer, offers: list[Any], profile: str = "standard", **rest: Any) -> list[Verdict]:
    async with peer(there), side(folder) as here:
        sender = here.sender(there.url, profile=profile, **rest)
        verdicts = list(await sender.send(offers))
        await sender.close()
    return verdicts


async def test_what_a_request_says(tmp_path: Path) -> None:
    there = Peer()
    assert accepted(await sent(tmp_path, there, [car(1)])) == [True]
    assert all(said["User-Identify"] == "33010600011200000001" for said in there.headers)
    assert all(said["Content-Type"] == "application/VIID+JSON;charset=UTF-8" for said in there.headers)
    (_, object_), *_ = [one for one in there.taken if one[0] == "/VIID/MotorVehicles"]
    (picture,) = object_["SubImageList"]["SubImageInfoObject"]
    assert b64decode(picture["Data"]) == JPEG


async def test_every_message_is_valid_by_the_field_tables(tmp_path: Path) -> None:
    import json

    from jsonschema import Draft202012Validator

    there = Peer()
    seen = [car(1), car(2, 1), plain(car(3, 2), kind="detection", label="person", subject=None)]
    await sent(tmp_path, there, seen)
    schema = Draft202012Validator(message_schema(strict=True))
    assert {path for _, path, _ in there.bodies} >= {
        "/VIID/MotorVehicles",
        "/VIID/Persons",
        "/VIID/APEs",
        "/VIID/Lanes",
    }
    for _, _, body in there.bodies:
        schema.validate(json.loads(body))


async def test_one_of_each_device_in_a_message_and_each_devices_order(tmp_path: Path) -> None:
    there = Peer()
    assert all(accepted(await sent(tmp_path, there, [car(number, number % 3) for number in range(30)])))
    messages = [body for _, path, body in there.bodies if path == "/VIID/MotorVehicles"]
    assert len(messages) == 10
    for n in range(3):
        numbers = [number_of(one) for _, one in there.taken if one.get("DeviceID") == camera(n)]
        assert numbers == sorted(numbers) and len(numbers) == 10


async def test_behind_one_that_waits_nothing_of_its_device_goes(tmp_path: Path) -> None:
    def busy(objects: Objects) -> Said:
        statuses = [
            {"Id": number_of(one), "StatusCode": 2 if one.get("DeviceID") == camera(0) else 0} for one in objects
        ]
        return 200, {"ResponseStatusListObject": {"ResponseStatusObject": statuses}}

    there = Peer(busy)
    verdicts = await sent(tmp_path, there, [car(number, number % 2) for number in range(6)])
    assert accepted(verdicts) == [False, True] * 3
    assert sum(one.get("DeviceID") == camera(0) and "MotorVehicleID" in one for _, one in there.taken) == 1


@pytest.mark.parametrize("status", [409, 200])
async def test_what_is_there_already_is_taken(tmp_path: Path, status: int) -> None:
    def known(objects: Objects) -> Said:
        if status == 409:
            return 409, None
        said = [{"Id": number_of(one), "StatusCode": 1, "StatusString": "already exists"} for one in objects]
        return 200, {"ResponseStatusListObject": {"ResponseStatusObject": said}}

    assert all(accepted(await sent(tmp_path, Peer(known), [car(n, n) for n in range(3)])))


async def test_a_message_too_large_is_halved(tmp_path: Path) -> None:
    def two_at_most(objects: Objects) -> Said:
        return all_taken(objects) if len(objects) <= 2 else (413, None)

    there = Peer(two_at_most)
    assert all(accepted(await sent(tmp_path, there, [car(n, n) for n in range(4)])))
    assert len(there.plates) == 4


async def test_one_too_large_alone_goes_with_smaller_pictures_then_with_none(tmp_path: Path) -> None:
    def without_pictures(objects: Objects) -> Said:
        heavy = any(one.get("SubImageList", {}).get("SubImageInfoObject") for one in objects)
        return (413, None) if heavy else all_taken(objects)

    there = Peer(without_pictures)
    assert accepted(await sent(tmp_path, there, [car(1)])) == [True]
    assert there.requests["MotorVehicles"] == 4


async def test_a_wrong_record_is_refused_and_the_others_go(tmp_path: Path) -> None:
    def picky(objects: Objects) -> Said:
        said = [{"Id": number_of(one), "StatusCode": "8" if one.get("LaneNo") == 7 else "0"} for one in objects]
        return 200, {"ResponseStatusListObject": {"ResponseStatusObject": said}}

    async with peer(Peer(picky)) as there, side(tmp_path) as here:
        codes = DeviceCodes(here.db, PLATFORM)
        known = await codes.all()
        wrong = (GARDEN, "vzenith:1")
        await codes.replace([*({**known, wrong: replace(known[wrong], lane=7)}).items()])
        sender = here.sender(there.url)
        verdicts = await sender.send([car(n, n) for n in range(3)])
        await sender.close()
    assert accepted(verdicts) == [True, False, True]
    assert "Invalid JSON Content" in refused(verdicts[1])


async def test_a_message_that_fails_as_a_whole_is_taken_apart(tmp_path: Path) -> None:
    """One poisonous record makes the whole 500: the others arrive, and it comes again."""

    def poisoned(objects: Objects) -> Said:
        return (500, None) if any(one.get("DeviceID") == camera(2) for one in objects) else all_taken(objects)

    assert accepted(await sent(tmp_path, Peer(poisoned), [car(n, n) for n in range(4)])) == [True, True, False, True]


async def test_an_outage_is_not_asked_record_by_record(tmp_path: Path) -> None:
    there = Peer(lambda _: (500, None))
    verdicts = await sent(tmp_path, there, [car(n, n % 4) for n in range(40)])
    assert all(isinstance(one, Again) for one in verdicts)
    assert there.requests["MotorVehicles"] <= 6


async def test_an_error_without_a_name_costs_no_record_in_an_outage(tmp_path: Path) -> None:
    there = Peer(lambda _: (400, None))
    async with peer(there), side(tmp_path) as here:
        sender = here.sender(there.url)
        for _ in range(20):
            assert isinstance((await sender.send([car(1)]))[0], Again)
        there.judge = all_taken
        assert accepted(await sender.send([car(1)])) == [True]
        await sender.close()


async def test_a_record_that_alone_fails_while_others_are_taken_is_given_up(tmp_path: Path) -> None:
    def poisoned(objects: Objects) -> Said:
        return (400, None) if any(one.get("DeviceID") == camera(2) for one in objects) else all_taken(objects)

    async with peer(Peer(poisoned)) as there, side(tmp_path) as here:
        sender = here.sender(there.url)
        verdicts = [(await sender.send([car(n, 0), car(99, 2)]))[1] for n in range(5)]
        await sender.close()
    assert [isinstance(one, Again) for one in verdicts] == [True] * 4 + [False]
    assert "while others were taken" in refused(verdicts[-1])


async def test_what_cannot_be_sent_says_why(tmp_path: Path) -> None:
    unknown = plain(car(1), device="vzenith:99")
    fire = offer(Event(kind="alarm", device="vzenith:0", time=NOW, recorded_at=NOW, source_event_id="f", alarm="fire"))
    face = plain(car(2, 1), kind="detection", label="face", subject=None)
    there = Peer()
    verdicts = await sent(tmp_path, there, [unknown, fire, face])
    assert [refused(one) for one in verdicts] == [
        "vzenith:99 of garden has no code of twenty digits at this platform",
        "profile standard has no object for alarm fire",
        "face is switched off in profile standard",
    ]
    assert not any("FaceID" in one for _, one in there.taken)


async def test_faces_go_where_they_are_switched_on(tmp_path: Path) -> None:
    face = plain(car(2, 1), kind="detection", label="face", subject=None)
    there = Peer()
    assert accepted(await sent(tmp_path, there, [face], switched_on=("face",))) == [True]
    assert [path for path, one in there.taken if "FaceID" in one] == ["/VIID/Faces"]


async def test_an_empty_answer_is_a_yes_only_where_the_profile_says_so(tmp_path: Path) -> None:
    assert accepted(await sent(tmp_path, Peer(lambda _: (200, None)), [car(1)])) == [False]
    (tmp_path / "lax").mkdir()
    assert accepted(await sent(tmp_path / "lax", Peer(lambda _: (200, None)), [car(1)], "lax")) == [True]


def noise(side_px: int) -> bytes:
    into = io.BytesIO()
    Image.frombytes("RGB", (side_px, side_px), os.urandom(side_px * side_px * 3)).save(into, "JPEG", quality=95)
    return into.getvalue()


async def shown(here: Side, sender: Gat1400Sender, there: Peer, body: bytes, role: str = "scene") -> dict[str, Any]:
    name = content_name(body)
    await here.box.keep(name, GARDEN, body, "image/jpeg")
    media = [Media(role=role, type="image/jpeg", bytes=len(body), sha256=name)]
    assert accepted(await sender.send([plain(car(hash(name) % 1000), media=media)])) == [True]
    (picture,) = there.taken[-1][1]["SubImageList"]["SubImageInfoObject"]
    return picture


async def test_pictures_are_measured_and_made_smaller_where_they_are_too_large(tmp_path: Path) -> None:
    async with peer(Peer()) as there, side(tmp_path) as here:
        sender = here.sender(there.url, profile=here.own_profile('extends = "standard"\n[peer]\nscene_bytes = 40000'))
        small = await shown(here, sender, there, noise(100))
        large = await shown(here, sender, there, noise(600))
        await sender.close()
    assert (small["Width"], small["Height"], small["FileFormat"]) == (100, 100, "Jpeg")
    made = b64decode(large["Data"])
    assert len(made) <= 40_000
    with Image.open(io.BytesIO(made)) as opened:
        assert opened.size == (large["Width"], large["Height"])


async def test_a_picture_of_another_complex_is_not_sent_and_one_on_its_way_is_waited_for(tmp_path: Path) -> None:
    async with peer(Peer()) as there, side(tmp_path) as here:
        other = noise(50)
        await here.box.keep(content_name(other), "river", other, "image/jpeg")
        waits = here.sender(there.url)
        (verdict,) = await waits.send([car(1, sha256=content_name(other))])
        assert isinstance(verdict, Again) and "not here yet" in verdict.reason
        goes = here.sender(there.url, picture_wait_s=0)
        assert accepted(await goes.send([car(1, sha256=content_name(other))])) == [True]
        assert there.taken[-1][1]["SubImageList"] == {"SubImageInfoObject": []}
        await here.box.keep(content_name(other), GARDEN, other, "image/jpeg")
        assert accepted(await waits.send([car(2, sha256=content_name(other))])) == [True]
        assert len(there.taken[-1][1]["SubImageList"]["SubImageInfoObject"]) == 1
        await waits.close()
        await goes.close()
