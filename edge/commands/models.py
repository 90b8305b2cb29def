"""``gatehouse-edge models``: which weights there are, and fetching them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.table import Table

from edge.commands.options import AsJson, err, fail, out
from edge.vision.models import manifest
from edge.vision.models.fetch import CannotFetch
from edge.vision.models.fetch import fetch as fetch_models
from edge.vision.models.manifest import Model, Profile

app = typer.Typer(no_args_is_help=True, help="The weights of the networks that look at pictures.")
Folder = Annotated[
    Path | None, typer.Option("--models", envvar="GATEHOUSE_MODELS", help="Where they lie; else the user's own data.")
]


@app.command()
def fetch(
    profile: Annotated[Profile, typer.Option(help="pip: from the package index alone; fast, best: public files too.")],
    beside: Annotated[
        Path | None, typer.Option("--from", help="A folder to look into first.", exists=True, file_okay=False)
    ] = None,
    folder: Folder = None,
) -> None:
    """Fetch the weights of a profile. A file that is not what it should be is refused.

    Example: gatehouse-edge models fetch --profile best --from /media/usb
    """
    into = folder or manifest.default_folder()
    wanted = manifest.of_profile(profile)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(profile, total=sum(model.bytes for model in wanted))

        def tell(model: Model, more: int) -> None:
            progress.update(task, description=model.name, advance=more)

        try:
            fetched = fetch_models(wanted, into, beside, tell)
        except CannotFetch as error:
            raise fail(str(error)) from error
        except OSError as error:
            raise fail(f"{into}: cannot be written: {error}; choose another folder with --models") from error
    out.print(f"{len(fetched)} fetched, {len(wanted) - len(fetched)} were there: {into}", soft_wrap=True)


@app.command(name="list")
def show(folder: Folder = None, as_json: AsJson = False) -> None:
    """Each model: what it is for, its licence, its source, and whether it is here.

    Example: gatehouse-edge models list
    """
    place = folder or manifest.default_folder()
    if as_json:
        for model in manifest.models():
            line = {**msgspec.to_builtins(model), "here": manifest.is_here(model, place)}
            typer.echo(msgspec.json.encode(line))
        return
    table = Table("model", "for", "profiles", "licence", "from", "here")
    for model in manifest.models():
        source = model.wheel.requirement if model.wheel else model.url.split("/raw/", 1)[0].removeprefix("https://")
        here = "yes" if manifest.is_here(model, place) else "no"
        table.add_row(model.name, model.what, " ".join(model.profiles), model.licence, source, here)
    out.print(table)
