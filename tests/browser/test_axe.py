"""Every screen by axe-core, by a ruler for gloved fingers, and for pages that scroll sideways."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, Response, ViewportSize

from server.store import access_rows, coupon_issuers, found_rows, platform_rows, schema
from server.store.platform_rows import Platform
from server.store.scope import of_complexes
from server.store.visitor_rows import digest_of_token
from tests.browser.stage import DESK, ON_STAGE, PHONE, Stage
from tests.server import rows
from tests.server.bill_store import reconciled_day
from tests.server.camera_rows import add_camera
from tests.server.scoped_people import add_areas

pytestmark = [*ON_STAGE, pytest.mark.long]
TOKEN = "a-token-of-a-visitor-link"  # pragma: allowlist secret
LOWER = Platform(id="p3", name="市局", kind="gb28181", address="sip://192.0.2.1", settings={})
PATHS = (
    "/",
    "/alerts",
    "/alerts?complex=garden&category=security&since=2020-01-01",
    "/alerts/noise",
    "/alerts/month",
    "/alerts/month/garden/2026-10",
    "/overview",
    "/alerts/a1",
    "/alerts/s1",
    "/board",
    "/duty/garden",
    "/duty/garden/plan",
    "/items",
    "/items?list=task",
    "/items/i1",
    "/items/i2",
    "/items/new",
    "/items/new?alert=a2",
    "/items/figures",
    "/items/codes/garden",
    "/rules/garden",
    "/rules/garden/copy",
    "/silences",
    "/silences/new",
    "/silences/new?complex=garden",
    "/silences/new?alert=a2",
    "/rounds/garden",
    "/rounds/garden/plan",
    "/rounds/garden/walk",
    "/rounds/garden/labels",
    "/rounds/garden/history",
    "/parking",
    "/parking/sessions",
    "/parking/sessions/garden/5e1",
    "/parking/charges",
    "/parking/passes?what=all",
    "/parking/coupons",
    "/parking/unread",
    "/parking/payments",
    "/parking/payments/garden/PKGARDEN1",
    "/parking/refunds",
    "/parking/debts?complex=garden",
    "/parking/ledger",
    "/parking/desk/shifts",
    "/parking/desk/garden/receipts/1",
    "/parking/codes/garden",
    "/parking/bills/garden/2026-11-20",
    "/parking/days?complex=garden&month=2026-11",
    "/parking/days/garden/2026-11-20",
    "/parking/days/garden/2026-11-20/item?channel=wechat&key=PK2611200006",
    "/parking/open",
    "/parking/charging",
    "/parking/doubtful",
    "/parking/openings",
    "/parking/gate",
    "/doors",
    "/gateways",
    "/gateways/gw-0a1b2c3d4e5f",
    "/gateways/rollouts",
    "/gateways/rollouts/new",
    "/gateways/new",
    "/retrievals",
    "/retrievals/v1",
    "/filing",
    "/filing/garden",
    "/platforms",
    "/platforms/p1",
    "/platforms/p3/settings",
    "/platforms/p1/days/2026-11-27",
    "/gateways/readers",
    "/retention",
    "/gateways/refusals",
    "/gateways/refusals/1",
    "/gateways/gw-0a1b2c3d4e5f/conservation",
    "/residents",
    "/residents/h1",
    "/residents/h1/swipe",
    "/residents/access/garden",
    "/residents/import/garden",
    "/doors/one?complex=garden&device=uhppoted:405419896&point=door/1",
    "/complexes/garden/plan",
    "/complexes/garden/plan?edit=1",
    "/places",
    "/places/areas/c1",
    "/places/complexes/garden",
    "/places/complexes/garden/move?to=c2",
    "/places/import",
    "/complexes/garden/devices",
    "/complexes/garden/devices/new",
    "/complexes/garden/devices/one?device=uhppote:405419896",
    "/complexes/garden/devices/change?device=uhppote:405419896",
    "/complexes/garden/devices/import",
    "/complexes/garden/cameras",
    "/complexes/garden/cameras/one?device=camera:north",
    "/complexes/garden/tariff",
    "/complexes/garden/tariff/1",
    "/complexes/garden/tariff/compare",
    "/complexes/garden/revenue",
    "/complexes/garden/revenue/new?side=spending",
    "/complexes/garden/revenue/1",
    "/complexes/garden/month/2026-10",
    "/complexes/garden/account",
    "/parking/accounts",
    "/accounts",
    "/accounts/2",
    "/me",
    "/me/channels",
    "/me/second-factor",
    "/offline",
    "/nothing",
)
# Pages of others: by whom, who alone may see them.
OF_OTHERS = {
    "lin": ("/care", "/care/new?complex=garden", "/care/w1"),
    "wu": ("/watch", f"/watch/garden/{rows.WATCH_ENTRY}", f"/watch/hits/garden/{rows.WATCH_HIT}"),
}
OPEN = (
    "/login",
    f"/receipt/{rows.RECEIPT}",
    "/receipt/none",
    f"/snap/{rows.SNAP}",
    "/snap/none",
    "/snap/status",
    f"/snap/status/{rows.REPORT}",
    f"/care/family/{TOKEN}",
    f"/coupons/{TOKEN}",
    f"/visit/{TOKEN}",
)
GONE = {"/nothing": 404, "/receipt/none": 404, "/snap/none": 410}


class Look(NamedTuple):
    """How pages are looked at; their colours and words are those of one style and one book at every size."""

    size: ViewportSize
    theme: str
    language: str


LOOKS = (Look(PHONE, "dark", "zh"), Look(DESK, "light", "en"))
PARTS = 4  # which several processes share
by_look = pytest.mark.parametrize("look", LOOKS, ids=["phone-dark-zh", "desk-light-en"])


@by_look
@pytest.mark.parametrize("part", range(PARTS))
async def test_axe_finds_nothing_serious_and_targets_fit_a_glove(stage: Stage, look: Look, part: int) -> None:
    await _fill(stage)
    page = await _seen_as(stage, look, await stage.visitor("wang", look.size))
    found = {path: await _faults(page, stage.base, path) for path in PATHS[part::PARTS]}
    assert {path: faults for path, faults in found.items() if faults} == {}


@by_look
async def test_axe_finds_nothing_serious_on_pages_of_others_and_of_everyone(stage: Stage, look: Look) -> None:
    await _fill(stage)
    found: dict[str, list[str]] = {}
    for who, paths in OF_OTHERS.items():
        other = await _seen_as(stage, look, await stage.visitor(who, look.size))
        found |= {path: await _faults(other, stage.base, path) for path in paths}
    open_page = await _seen_as(stage, look, await (await stage.context(look.size)).new_page())
    found |= {path: await _faults(open_page, stage.base, path) for path in OPEN}
    await open_page.goto(f"{stage.base}/coupons/{TOKEN}")
    await open_page.fill("input[name=plate]", "C88888")
    await open_page.click("button.primary")
    await open_page.wait_for_selector("select[name=allotment]")
    found["/coupons, a car"] = await faults_here(open_page)
    await open_page.click("section.panel button.primary")
    await open_page.wait_for_selector("form[action$=undo]")
    found["/coupons, given"] = await faults_here(open_page)
    await open_page.goto(f"{stage.base}/visit/{TOKEN}")
    await open_page.click("button.primary")
    await open_page.wait_for_selector("svg.qr")
    found["/visit/pass"] = await faults_here(open_page)
    assert {path: faults for path, faults in found.items() if faults} == {}


@pytest.mark.parametrize("part", range(2))
async def test_no_page_fails_or_scrolls_sideways_in_english_whose_words_are_longer(stage: Stage, part: int) -> None:
    """On a phone: at a desk axe's look is an English one, and a ruler's too."""
    await _fill(stage)
    page = await _seen_as(stage, Look(PHONE, "dark", "en"), await stage.visitor("wang"))
    found = {path: await _as_it_lies(page, stage.base, path) for path in PATHS[part::2]}
    assert {path: faults for path, faults in found.items() if faults} == {}


async def _fill(stage: Stage) -> None:
    await add_residents(stage)
    await reconciled_day(stage.house)


async def _seen_as(stage: Stage, look: Look, page: Page) -> Page:
    for name, value in (("theme", look.theme), ("lang", look.language)):
        await page.context.add_cookies([{"name": name, "value": value, "url": stage.base}])
    return page


async def _as_it_lies(page: Page, base: str, path: str) -> list[str]:
    """An answer that proves nothing; a page wider than the window, and buttons whose words do not fit."""
    return [*_failed(await page.goto(base + path), path), *await _not_fitting(page)]


def _failed(answer: Response | None, path: str) -> list[str]:
    """A page that is not there proves nothing, unless it is to be that."""
    status = answer.status if answer else 0
    return [] if status == GONE.get(path, 200) else [f"answered {status}"]


async def _not_fitting(page: Page) -> list[str]:
    wide = ["scrolls sideways"] if await page.evaluate(_SIDEWAYS) else []
    return [*wide, *await page.evaluate(_CUT_OFF)]


async def add_residents(stage: Stage) -> None:
    """A household with one of each, and a link for its visitors; a group, a schedule; a device that was found."""
    async with stage.house.db.write() as connection:
        await add_areas(connection)
        await rows.add_household(connection, stage.house.now())
        await rows.add_matter(connection, "a1", stage.house.now())
        await rows.add_rota(connection, stage.house.now())
        await rows.add_items(connection, stage.house.now())
        await rows.add_rounds(connection, stage.house.now())
        await rows.add_care(connection, stage.house.now(), TOKEN)
        await rows.add_person(connection, "lin", "grid_worker", of_complexes("garden"))
        await rows.add_person(connection, "wu", "security_officer", of_complexes("garden"))
        await rows.add_payments(connection, stage.house.now())
        await rows.add_revenue(connection, stage.house.now())
        await rows.add_platform(connection, stage.house.now())
        await platform_rows.add(connection, LOWER)
        await rows.add_coupons(connection, stage.house.now(), "shop", coupon_issuers.digest_of(TOKEN))
        link = schema.visitor_link.update().where(schema.visitor_link.c.id == "l1")
        await connection.execute(link.values(digest=digest_of_token(TOKEN)))
        await access_rows.put_schedule(connection, "garden", "白天", {"mon": "08:00-18:00"})
        await access_rows.put_group(connection, "garden", "楼门", "uhppoted:405419896 door/1", "白天")
        found = {"id": "hikvision:00005e005351", "seen_at": "2026-03-01T00:00:00Z", "by": ["onvif"], "exact": False}
        await found_rows.keep(connection, "gw-0a1b2c3d4e5f", found_rows.told_in({"found": [found]}) or [])
    await rows.add_watch(stage.house, "garden", "wu")
    await rows.add_devices(stage.house)
    await add_camera(stage.house)
    await rows.add_tariff(stage.house)


async def test_axe_sees_what_is_wrong(stage: Stage) -> None:
    """The positive control: a grey text on grey and a button without a name are found."""
    page = await stage.visitor("wang")
    await page.evaluate(
        """const box = document.createElement('div');
        box.innerHTML = '<button class="icon-button"></button><p class="x">grey</p>';
        document.querySelector('main').append(box);
        document.querySelector('.x').style.color = '#333';"""
    )
    assert {"button-name", "color-contrast"} <= set(await _axe(page))
    await page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<p style=\"top:0\">x</p>')")
    assert any("top:0" in found for found in await page.evaluate(_INLINE))
    assert any("Content Security Policy" in said for said in stage.complaints)
    stage.complaints.clear()


_SMALL_TARGETS = """() => [...document.querySelectorAll(
    'button, a.button, select, input:not([type=hidden]), summary, nav a')]
  .filter((item) => item.checkVisibility({visibilityProperty: true}) && !item.closest('.sr-only'))
  .map((item) => [item.outerHTML.slice(0, 90), item.getBoundingClientRect()])
  .filter(([, box]) => box.height > 0 && (box.height < 47.5 || box.width < 47.5))
  .map(([html, box]) => `${Math.round(box.width)}x${Math.round(box.height)} ${html}`)"""
_CUT_OFF = """() => [...document.querySelectorAll('main button, main a.button')]
  .filter((item) => item.checkVisibility({visibilityProperty: true}))
  .filter((item) => item.scrollWidth > item.clientWidth + 1)
  .map((item) => `cut off: ${item.textContent.trim().slice(0, 40)}`)"""
_SIDEWAYS = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"


# Our policy lets no such thing run; here it is not even there. What scripts set by the style's own object is no text.
_INLINE = """() => [...document.querySelectorAll(
    'script:not([src]):not([type="application/json"]), style, [style], [onclick], [onload], [onerror], [onsubmit]')]
  .map((item) => `inline: ${item.outerHTML.slice(0, 90)}`)"""


async def _faults(page: Page, base: str, path: str) -> list[str]:
    """What axe calls serious or critical, controls below 48 px, what does not fit, and what is inline."""
    answer = await page.goto(base + path)
    policy = answer.headers.get("content-security-policy", "") if answer else ""
    framed = [] if "frame-ancestors 'none'" in policy and "unsafe" not in policy else [f"policy: {policy}"]
    return [*_failed(answer, path), *framed, *await page.evaluate(_INLINE), *await faults_here(page)]


async def faults_here(page: Page) -> list[str]:
    """The same, of the page as it stands."""
    return [*await _axe(page), *await page.evaluate(_SMALL_TARGETS), *await _not_fitting(page)]


async def _axe(page: Page) -> list[str]:
    results = await Axe().run(page, options={"resultTypes": ["violations", "incomplete"]})
    serious = [found for found in results.response["violations"] if found["impact"] in ("serious", "critical")]
    unsure = [node for found in results.response["incomplete"] for node in found["nodes"]]
    return [found["id"] for found in serious] + [f"unseen: {node['html']}" for node in unsure if _unseen(node)]


def _unseen(node: Any) -> bool:
    """Words of the colour of their ground. axe leaves them to a person: they may be hidden on purpose."""
    return any((check["data"] or {}).get("messageKey") == "equalRatio" for check in node["any"])
