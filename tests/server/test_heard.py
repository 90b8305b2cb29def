"""What phones sound for is what the ladder asks people about: a card says why it is quiet, and as what it is heard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import delete

from domain.alerts.noise import Judged, Source
from domain.events import Event
from domain.places import Place, hours
from server.duty.duties import Duties
from server.store import alert_views, schema, silence_rows
from server.store.alert_views import AlertView
from server.store.scope import CITY
from server.web.render import render
from tests.server import rows
from tests.server.engines import Engine
from tests.server.test_ladder import Site, open_site

DOOR = "3号楼东门"


@pytest.fixture
async def site(tmp_path: Path, engine: Engine) -> AsyncIterator[Site]:
    async with open_site(tmp_path, engine) as made:
        yield made


async def tell(site: Site, **event: Any) -> str:
    """A fact, and its alert; before it nothing was said to screens."""
    known = {row["id"] for row in await site.rows(schema.duty_alert)}
    async with site.db.write() as connection:
        await connection.execute(delete(schema.live))
    await site.tell(site.fact(Event(time=site.now, recorded_at=site.now, **event)))
    (new,) = {row["id"] for row in await site.rows(schema.duty_alert)} - known
    return new


async def fire(site: Site, place: str = DOOR) -> str:
    return await tell(site, kind="alarm", alarm="fire", state="active", device=f"z2m:{place}", place=place)


async def forced(site: Site, place: str = DOOR) -> str:
    return await tell(site, kind="door", state="forced_open", device=f"uhppoted:{place}", point="1", place=place)


async def view(site: Site, alert: str) -> AlertView:
    async with site.db.read() as connection:
        found = await alert_views.one(connection, CITY, alert)
    assert found is not None
    return found


async def said_anew(site: Site) -> list[str]:
    return [row["ref"] for row in await site.rows(schema.live)]


def card(shown: AlertView, site: Site) -> str:
    return render("zh", "alert_card.html", alert=shown, now=site.now)


async def test_a_door_that_a_fire_freed_is_quiet_and_says_why_and_one_that_is_forced_later_is_not(site: Site) -> None:
    burns = await fire(site)
    site.now += timedelta(seconds=5)
    freed = await forced(site)
    assert await said_anew(site) == [freed], "its card is on screens already, and sounds"
    site.now += timedelta(minutes=20)
    other = await forced(site, "后门")
    assert await said_anew(site) == [], "the control: nothing is to be said of what rings"
    assert [(await view(site, one)).quiet for one in (burns, freed, other)] == ["", "inhibited", ""]
    shown = card(await view(site, freed), site)
    assert 'data-quiet="inhibited"' in shown and "由另一件事引起，不单独通知" in shown
    assert "data-quiet" not in card(await view(site, other), site)


async def test_a_door_that_was_told_before_the_fire_falls_quiet_with_it(site: Site) -> None:
    freed = await forced(site)
    assert (await view(site, freed)).quiet == "", "the control: it rings until then"
    site.now += timedelta(seconds=5)
    await fire(site)
    assert freed in await said_anew(site)
    assert (await view(site, freed)).quiet == "inhibited"


async def test_what_wants_a_second_look_is_quiet_until_it_comes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    night = Place(quiet=(hours("22:00", "06:00"),))
    monkeypatch.setattr(Site, "duties", property(lambda _: Duties({rows.GARDEN: night})))
    who = {"kind": "detection", "device": "frigate:wall", "label": "person", "phase": "start", "confidence": 0.5}
    where = {"place": "北围墙", "zones": ["restricted"]}
    first = await tell(site, **who, **where, source_event_id="1")
    assert (await view(site, first)).quiet == "unsure" and await said_anew(site) == [first]
    site.now += timedelta(seconds=20)
    second = await tell(site, **who, **where, source_event_id="2")
    assert [(await view(site, one)).quiet for one in (first, second)] == ["", ""]
    assert await said_anew(site) == [first], "it sounds now; the second is news by itself"


async def test_a_source_that_is_often_wrong_is_heard_a_step_milder(site: Site) -> None:
    source = Source(rows.GARDEN, f"uhppoted:{DOOR}", "door_forced")
    async with site.db.write() as connection:
        for number in range(5):
            one = Judged(source, f"old{number}", site.now - timedelta(days=1, minutes=number), True)
            await silence_rows.judge(connection, [one], "wang")
    wolf, other = await forced(site), await forced(site, "后门")
    shown, control = await view(site, wolf), await view(site, other)
    assert (shown.severity, shown.heard_as) == ("critical", "high")
    assert 'data-heard-as="high"' in card(shown, site)
    assert (control.severity, control.heard_as) == ("critical", "critical")
    assert "data-heard-as" not in card(control, site)


async def test_a_flood_that_falls_quiet_says_so_of_the_newest_only(site: Site) -> None:
    at = {"kind": "door", "state": "forced_open", "place": DOOR, "time": site.now, "recorded_at": site.now}
    doors = [msgspec.convert({"device": f"uhppoted:{number}", **at}, Event) for number in range(60)]
    await site.tell(*(site.fact(one) for one in doors))
    site.now += timedelta(seconds=5)
    burns = await fire(site)
    assert len(doors) == len([row for row in await site.rows(schema.duty_alert) if row["why"] == "inhibited"])
    assert 0 < len({*await said_anew(site)} - {burns}) <= 51, (
        "as many as a list shows, and the one that a matter is named after"
    )
