"""One's own channels: by what, in which order and from how bad on somebody is told; quiet hours, browsers, a test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import msgspec
from fastapi import APIRouter, HTTPException, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from domain.alerts.words import SEVERITIES
from domain.delivery import MEANS, MOST_AN_HOUR, SCREEN, Means
from domain.places import BadHours, hours
from server.api.who import Anyone
from server.audit import Subject, record
from server.auth import Form, Person, field
from server.channels.browsers import digest
from server.channels.channel import NotSent
from server.channels.people import browsers_of
from server.channels.settings import WebPush, means_of
from server.house import House
from server.store import person_channel_rows
from server.store.person_channel_rows import BrowserRow, Chosen, Habits
from server.store.scope import complexes_in
from server.web.answers import house_of, page, see
from server.web.channel_titles import channel_title
from server.web.languages import N_
from server.web.notice_words import Words

router = APIRouter(prefix="/me/channels")

_HERE = "/me/channels"
_TEST_AGAIN = timedelta(minutes=1)  # others read it too, and an SMS costs money
_MOST_NAME_SIGNS = 120
_ADDRESSES = {
    "phone": re.compile(r"\+?[0-9][0-9 -]{4,19}"),
    "robot": re.compile(r"(\+?[0-9][0-9 -]{4,19})?"),
    "email": re.compile(r"[^@\s,;<>]{1,64}@[A-Za-z0-9.-]{1,180}"),
}
_WRONG = {
    "address": N_("号码或地址的写法不对，没有保存。"),
    "hours": N_("时间要写成 22:00 这样，没有保存。"),
    "soon": N_("刚刚试过，请过一分钟再试。"),
    "browser": N_("这个浏览器不能用于推送，没有添加。"),
    "no_browser": N_("还没有添加浏览器。"),
}


class Offer(msgspec.Struct, frozen=True):
    """A channel that somebody may use, and how they set it."""

    channel: str
    title: str
    means: Means
    chosen: Chosen


@router.get("")
async def mine(request: Request, person: Anyone, wrong: str = "") -> Response:
    """What there is, in my order."""
    return await _page(request, person, wrong)


async def _page(request: Request, person: Person, wrong: str = "", said: tuple[str, str] | None = None) -> Response:
    """``said``: what came of a test, as a word of `delivery` and one of `not_sent`."""
    house = house_of(request)
    async with house.db.read() as connection:
        offers = await _offers(connection, house, person)
        habits = await person_channel_rows.habits(connection, person.id)
        browsers = await person_channel_rows.browsers(connection, person.id)
    push = house.channels.browser_push
    answer = page(
        request,
        person,
        "my_channels.html",
        offers=offers,
        habits=habits,
        browsers=browsers,
        push_key=push[1].public_key if push else "",
        severities=SEVERITIES,
        most=MOST_AN_HOUR,
        wrong=_WRONG.get(wrong, ""),
        said=said,
    )
    answer.status_code = 422 if wrong and request.method == "POST" else 200
    return answer


async def _offers(connection: AsyncConnection, house: House, person: Person) -> list[Offer]:
    """Mine in my order, then those I have not set; those of complexes that I do not see are none of mine."""
    reached = await complexes_in(connection, person.scope)
    wanted = {one.channel: one for one in await person_channel_rows.chosen(connection, person.id)}
    kinds: dict[str, Means] = {SCREEN: SCREEN}
    for name, one in house.channels.named.items():
        if reached is None or not one.complexes or reached & set(one.complexes):
            kinds[name] = means_of(one)
    usual = sorted(kinds, key=lambda name: MEANS.index(kinds[name]))
    names = [name for name in wanted if name in kinds] + [name for name in usual if name not in wanted]
    is_new = not wanted

    def chosen(rank: int, name: str) -> Chosen:
        default = Chosen(name, rank, is_new and kinds[name] not in ("phone", "email"), "low", "")
        return msgspec.structs.replace(wanted.get(name, default), rank=rank)

    return [
        Offer(name, channel_title(house.channels, name), kinds[name], chosen(rank, name))
        for rank, name in enumerate(names)
    ]


@router.post("")
async def change(request: Request, person: Anyone, form: Form) -> Response:
    """One channel: whether, from how bad on, and to which number or address."""
    house, name = house_of(request), field(form, "channel", 32)
    least, address = field(form, "least", 16), field(form, "address", 250)
    if least not in SEVERITIES:
        raise HTTPException(422, "no such severity")
    async with house.db.write() as connection:
        offers = await _offers(connection, house, person)
        one = _named(offers, name)
        is_on = bool(field(form, "on", 3))
        if not _fits(one.means, address, is_on=is_on):
            return see(f"{_HERE}?wrong=address")
        wanted = Chosen(name, one.chosen.rank, is_on, least, address)
        rows = [wanted if offer.channel == name else offer.chosen for offer in offers]
        await person_channel_rows.choose(connection, person.id, rows)
        _note(connection, person, house, {"channel": name, "on": is_on, "least": least})
    return see(_HERE)


def _fits(means: Means, address: str, *, is_on: bool) -> bool:
    """Who is not told by it need give no number."""
    if means not in _ADDRESSES:
        return not address
    return bool(_ADDRESSES[means].fullmatch(address)) or not (address or is_on)


@router.post("/move")
async def move(request: Request, person: Anyone, form: Form) -> Response:
    """One place up: it is tried earlier."""
    house, name = house_of(request), field(form, "channel", 32)
    async with house.db.write() as connection:
        offers = await _offers(connection, house, person)
        at = offers.index(_named(offers, name))
        order = [offer.chosen for offer in offers]
        order[max(0, at - 1)], order[at] = order[at], order[max(0, at - 1)]
        rows = [msgspec.structs.replace(one, rank=rank) for rank, one in enumerate(order)]
        await person_channel_rows.choose(connection, person.id, rows)
        _note(connection, person, house, {"order": [one.channel for one in rows]})
    return see(_HERE)


@router.post("/hours")
async def set_hours(request: Request, person: Anyone, form: Form) -> Response:
    """When I sleep, and the language of what I am told: the one that I have now."""
    house, begins, ends = house_of(request), field(form, "from", 5), field(form, "to", 5)
    try:
        if begins or ends:
            hours(begins, ends)
    except BadHours:
        return see(f"{_HERE}?wrong=hours")
    async with house.db.write() as connection:
        before = await person_channel_rows.habits(connection, person.id)
        after = Habits(begins, ends, person.lang, before.tested_at)
        await person_channel_rows.set_habits(connection, person.id, after)
        _note(connection, person, house, {"quiet": f"{begins}-{ends}", "lang": person.lang})
    return see(_HERE)


@router.post("/test")
async def test(request: Request, person: Anyone, form: Form) -> Response:
    """Send something to myself by one channel, and see what came of it."""
    house, name, now = house_of(request), field(form, "channel", 32), house_of(request).now()
    async with house.db.write() as connection:
        one = _named(await _offers(connection, house, person), name)
        habits = await person_channel_rows.habits(connection, person.id)
        if one.means == SCREEN:
            raise HTTPException(422, "a screen shows by itself whether it is open")
        if habits.tested_at is not None and timedelta() <= now - habits.tested_at < _TEST_AGAIN:
            return see(f"{_HERE}?wrong=soon")
        tested = msgspec.structs.replace(habits, tested_at=now, lang=person.lang)
        await person_channel_rows.set_habits(connection, person.id, tested)
        record(connection, person.actor, "channel.tested", now, on=Subject("channel", name))
        to = await browsers_of(connection, person.id) if one.means == "web_push" else (one.chosen.address,)
    if not to or (one.means in ("phone", "email") and not to[0]):
        return see(f"{_HERE}?wrong={'no_browser' if one.means == 'web_push' else 'address'}")
    return await _page(request, person, said=await _sent(house, person, name, to))


async def _sent(house: House, person: Person, name: str, addresses: Sequence[str]) -> tuple[str, str]:
    words = Words(person.lang, house.config.public_url)
    failure = ""
    for to in addresses:
        key = f"test/{person.username}/{house.now().timestamp():.0f}"
        try:
            await house.channels.send(name, words.test(to, key, person.username))
        except NotSent as error:
            failure = error.why
        else:
            return "sent", ""
    return "failed", failure


@router.post("/browsers")
async def add_browser(request: Request, person: Anyone, form: Form) -> Response:
    """The browser that I am at, by what it gave for pushes."""
    from server.channels.web_push import BadBrowser, Browser, check

    house, now = house_of(request), house_of(request).now()
    push = house.channels.browser_push
    settings = house.channels.named[push[0]] if push else None
    browser = Browser(field(form, "endpoint", 2_000), field(form, "p256dh", 200), field(form, "auth", 100))
    try:
        if not isinstance(settings, WebPush):
            raise HTTPException(409, "web push is not set up here")
        check(browser, settings.services)
    except BadBrowser as error:
        raise HTTPException(422, str(error)) from error
    name = request.headers.get("user-agent", "")[:_MOST_NAME_SIGNS]
    row = BrowserRow(digest(browser.endpoint), browser.endpoint, browser.p256dh, browser.auth, name, now)
    async with house.db.write() as connection:
        await person_channel_rows.add_browser(connection, person.id, row)
        record(connection, person.actor, "browser.added", now, on=Subject("browser", row.digest[:12]))
    return see(_HERE)


@router.post("/browsers/remove")
async def remove_browser(request: Request, person: Anyone, form: Form) -> Response:
    """One of mine; one that is gone already is gone."""
    house, name = house_of(request), field(form, "browser", 64)
    async with house.db.write() as connection:
        if await person_channel_rows.remove_browser(connection, name, person.id):
            record(connection, person.actor, "browser.removed", house.now(), on=Subject("browser", name[:12]))
    return see(_HERE)


def _named(offers: Sequence[Offer], name: str) -> Offer:
    found = next((one for one in offers if one.channel == name), None)
    if found is None:
        raise HTTPException(404, "no such channel")
    return found


def _note(connection: AsyncConnection, person: Person, house: House, details: dict[str, object]) -> None:
    on = Subject("account", person.username)
    record(connection, person.actor, "channels.changed", house.now(), on=on, details=details)
