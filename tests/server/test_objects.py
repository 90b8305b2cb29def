"""Pictures in a bucket: the same promises as in a folder, and what is wrong is said clearly."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import boto3
import httpx
import msgspec
import pytest
from moto.server import ThreadedMotoServer
from obstore.store import LocalStore

from domain.ids import content_name
from server.config import BadConfig, Config, load
from server.media import MediaAway, MediaBox, names_in, probe
from server.objects import open_objects
from tests.server.centre import CONFIG, centre
from tests.server.engines import SQLITE, Engine

JPEG = b"\xff\xd8\xff\xe0 a car at the gate"
BUCKET = "pictures"
KEYS = 'access_key_id = "testing"\nsecret_access_key = "testing"\n'  # pragma: allowlist secret


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A store that speaks S3, with one bucket."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}  # pragma: allowlist secret
    boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys).create_bucket(Bucket=BUCKET)
    yield endpoint
    server.stop()


def settings(folder: Path, endpoint: str, bucket: str = BUCKET) -> Config:
    keys = folder / "media.keys"
    keys.write_text(KEYS)
    keys.chmod(0o600)
    media = {"media": f"s3://{bucket}/city", "media_endpoint": endpoint, "media_keys_file": "media.keys"}
    return msgspec.structs.replace(CONFIG, **media)


async def test_a_picture_of_two_complexes_lies_there_once(engine: Engine, s3: str, tmp_path: Path) -> None:
    async with centre(tmp_path, engine, settings(tmp_path, s3)) as made:
        box, name = made.house.media, content_name(JPEG)
        assert await box.keep(name, "garden", JPEG, "image/jpeg")
        assert not await box.keep(name, "garden", JPEG, "image/jpeg")
        assert await box.keep(name, "river", JPEG, "image/jpeg")
        objects = open_objects(tmp_path, made.house.config)
        assert await names_in(objects) == {bytes.fromhex(name)}
        assert await box.get(name) == JPEG
        assert not (tmp_path / "media").exists()
        assert await box.delete([name], "garden") == [], "the other complex has it"
        assert await box.get(name) == JPEG
        assert await box.delete([name], "river") == [name]
        with pytest.raises(FileNotFoundError):
            await box.get(name)
        assert await names_in(objects) == set()


async def test_a_picture_is_durable_before_it_is_acknowledged(s3: str, tmp_path: Path) -> None:
    """And not acknowledged where the bucket does not take it: the gateway keeps it and comes again."""
    for bucket, status in ((BUCKET, 200), ("no-such-bucket", 503)):
        async with centre(tmp_path, SQLITE, settings(tmp_path, s3, bucket)) as made:
            sender = await made.gateway()
            body = JPEG + bucket.encode()
            path = f"/v1/media/{content_name(body)}"
            answer = await made.client.put(path, content=body, headers=sender.headers())
            assert answer.status_code == status, answer.text
            known = await made.house.media.known("garden", [content_name(body)])
            assert bool(known) == (status == 200)


@pytest.mark.parametrize("is_bucket", [True, False], ids=["bucket", "folder"])
async def test_many_are_read_at_once_and_who_is_not_there_is_left_out(s3: str, tmp_path: Path, is_bucket: bool) -> None:
    """A folder's are read as the files that they are; what stands in their way is said, and is no picture missing."""
    async with centre(tmp_path, SQLITE, settings(tmp_path, s3) if is_bucket else CONFIG) as made:
        box, bodies = made.house.media, {content_name(body): body for body in (JPEG + bytes([n]) for n in range(9))}
        for name, body in bodies.items():
            await box.keep(name, "garden", body, "image/jpeg")
        assert await box.get_many([*bodies, "0" * 64]) == bodies
        assert await box.get_many([]) == {}
        if not is_bucket:
            name = next(iter(bodies))
            (tmp_path / "media" / name[:2] / name).unlink()
            (tmp_path / "media" / name[:2] / name).mkdir()
            with pytest.raises(MediaAway, match="directory"):
                await box.get_many(bodies)


async def test_what_goes_between_putting_and_listing_is_kept_again(tmp_path: Path) -> None:
    """Another complex lets go of the same picture just then."""
    objects, name = LocalStore(tmp_path / "media", mkdir=True), content_name(JPEG)
    async with centre(tmp_path, SQLITE) as made:
        box = MediaBox(objects, made.house.db, made.house.now)
        await box.keep(name, "river", JPEG, "image/jpeg")
        listed = made.house.db.write

        def late(complex_id: str | None = None, **how: bool):
            if complex_id == "garden":
                (tmp_path / "media" / name[:2] / name).unlink()
            return listed(complex_id, **how)

        made.house.db.write = late  # type: ignore[method-assign]
        await box.keep(name, "garden", JPEG, "image/jpeg")
        assert await box.get(name) == JPEG


def _closed_port() -> int:
    with socket.socket() as probing:
        probing.bind(("127.0.0.1", 0))
        return probing.getsockname()[1]


async def test_what_is_wrong_is_said_clearly(s3: str, tmp_path: Path) -> None:
    await probe(open_objects(tmp_path, settings(tmp_path, s3)))
    with pytest.raises(MediaAway, match="NoSuchBucket: The specified bucket does not exist"):
        await probe(open_objects(tmp_path, settings(tmp_path, s3, "no-such-bucket")))
    with pytest.raises(MediaAway, match=r"(?i)connect|refused|error"):
        await probe(open_objects(tmp_path, settings(tmp_path, f"http://127.0.0.1:{_closed_port()}")))


async def test_a_wrong_key_is_said_clearly(s3: str, tmp_path: Path) -> None:
    config = settings(tmp_path, s3)
    async with httpx.AsyncClient() as client:
        await client.post(f"{s3}/moto-api/reset-auth", content=b"0")  # from now on keys count
        try:
            with pytest.raises(MediaAway, match="InvalidAccessKeyId: "):
                await probe(open_objects(tmp_path, config))
        finally:
            await client.post(f"{s3}/moto-api/reset-auth", content=b"1000000")


@pytest.mark.parametrize(
    "media",
    ["s3://", "http://bucket", "s3://key:word@bucket/x", "/srv/media", "s3://Bucket"],
)
def test_what_names_no_bucket_is_refused(media: str, tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text(f'media = "{media}"\n')
    with pytest.raises(BadConfig, match="media"):
        load(tmp_path)


def test_keys_that_others_may_read_are_not_used(tmp_path: Path) -> None:
    config = settings(tmp_path, "http://127.0.0.1:1")
    (tmp_path / "media.keys").chmod(0o644)
    with pytest.raises(BadConfig, match="chmod 600"):
        open_objects(tmp_path, config)
    (tmp_path / "media.keys").chmod(0o600)
    (tmp_path / "media.keys").write_text("key = 1\n")
    with pytest.raises(BadConfig, match="access_key_id"):
        open_objects(tmp_path, config)
