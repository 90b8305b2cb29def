"""Pictures of every screen, of a city filled with simulated things: phone and desk, dark and light, both languages.

`make screens` runs it; what it makes lies in var/screens, with a page to leaf through.
"""

from __future__ import annotations

import asyncio
import html
import itertools
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer
from playwright.async_api import Page, ViewportSize
from rich.progress import Progress

from server.web import browser_files
from tests.browser.stage import CHROMIUM, DESK, PHONE, Stage, chromium, staged
from tests.browser.test_axe import OF_OTHERS, OPEN, PATHS, add_residents
from tests.server.bill_store import reconciled_day

SIZES: dict[str, ViewportSize] = {"phone": PHONE, "desk": DESK}
THEMES, LANGUAGES = ("dark", "light"), ("zh", "en")
SEEN_BY: dict[str, Sequence[str]] = {"wang": PATHS, **OF_OTHERS, "": OPEN}  # "": without signing in
EVERY = tuple(path for paths in SEEN_BY.values() for path in paths)
PATIENT_MS = 60_000  # this is no test of how quick a machine is that does other things
FORMS = tuple("-".join(form) for form in itertools.product(SIZES, THEMES, LANGUAGES))


def name_of(path: str) -> str:
    """A file's name for a page."""
    return re.sub(r"[^A-Za-z0-9.-]+", "_", path).strip("_") or "home"


async def take(into: Path, paths: Sequence[str], forms: Sequence[str], done: Callable[[], None]) -> None:
    """Every page in every form; ``done`` after each picture."""
    with tempfile.TemporaryDirectory() as folder:
        async with chromium() as browser, staged(Path(folder) / "stage", browser) as stage:
            stage.wait_ms = PATIENT_MS
            await add_residents(stage)
            await reconciled_day(stage.house)
            for who, size, chosen in _sittings(paths, forms):
                page = await _page_of(stage, who, SIZES[size])
                for form in (one for one in forms if one.startswith(f"{size}-")):
                    await _take(stage, page, into / form, chosen, done)
                await page.context.close()


def _sittings(paths: Sequence[str], forms: Sequence[str]) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Who looks with what at which pages."""
    sizes = list(dict.fromkeys(form.partition("-")[0] for form in forms))
    for size, (who, theirs) in itertools.product(sizes, SEEN_BY.items()):
        if chosen := [path for path in theirs if path in paths]:
            yield who, size, chosen


async def _page_of(stage: Stage, who: str, size: ViewportSize) -> Page:
    return await stage.visitor(who, size) if who else await (await stage.context(size)).new_page()


async def _take(stage: Stage, page: Page, folder: Path, paths: Sequence[str], done: Callable[[], None]) -> None:
    _, theme, language = folder.name.split("-")
    for name, value in (("theme", theme), ("lang", language)):
        await page.context.add_cookies([{"name": name, "value": value, "url": stage.base}])
    folder.mkdir(parents=True, exist_ok=True)
    for path in paths:
        await page.goto(stage.base + path)
        await page.evaluate("document.fonts.ready.then(() => null)")
        await page.screenshot(path=folder / f"{name_of(path)}.png", full_page=True)
        done()


def leaf_through(paths: Sequence[str], forms: Sequence[str]) -> str:
    """A page of all of them, a row a screen."""

    def shown(path: str, form: str) -> str:
        file = f"{form}/{name_of(path)}.png"
        return f'<a href="{file}"><img loading="lazy" src="{file}" alt=""><br>{form}</a>'

    def row(path: str) -> str:
        return f"<h2>{html.escape(path)}</h2><p>{' '.join(shown(path, form) for form in forms)}</p>"

    look = "<style>img{height:420px;border:1px solid #888}a{display:inline-block;margin:4px}</style>"
    return f'<!doctype html><meta charset="utf-8"><title>Gatehouse</title>{look}{"".join(map(row, paths))}'


def main(
    only: Annotated[str, typer.Option(help="pages whose path holds this")] = "",
    form: Annotated[list[str] | None, typer.Option(help=f"one of {', '.join(FORMS)}; may be repeated")] = None,
    into: Annotated[Path, typer.Option(help="a folder; what was made there before is removed")] = Path("var/screens"),
) -> None:
    """Take pictures of the screens. Example: make screens ARGS="--only /alerts --form phone-dark-zh"."""
    paths = [path for path in EVERY if only in path]
    forms = [one for one in FORMS if not form or one in form]
    if not paths or not forms:
        raise typer.BadParameter(f"no page holds {only!r}" if not paths else f"no such form: {', '.join(form or ())}")
    if not CHROMIUM.exists() or not browser_files.is_current():
        raise typer.BadParameter(f"{CHROMIUM} or the browser's files are missing: run make screens, which gets them")
    for old in (into / one for one in FORMS):
        shutil.rmtree(old, ignore_errors=True)
    with Progress() as progress:
        task = progress.add_task("screens", total=len(paths) * len(forms))
        asyncio.run(take(into, paths, forms, lambda: progress.advance(task)))
    (into / "index.html").write_text(leaf_through(paths, forms), "utf-8")
    typer.echo(f"{len(paths) * len(forms)} pictures: {into / 'index.html'}")


if __name__ == "__main__":
    typer.run(main)
