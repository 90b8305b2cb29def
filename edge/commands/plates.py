"""``gatehouse-edge plates``: what the box would read in these pictures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.progress import track
from rich.table import Table

from edge.commands.models import Folder
from edge.commands.options import AsJson, err, fail, out
from edge.vision.libraries import how_to_get
from edge.vision.models import manifest
from edge.vision.models.manifest import MissingModels, Profile
from edge.vision.plates.picture_mistake import BadPicture

if TYPE_CHECKING:
    from edge.vision.plates.plate_reader import Plate

Line = dict[str, Any]
_BAR_FROM = 20  # pictures; fewer are done in a moment


def plates(
    images: Annotated[list[Path], typer.Argument(help="Pictures.", metavar="IMAGE…")],
    profile: Annotated[Profile | None, typer.Option(help="Else the best whose models are here.")] = None,
    province: Annotated[str, typer.Option(help="The province most cars there are of, as 粤.")] = "",
    folder: Folder = None,
    as_json: AsJson = False,
) -> None:
    """Read the plates in pictures: a line for each plate, or one with a null plate where none was found.

    A file that is no picture is said on standard error, and the rest goes on; exit 1 then.

    Example: gatehouse-edge plates gate.jpg --profile fast --json
    """
    look, refused = _looking(profile, folder or manifest.default_folder(), province), 0
    table = Table("file", "plate", "colour", "sure", "may be", "ms")
    for path in track(images, console=err, transient=True, disable=as_json or len(images) < _BAR_FROM):
        try:
            lines = look(path)
        except BadPicture as error:
            refused += 1
            err.print(f"{path}: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
            continue
        for line in lines:
            if as_json:
                typer.echo(msgspec.json.encode(line))
            else:
                table.add_row(*_cells(line))
    if not as_json:
        out.print(table)
    if refused:
        raise typer.Exit(1)


def _looking(profile: Profile | None, folder: Path, province: str) -> Callable[[Path], list[Line]]:
    """What reads one file to its lines; it raises BadPicture. The end of the command where models are missing."""
    try:
        from edge.vision.plates.profiles import best_here, plate_reader  # no other command waits for cv2
    except ImportError as error:
        raise fail(f"{error}; {how_to_get()}") from error
    from edge.vision.plates.picture_file import read_picture

    try:
        reader = plate_reader(profile or best_here(folder), folder)
    except MissingModels as error:
        raise fail(str(error)) from error

    def look(path: Path) -> list[Line]:
        picture = read_picture(path)
        began = time.perf_counter()
        found = reader(picture, province)
        ms = round((time.perf_counter() - began) * 1_000, 1)
        return [_line(path, plate, ms) for plate in found] or [_line(path, None, ms)]

    return look


def _line(path: Path, plate: Plate | None, ms: float) -> Line:
    """``box``: left, top, right, bottom in pixels; ``ms``: of the whole picture."""
    if plate is None:
        return {"file": str(path), "plate": None, "color": None, "confidence": None, "box": None, "ms": ms}
    return {
        "file": str(path),
        "plate": plate.plate,
        "color": plate.color,
        "confidence": round(plate.confidence, 4),
        "box": [round(side) for side in plate.found.span],
        "ms": ms,
        "candidates": [{"plate": one.plate, "weight": round(one.weight, 4)} for one in plate.candidates],
    }


def _cells(line: Line) -> list[str]:
    others = [f"{one['plate']} {one['weight']:.0%}" for one in line.get("candidates", [])[1:3] if one["weight"] > 0.01]
    sure = "" if line["confidence"] is None else f"{line['confidence']:.0%}"
    return [line["file"], line["plate"] or "none", line["color"] or "", sure, ", ".join(others), str(line["ms"])]
