"""A zone drawn with the mouse in a real Chromium, and a real agent's desired state that takes it, or refuses it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from domain.desired import FORMS
from edge.control.desired import DesiredState
from server.desired import Asked
from server.gateway_auth import Gateway
from server.store import camera_rows
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.browser.test_axe import faults_here
from tests.browser.test_day_close import set_up_second_factor
from tests.edge.control_bench import ControlBench, control_bench
from tests.server import rows
from tests.server.camera_rows import CAMERA, list_camera

pytestmark = ON_STAGE
PATH = "/complexes/garden/cameras/one?device=camera:north"
GATEWAY = Gateway("gw-0a1b2c3d4e5f", "garden")


async def pulled(stage: Stage, desired: DesiredState) -> None:
    """What the agent's pull does: its own desired state asks this centre, and says what it made of it."""
    while True:
        applied, refused = dict(desired.in_force.versions), list(desired.refused.values())
        asked = Asked(desired.known, applied, refused, [], dict(FORMS), 1.0)
        wishes = await stage.house.desired.poll(GATEWAY, asked)
        await desired.apply(wishes.documents)


@asynccontextmanager
async def agent(stage: Stage, folder: Path) -> AsyncIterator[ControlBench]:
    """A gateway's own control on its own store."""
    async with control_bench(folder) as here:
        tasks = [asyncio.create_task(stage.house.desired.run()), asyncio.create_task(pulled(stage, here.desired))]
        try:
            yield here
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def begin(page: Page, stage: Stage) -> None:
    """The camera's page, with the second factor that saving wants."""
    await page.goto(stage.base + PATH)
    await page.get_by_role("link", name="设置第二验证").click()
    await set_up_second_factor(page, stage)
    await page.goto(stage.base + PATH)


async def spot(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a share of the picture is on the screen."""
    await page.locator("#camera-sheet").scroll_into_view_if_needed()
    box = await page.locator("#camera-over").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * x, box["y"] + box["height"] * y


async def click_at(page: Page, *spots: tuple[float, float]) -> None:
    for x, y in spots:
        await page.mouse.click(*await spot(page, x, y))


def points(page: Page) -> Locator:
    return page.locator("#shape-rows .shape-points").last


async def numbers(page: Page) -> list[list[float]]:
    return [[float(part) for part in pair.split(",")] for pair in (await points(page).input_value()).split()]


async def save(page: Page, why: str) -> None:
    await page.fill('#camera-form [name="reason"]', why)
    await page.get_by_role("button", name="保存并下发").click()


async def scene(here: ControlBench, version: int) -> Any:
    async with asyncio.timeout(20):
        while here.desired.in_force.versions.get("scenes", 0) < version:
            await asyncio.sleep(0.05)
    return here.desired.in_force.scenes.cameras.get(CAMERA)


async def test_a_zone_drawn_with_the_mouse_is_taken_by_an_agent(stage: Stage, tmp_path: Path) -> None:
    await list_camera(stage.house, str(tmp_path / "north.avi"))
    page = await stage.visitor("wang", DESK)
    await begin(page, stage)
    async with agent(stage, tmp_path) as here:
        await page.get_by_role("button", name="加隐私遮挡").click()
        await click_at(page, (0.7, 0.1), (0.9, 0.1), (0.9, 0.3))
        assert len(await numbers(page)) == 3
        await page.mouse.move(*await spot(page, 0.9, 0.3))
        await page.mouse.down()
        await page.mouse.move(*await spot(page, 0.8, 0.4), steps=4)
        await page.mouse.up()
        drawn = await numbers(page)
        assert abs(drawn[2][0] - 800) <= 5 and abs(drawn[2][1] - 400) <= 5, "dragged, not added"
        for key in ("ArrowLeft", "Shift+ArrowUp"):
            await page.keyboard.press(key)
        moved = await numbers(page)
        assert moved[2] == [drawn[2][0] - 5, drawn[2][1] - 50]
        await save(page, "遮住窗户")
        taken = await scene(here, 1)
        assert [[round(x * 1_000), round(y * 1_000)] for x, y in taken.masks[0]] == moved
        await expect(page.locator("#camera-state")).to_contain_text("已收下")
        assert await faults_here(page) == []
        await _a_zone_and_its_rule(page, here)


async def _a_zone_and_its_rule(page: Page, here: ControlBench) -> None:
    """The agent has no network: it refuses what asks for persons, with its place, and the page shows it."""
    await page.get_by_role("button", name="加区域").click()
    await click_at(page, (0.1, 0.5), (0.5, 0.5), (0.5, 0.9))
    await page.keyboard.press("Delete")
    assert len(await numbers(page)) == 2
    await click_at(page, (0.5, 0.9), (0.2, 0.9))
    assert len(await numbers(page)) == 4
    await page.select_option("#add-rule", "person_in_zone")
    await page.get_by_role("button", name="加上").click()
    await page.fill('[name="rule-0-zone"]', "restricted")
    await save(page, "夜里不许进")
    state = page.locator("#camera-state")
    await expect(state).to_contain_text("网关拒绝了")
    await expect(state).to_contain_text(f"{CAMERA}: rules: ")
    assert here.desired.in_force.versions["scenes"] == 1, "the mask goes on hiding"
    assert await faults_here(page) == []


async def test_a_finger_and_keys_draw_on_a_phone(stage: Stage) -> None:
    await list_camera(stage.house)
    page = await stage.visitor("wang", PHONE)
    await begin(page, stage)
    await page.get_by_role("button", name="加线").click()
    await page.get_by_role("button", name="加一个点").click()
    await expect(page.locator(".handle")).to_be_focused()
    await page.keyboard.press("Shift+ArrowLeft")
    await page.locator("#camera-over").scroll_into_view_if_needed()
    await page.touchscreen.tap(*await spot(page, 0.8, 0.8))
    drawn = await numbers(page)
    assert drawn[0] == [450, 500] and len(drawn) == 2
    await page.touchscreen.tap(*await spot(page, 0.2, 0.2))
    assert len(await numbers(page)) == 2, "a line has two points"
    await save(page, "数车")
    await expect(page.locator(".camera-changes")).to_contain_text("数车")
    async with stage.house.db.read() as connection:
        entries = (await camera_rows.current(connection, rows.GARDEN)).cameras
    assert entries[CAMERA]["lines"]["gate"][0] == [0.45, 0.5]
    assert await faults_here(page) == []


async def test_without_the_pull_nothing_is_taken(stage: Stage) -> None:
    """The positive control: the page says that it was sent, and not that it was taken."""
    await list_camera(stage.house)
    page = await stage.visitor("wang", DESK)
    await begin(page, stage)
    await page.get_by_role("button", name="加隐私遮挡").click()
    await click_at(page, (0.7, 0.1), (0.9, 0.1), (0.9, 0.3))
    await save(page, "试")
    await expect(page.locator("#camera-state")).to_contain_text("还没有收下")
    with pytest.raises(AssertionError):
        await expect(page.locator("#camera-state")).to_contain_text("已收下", timeout=2_000)
