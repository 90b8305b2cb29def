"""A month of a complex, full of everything, prints on one sheet of A4, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.store import schema
from tests.browser.stage import DESK, ON_STAGE, Stage
from tests.server import rows

pytestmark = ON_STAGE
MONTH = "/alerts/month/garden/2026-03"


def sheets(pdf: bytes) -> int:
    return pdf.count(b"/Type /Page\n") or pdf.count(b"/Type /Page ") or pdf.count(b"/Type/Page/")


async def fill(stage: Stage) -> None:
    """Every cell of every table is a large number; sources have long names."""
    at = datetime(2026, 3, 9, tzinfo=UTC)
    async with stage.house.db.write() as connection:
        for number in range(400):
            said = {"category": ("security", "fire", "safety", "device")[number % 4], "rule": "alarm_fire_system_fault"}
            said |= {"severity": ("critical", "high", "medium", "low")[number // 4 % 4]}
            device = f"hikvision:a-camera-with-a-long-name-{number % 12}@the-northern-gate-behind-the-kindergarten"
            when = at + timedelta(minutes=number)
            await rows.insert(
                connection, schema.alert, rows.alert_row(f"m{number}", device=device, occurred_at=when, **said)
            )


async def test_it_prints_on_one_sheet(stage: Stage) -> None:
    await fill(stage)
    page = await stage.visitor("li", DESK)
    for language in ("zh", "en"):
        await page.goto(f"{stage.base}/lang/{language}")
        await page.goto(stage.base + MONTH)
        assert sheets(await page.pdf(prefer_css_page_size=True)) == 1, language
        assert await page.locator("text=400").count() > 0
    # The positive control: without the stylesheet of papers the same page is longer.
    await page.evaluate("document.querySelectorAll('link[media=print]').forEach((link) => link.remove())")
    assert sheets(await page.pdf(format="A4")) > 1
