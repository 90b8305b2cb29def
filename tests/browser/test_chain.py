"""The whole chain in real processes, to a real Chromium: a camera's MQTT messages, the agent, the centre, the patrol's
screen with the alert and its picture. How long it takes is measured by ``benchmarks/chain.py``; here it must arrive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import expect

from simulators.broker import NatsBroker
from simulators.devices import frigate
from simulators.load import publish
from simulators.products import ask
from tests.browser.stage import NEEDS, PHONE, chromium, is_live
from tests.rig import COMPLEX, Rig
from tests.server import rows

pytestmark = NEEDS
YARD = '\n[[devices]]\nid = "frigate:yard"\nplace = "北围墙"\nzone = "restricted"\n'


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path, NatsBroker(), extra_edge=YARD)
    try:
        await made.start_all()
        told = ("patrol", "--complex", COMPLEX, "--data", str(made.server_folder))
        made.account = await ask("gatehouse-server", "add-account", *told)
        yield made
    finally:
        made.stop_all()


async def test_a_person_at_the_fence_stands_on_the_patrols_screen_with_a_picture(site: Rig) -> None:
    async with chromium() as browser:
        page = await (await browser.new_context(viewport=PHONE, is_mobile=True, has_touch=True)).new_page()
        await page.goto(f"{site.url}/login")
        await page.fill("[name=username]", site.account["username"])
        await page.fill("[name=password]", site.account["password"])
        await page.click("button.primary")
        await is_live(page)
        assert await page.locator(".card").count() == 0
        at = datetime.now(UTC)
        seen = frigate.Tracked(camera="yard", label="person", started_at=at, suffix="abcdef", score=0.93)
        told = [frigate.event("new", seen, seen), frigate.snapshot("yard", "person", rows.picture("#224466", "north"))]
        await publish("127.0.0.1", site.broker.port, [(one.topic, one.payload) for one in told], connections=1)
        card = page.locator('[data-section="open"] .card')
        await expect(card).to_contain_text("北围墙")
        await expect(card).to_contain_text("夜间有人进入")
        await expect(card.locator("img")).to_be_visible()
        assert await card.locator("img").evaluate("async (one) => (await one.decode(), one.naturalWidth)") > 0
