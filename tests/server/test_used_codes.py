"""What a gateway says of its doors reaches the others: a used code opens nowhere again, an awaited card is no alert."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.access import CardList
from domain.desired_bodies import Credentials
from domain.doors.rules import NO_RULES
from domain.doors.secrets import digest_of
from domain.events import Event, Subject
from server.desired import Asked
from server.feeds.used_codes import Teller
from server.gateway_auth import Gateway as Known
from server.store import desired_rows, schema, swipes
from server.store.people import insert_account
from tests.server.centre import Centre, Gateway, centre
from tests.server.engines import SQLITE, Engine

SALT, CODE, OTHER, TOKEN = "5c" * 16, "visitor-code-0001", "visitor-code-0002", "phone-token-0000001"
EVERYWHERE = {"doors": [{"device": "*"}], "until": "2099-12-31"}
READER = ("osdp:1", "reader/0")
NOW = datetime.now(UTC)


def entry(identity: str, kind: Any, text: str) -> dict[str, Any]:
    return {"id": identity, "kind": kind, "digest": digest_of(kind, text, bytes.fromhex(SALT)), **EVERYWHERE}


LIST = {
    "cards": [],
    "known": [entry("q1", "qr", CODE), entry("q2", "qr", OTHER), entry("t1", "token", TOKEN)],
    "salt": SALT,
}


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine) as made:
        async with made.house.db.write() as connection:
            await desired_rows.put(connection, "garden", "credentials", LIST, "root", NOW)
        yield made


def granted(card: str, number: int) -> Event:
    """The decision of a gateway, as its record has it."""
    return Event(
        kind="access",
        device=READER[0],
        point=READER[1],
        place="3 号楼",
        time=NOW + timedelta(seconds=number),
        method="qr",
        result="granted",
        reason="card_list",
        rule="credentials/1",
        ext={"decided_by": "gateway", "card": card},
    )


async def reasons(here: Centre, gateway: Gateway, **asked: Any) -> list[str]:
    """What another gateway that asks now would say to whoever shows these."""
    said = await here.house.desired.poll(Known(gateway.id, "garden"), Asked(wait_s=0, **asked))
    (body,) = [one.body for one in said.documents if one.kind == "credentials"]
    cards = CardList(1, msgspec.convert(body, Credentials))
    where = (*READER, NOW, ZoneInfo("Asia/Shanghai"), NO_RULES)
    found = [cards.decide_code(code, *where) for code in (CODE, OTHER, TOKEN)]
    used = {one.id for one in cards.body.known if one.used}
    return ["used" if one.card in used else one.reason for one in found]


async def test_a_code_that_opened_at_one_gateway_opens_at_no_other(here: Centre) -> None:
    first, other = await here.gateway(), await here.gateway()
    forms = {"forms": {"credentials": 2}}
    assert await reasons(here, other, **forms) == ["card_list"] * 3
    await first.send(granted("q1", 1), granted("t1", 2), granted("nobody", 3))
    rows = await here.wait_for(schema.credential, lambda rows: any(row["used_at"] for row in rows))
    told = {row["id"]: (row["used_where"], row["used_by"]) for row in rows}
    assert told == {"q1": ("3 号楼", first.id), "q2": (None, None), "t1": (None, None)}
    assert await reasons(here, other, **forms) == ["used", "card_list", "card_list"]
    assert await reasons(here, other) == ["revoked", "card_list", "card_list"], "to a program that knows no such word"
    await here.wait_for(schema.code_use, lambda rows: not rows)
    versions = len(await here.rows(schema.desired_state))
    await first.send(granted("q1", 1), granted("t1", 4))  # again, and a phone's: nothing that gateways must hear
    await here.settled()
    await here.wait_for(schema.code_use, lambda rows: not rows)
    assert len(await here.rows(schema.desired_state)) == versions
    (noted,) = [row for row in await here.rows(schema.audit) if row["action"] == "visitor.used"]
    assert noted["complex"] == "garden"


@pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
async def test_without_the_word_to_the_others_it_would_open_there(
    here: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the test above."""

    async def nothing(_self: Teller) -> None:
        return

    monkeypatch.setattr(Teller, "look", nothing)
    first, other = await here.gateway(), await here.gateway()
    await first.send(granted("q1", 1))
    await here.wait_for(schema.code_use, lambda rows: rows)
    assert (await reasons(here, other))[0] == "card_list"


def swiped(card: str, number: int) -> Event:
    return Event(
        kind="access",
        device=READER[0],
        point=READER[1],
        time=datetime.now(UTC),
        method="card",
        result="denied",
        reason="unknown_card",
        subject=Subject(type="card", id=card),
        source_event_id=f"decision/{number}",
    )


async def test_the_card_that_somebody_waits_for_is_no_alert_and_the_next_one_is(here: Centre) -> None:
    gateway, now = await here.gateway(), datetime.now(UTC)
    async with here.house.db.write() as connection:
        person = await insert_account(connection, "sun", "no hash", "clerk", now)
        await swipes.wait_at(connection, ("garden", *READER), person, now, now + timedelta(seconds=60))
    await gateway.send(swiped("7654321", 1))
    (alert,) = await here.wait_for(schema.alert, lambda rows: rows)
    (done,) = await here.rows(schema.alert_action)
    assert (done["alert"], done["action"], done["account"]) == (alert["id"], "close", person)
    assert [row for row in await here.rows(schema.live) if row["kind"] == "alert"] == [], "no screen was told"
    await gateway.send(swiped("7654322", 2))  # the control: nobody waits any more
    alerts = await here.wait_for(schema.alert, lambda rows: len(rows) == 2)
    (other,) = [row["id"] for row in alerts if row["id"] != alert["id"]]
    assert [row["ref"] for row in await here.rows(schema.live) if row["kind"] == "alert"] == [other]
    assert len(await here.rows(schema.alert_action)) == 1
