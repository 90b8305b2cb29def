"""The public account in a real Chromium: two people publish a month, anyone reads it, and it prints on one sheet."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image
from playwright.async_api import Page, ViewportSize, expect

from server.store.engine import stamp
from server.store.schema import login
from server.store.scope import of_complexes
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here
from tests.server import rows
from tests.server.open_books import MONTH, PLATES, add_money, add_stays
from tests.server.rows import GARDEN

pytestmark = ON_STAGE
OPEN = f"/open/{GARDEN}"


async def _books(stage: Stage) -> None:
    """A month with money each day, many open items, many entries, and an account that lists masked plates."""
    house = stage.house
    await add_money(house)
    await add_stays(house)
    async with house.db.write() as connection:
        await rows.add_person(connection, "liu", "committee", of_complexes(GARDEN))
        await rows.add_many_entries(connection, house.now(), 14)


async def _verified(stage: Stage, name: str) -> Page:
    page = await stage.visitor(name, DESK)
    async with stage.house.db.write() as connection:
        await connection.execute(login.update().values(verified_at=stamp(stage.house.now())))
    return page


async def test_two_people_publish_and_anyone_reads_on_one_sheet(stage: Stage) -> None:
    await _books(stage)
    chen = await _verified(stage, "chen")
    await chen.goto(f"{stage.base}/complexes/{GARDEN}/account")
    for name in ("is_open", "shows_unpaid"):
        await chen.check(f"[name={name}]")
    await chen.click("button.primary")
    await chen.goto(f"{stage.base}/complexes/{GARDEN}/month/{MONTH}")
    await chen.click("text=定格并提交公布")
    await expect(chen.locator("#publication")).to_contain_text("等另一个人公布")
    assert await chen.locator("text=公布这个月").count() == 0  # not by the same person
    liu = await _verified(stage, "liu")
    await liu.goto(f"{stage.base}/complexes/{GARDEN}/month/{MONTH}")
    await liu.check("[name=nothing_personal]")
    await liu.click("text=公布这个月")
    await expect(liu.locator("#publication")).to_contain_text("已公布第 1 版")
    assert await faults_here(liu) == []
    quarter = f"/{MONTH[:4]}-Q{(int(MONTH[5:]) + 2) // 3}"
    await _read(stage, PHONE, "", "/revenue", "/poster", quarter)
    await _read(stage, DESK, f"/{MONTH}?lang=en")
    await _printed(stage)


async def _read(stage: Stage, size: ViewportSize, *paths: str) -> None:
    """Without a log-in and without scripts; every page passes axe."""
    context = await stage.browser.new_context(viewport=size, java_script_enabled=True)
    page = await context.new_page()
    for path in paths:
        await page.goto(f"{stage.base}{OPEN}{path}")
        assert await faults_here(page) == [], path
        content = await page.content()
        assert not any(plate in content for plate in PLATES)
    await page.goto(f"{stage.base}{OPEN}/{MONTH}")
    await expect(page.locator("main")).to_contain_text("停车付得起安保的 144%")
    await context.close()
    plain = await stage.browser.new_context(java_script_enabled=False)
    page = await plain.new_page()
    await page.goto(f"{stage.base}{OPEN}")
    await page.click(f".paper-nav >> text={MONTH}")
    await expect(page.locator("h1")).to_contain_text(MONTH)
    await plain.close()


async def _printed(stage: Stage) -> None:
    """One sheet of A4 each, in both languages; the code on the poster leads to the account."""
    page = await (await stage.context(DESK)).new_page()
    for path in (f"{OPEN}/{MONTH}", f"{OPEN}/{MONTH}?lang=en", f"{OPEN}/poster"):
        await page.goto(stage.base + path)
        assert _sheets(await page.pdf(prefer_css_page_size=True)) == 1, path
    await page.goto(f"{stage.base}{OPEN}/poster")
    shown = await page.locator("figure.qr-box").screenshot()
    (code,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(shown)))
    assert code.text == f"{stage.base}{OPEN}"
    chen = await _verified(stage, "chen")
    await chen.goto(f"{stage.base}/complexes/{GARDEN}/month/{MONTH}")
    assert _sheets(await chen.pdf(prefer_css_page_size=True)) == 1
    # The positive control: without the stylesheet of papers the same page is longer.
    await page.goto(f"{stage.base}{OPEN}/{MONTH}")
    await page.evaluate("document.querySelectorAll('link[media=print]').forEach((link) => link.remove())")
    assert _sheets(await page.pdf(format="A4")) > 1


def _sheets(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") or pdf.count(b"/Type /Page ") or pdf.count(b"/Type/Page/")
