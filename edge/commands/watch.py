"""``gatehouse-edge watch``: what a stream or a file would report, for the installer who draws zones and masks."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer

from domain.events import Event, to_plain
from domain.scenes.wishes import CameraScene
from edge.commands.event_line import masked, phrase
from edge.commands.options import DEFAULT_CONFIG, AsJson, ConfigFile, err, fail, out
from edge.config import BadConfig, Config, load
from edge.control.desired import scenes_beside
from edge.status import beside
from edge.vision.libraries import how_to_get

if TYPE_CHECKING:
    from edge.device_secrets import DeviceSecret
    from edge.devices._camera_words import Told
    from edge.vision.settings import Camera
    from edge.vision.streams.where import StreamFault, Where
    from edge.vision.words import Ordered

_TRIED = "camera:tried"


def watch(
    stream: Annotated[
        str, typer.Argument(help="A file, an rtsp:// or onvif:// address, or a listed camera: camera:north-gate.")
    ],
    config: ConfigFile = DEFAULT_CONFIG,
    camera: Annotated[str, typer.Option(help="Look with the settings of this camera.")] = "",
    seconds: Annotated[float, typer.Option(min=0, help="Stop after so many seconds of the stream; 0: never.")] = 0.0,
    save: Annotated[Path | None, typer.Option(help="Keep the pictures and clips in this folder.")] = None,
    unmask: Annotated[bool, typer.Option("--unmask", help="Show plates whole.")] = False,
    as_json: AsJson = False,
) -> None:
    """Look at a stream as the agent would, and print what it would report. Nothing is recorded or sent.

    A file is read as fast as it can be. Of a listed camera's main stream, where it names one, a picture is taken first;
    where that fails the other is looked at all the same, and the exit code is 1. The password of a listed camera is the
    one that device-secret keeps; it is never an argument.

    Example: gatehouse-edge watch yard.mp4 --camera camera:north-gate --save pictures
    """
    told = _settings(config)
    ordered = _ordered(told, stream, camera)
    try:
        is_whole = stream != ordered.device or _has_main(ordered)
        for said in _seen(ordered, told, seconds):
            _show(said, told, save, unmask=unmask, as_json=as_json)
    except KeyboardInterrupt:
        return
    except ImportError as error:
        raise fail(f"{error}; {how_to_get()}") from error
    if not is_whole:
        raise typer.Exit(1)


def _settings(path: Path) -> Config:
    """The settings where there are any: a box is tried out before it has some."""
    if path == DEFAULT_CONFIG and not path.exists():
        return Config()
    try:
        return load(path)
    except BadConfig as error:
        raise fail(str(error)) from error


def _ordered(told: Config, stream: str, camera: str) -> Ordered:
    from edge.device_secrets import DeviceSecrets
    from edge.vision.wishes import camera_of
    from edge.vision.words import Ordered

    device = camera or (stream if stream.startswith("camera:") else _TRIED)
    listed = {entry.id: entry.address for entry in told.devices}
    address = listed.get(stream, stream)
    if address == stream and stream.startswith("camera:"):
        raise fail(f"{stream} is not in the device list of the settings; name a file or an rtsp:// address")
    try:
        secret = DeviceSecrets(told.folder).of(device)
    except (OSError, msgspec.MsgspecError) as error:
        raise fail(f"the password of {device} cannot be read: {type(error).__name__}") from error
    user, password = (secret.user, secret.secret) if secret else ("", "")
    settings = camera_of(told.vision, device, _wished(told, device), told.timezone)
    return Ordered(device, _stream_at(address, device, settings, secret), settings, user, password)


def _stream_at(address: str, device: str, settings: Camera, secret: DeviceSecret | None) -> str:
    """The stream itself, where the camera has to be asked for it."""
    from edge.device_secrets import DeviceSecret
    from edge.onvif.address import BadAddress, is_onvif, where_in
    from edge.onvif.faults import OnvifFault
    from edge.transports.vision_addresses import found_at, stream_wanted

    if not is_onvif(address):
        return address
    usual = stream_wanted(settings)
    try:
        return asyncio.run(found_at(where_in(address), secret or DeviceSecret(""), usual))
    except (OnvifFault, BadAddress, ImportError) as error:
        raise fail(f"{device}: {error}") from error


def _wished(told: Config, device: str) -> CameraScene | None:
    """What the centre wishes of a camera, where the agent has heard of it."""
    try:
        with beside.opened(told.folder) as db:
            return scenes_beside(db).cameras.get(device)
    except (beside.NoLog, sqlite3.Error):
        return None


def _has_main(ordered: Ordered) -> bool:
    """Whether its large stream, where it names one, can be read; said on standard error, with what to do."""
    from edge.vision.first_picture import first_picture
    from edge.vision.streams.where import StreamFault, Where

    if not ordered.settings.main:
        return True
    where = Where(ordered.settings.main, ordered.user, ordered.password)
    try:
        said, is_there = str(first_picture(where, ordered.settings.max_pixels, _now)), True
    except StreamFault as fault:
        said, is_there = _advised(fault, ordered), False
    err.print(f"main stream {where.shown}: {said}", markup=False, highlight=False, soft_wrap=True)
    return is_there


def _advised(fault: StreamFault, ordered: Ordered) -> str:
    from edge.vision.streams.advice import next_step

    return f"{fault}; {next_step(fault.reason, ordered.device)}"


def _seen(ordered: Ordered, told: Config, seconds: float) -> Iterator[Told]:
    """What is seen until the stream ends; then what was wrong with it, on standard error."""
    from edge.vision.streams.source import How, Source
    from edge.vision.streams.where import StreamFault, Where
    from edge.vision.trial import Trial

    counts: Counter[str] = Counter()
    settings = ordered.settings
    where: Where = Where(ordered.address, ordered.user, ordered.password)
    how = How(settings.fps, settings.keyframes_only, settings.skip_loop_filter, settings.max_pixels, False)
    trial = Trial(ordered, told.site.zone, counts, lambda text: err.print(text, markup=False, highlight=False))
    try:
        source = Source(where, how, _now, counts)
    except StreamFault as fault:
        raise fail(f"{where.shown}: {_advised(fault, ordered)}") from fault
    try:
        yield from trial.run(source, seconds)
    except StreamFault as fault:
        if fault.reason != "ended":
            raise fail(f"{where.shown}: {_advised(fault, ordered)}") from fault
    finally:
        source.close()
        said = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
        err.print(f"{where.shown}: {said}", markup=False, highlight=False, soft_wrap=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _show(said: Told, told: Config, save: Path | None, *, unmask: bool, as_json: bool) -> None:
    from edge.devices.driver import Message, discover
    from edge.vision.words import encode

    reading = discover().decode(Message("camera", encode(said)), told.site)
    kept = {picture.sha256: picture.body for picture in reading.pictures}
    for whole in reading.events:
        files = _saved(whole, kept, save) if save is not None else []
        event = whole if unmask else masked(whole)
        plain: dict[str, Any] = {**to_plain(event), **({"files": files} if files else {})}
        if as_json:
            print(msgspec.json.encode(plain).decode(), flush=True)
            continue
        when = f"{said.at.astimezone(told.site.zone):%m-%d %H:%M:%S.%f}"[:-5]
        words = " ".join([phrase(event), *(event.zones or ()), *files])
        out.print(f"{when} {event.kind:<13} {event.phase:<8} {words}", soft_wrap=True, markup=False, highlight=False)


def _saved(event: Event, kept: dict[str, bytes], folder: Path) -> list[str]:
    """The files of an event's pictures, named by when and what."""
    folder.mkdir(parents=True, exist_ok=True)
    files: list[str] = []
    for media in event.media:
        assert media.sha256 is not None
        ending = "mp4" if media.type == "video/mp4" else "jpg"
        name = f"{event.occurred_at:%Y%m%dT%H%M%S}-{event.label or event.reason or event.kind}-{media.role}"
        path = folder / f"{name}-{media.sha256[:8]}.{ending}"
        path.write_bytes(kept[media.sha256])
        files.append(str(path))
    return files
