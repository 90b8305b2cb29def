"""A picture in at most 30 kB: made once for a thousand screens, without what a phone wrote into it, gone with it."""

from __future__ import annotations

import asyncio
import io
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from server import media
from server.plan_pictures import BadPicture
from server.small_pictures import MOST_SMALL_BYTES, small_of
from tests.server import rows
from tests.server.engines import SQLITE
from tests.server.people import City, city
from tests.server.test_plan_pictures import claimed


def noise(width: int = 1_920, height: int = 1_080, kind: str = "JPEG", **how: Any) -> bytes:
    """What compresses worst: a night without light."""
    pixels = random.Random(1).randbytes(width * height * 3)
    into = io.BytesIO()
    Image.frombytes("RGB", (width, height), pixels).save(into, kind, **how)
    return into.getvalue()


def opened(body: bytes) -> Image.Image:
    return Image.open(io.BytesIO(body))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_worst_picture_is_small_too_and_keeps_its_shape(kind: str) -> None:
    made = small_of(noise(kind=kind))
    assert len(made) <= MOST_SMALL_BYTES
    assert opened(made).format == "JPEG"
    assert opened(made).width / opened(made).height == pytest.approx(16 / 9, rel=0.02)


def test_an_ordinary_picture_stays_sharp_enough_for_a_phone_and_nothing_is_made_larger() -> None:
    assert opened(small_of(rows.picture("#2b3b52", "3号楼东门"))).size == (640, 360)
    tiny = io.BytesIO()
    Image.new("RGB", (90, 60), "red").save(tiny, "GIF")
    assert opened(small_of(tiny.getvalue())).size == (90, 60)


def test_it_stands_upright_and_says_nothing_of_the_phone() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a maker of phones"  # lies on its side
    into = io.BytesIO()
    Image.new("RGB", (400, 200), "blue").save(into, "JPEG", exif=exif)
    assert b"a maker of phones" in into.getvalue(), "the control"
    made = small_of(into.getvalue())
    assert opened(made).size == (200, 400)
    assert b"a maker" not in made and not opened(made).getexif()


@pytest.mark.parametrize("body", [b"", b"no picture", claimed(50_000, 50_000), noise(200, 200, "PNG")[:50_000]])
def test_what_is_no_picture_is_refused_by_name(body: bytes) -> None:
    with pytest.raises(BadPicture):
        small_of(body)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[City]:
    async with city(tmp_path, SQLITE) as made:
        yield made


async def test_it_is_made_once_however_many_ask(town: City, monkeypatch: pytest.MonkeyPatch) -> None:
    name, made = await rows.keep_picture(town.house, body=noise(640, 360)), list[int]()

    def counted(body: bytes) -> bytes:
        made.append(len(body))
        return small_of(body)

    monkeypatch.setattr(media, "small_of", counted)
    visitor = await town.visitor("li")
    answers = await asyncio.gather(*(visitor.get(f"/media/{name}/small") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200} and len(made) == 1
    (body,) = {answer.content for answer in answers}
    assert len(body) <= MOST_SMALL_BYTES < len((await visitor.get(f"/media/{name}")).content)
    assert answers[0].headers["content-type"] == "image/jpeg" and "immutable" in answers[0].headers["cache-control"]
    again = await visitor.get(f"/media/{name}/small", **{"If-None-Match": answers[0].headers["etag"]})
    assert (again.status_code, len(made)) == (304, 1)


async def test_it_is_for_whoever_may_see_the_picture(town: City) -> None:
    name = await rows.keep_picture(town.house, body=rows.picture("#102030"))
    assert (await (await town.visitor("zhao")).get(f"/media/{name}/small")).status_code == 404
    assert (await (await town.visitor()).get(f"/media/{name}/small")).status_code == 303
    assert (await (await town.visitor("li")).get(f"/media/{'0' * 64}/small")).status_code == 404


async def test_of_what_cannot_be_drawn_the_picture_itself_is_shown(town: City) -> None:
    body = noise(640, 360)[:20_000]  # cut off on its way: a browser shows the upper half
    name = await rows.keep_picture(town.house, body=body)
    answer = await (await town.visitor("li")).get(f"/media/{name}/small")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/media/{name}")


async def test_it_goes_with_its_picture_even_if_it_is_made_meanwhile(
    town: City, monkeypatch: pytest.MonkeyPatch
) -> None:
    box, body = town.house.media, rows.picture("#112233")
    name = await rows.keep_picture(town.house, body=body)
    await box.small(name)
    files = town.house.folder / "media"
    assert len([*files.rglob(f"{name}*")]) == 2
    assert await box.delete([name], rows.GARDEN) == [name]
    assert [*files.rglob(f"{name}*")] == []
    await rows.keep_picture(town.house, body=body)
    loop = asyncio.get_running_loop()

    def slow(whole: bytes) -> bytes:
        asyncio.run_coroutine_threadsafe(box.delete([name], rows.GARDEN), loop).result(10)
        return small_of(whole)

    monkeypatch.setattr(media, "small_of", slow)
    await box.small(name)
    assert [*files.rglob(f"{name}*")] == []
