"""Signing in by a provider: there and back; and whatever is wrong with what comes back opens nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from joserfc.jwk import OKPKey
from sqlalchemy import select, update

from server.config import BadConfig, Config, Oidc
from server.configured import oidc
from server.house import House
from server.oidc import Provider as Client
from server.store import schema
from tests.server import provider
from tests.server.engines import SQLITE
from tests.server.people import City, Visitor, city
from tests.server.provider import CLIENT, SECRET, Provider


@pytest.fixture
async def there() -> AsyncIterator[Provider]:
    async with provider.running() as made:
        yield made


@pytest.fixture
async def town(tmp_path: Path, there: Provider) -> AsyncIterator[City]:
    async with city(tmp_path, SQLITE) as made:
        use(made, Oidc(there.issuer, CLIENT))
        yield made


def use(town: City, settings: Oidc) -> None:
    house: House = town.house
    object.__setattr__(house, "oidc", Client(settings, SECRET, lambda: datetime.now(UTC)))


async def sign_in(visitor: Visitor, there: Provider, target: str = "/doors") -> httpx.Response:
    """All the way round."""
    gone = await visitor.get(f"/login/oidc?next={target}")
    assert gone.status_code == 303
    return await visitor.get(there.sign_in(gone.headers["location"]))


async def why(town: City) -> list[tuple[str, str]]:
    async with town.house.db.read() as connection:
        query = select(schema.audit.c.action, schema.audit.c.reason).order_by(schema.audit.c.number)
        return [(row.action, row.reason) for row in await connection.execute(query)]


async def test_a_person_signs_in_there_and_goes_on_here(town: City, there: Provider) -> None:
    visitor = await town.visitor()
    assert 'href="/login/oidc?next=/doors"' in await visitor.page("/login?next=/doors")
    answer = await sign_in(visitor, there)
    assert (answer.status_code, answer.headers["location"]) == (303, "/doors")
    assert (await visitor.get("/doors")).status_code == 200
    assert (await why(town))[-1] == ("login.opened", "oidc")


async def test_nobody_is_let_out_to_another_site(town: City, there: Provider) -> None:
    answer = await sign_in(await town.visitor(), there, "//evil.example/")
    assert answer.headers["location"] == "/"


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "of another"},
        {"aud": "another client"},
        {"aud": [CLIENT, "another client"]},
        {"iss": "https://elsewhere.example"},
        {"exp": 1_000},
        {"preferred_username": None},
        {"preferred_username": "nobody here"},
        {"preferred_username": ["li"]},
    ],
    ids=str,
)
async def test_a_token_that_does_not_hold_opens_nothing(town: City, there: Provider, lies: dict[str, Any]) -> None:
    there.lies = lies
    visitor = await town.visitor()
    answer = await sign_in(visitor, there)
    assert answer.status_code == 403 and "gatehouse_login" not in answer.headers.get("set-cookie", "")
    assert (await visitor.get("/session")).status_code == 303
    assert (await why(town))[-1][0] == "login.refused"


async def test_another_key_another_issuer_and_no_provider_open_nothing(town: City, there: Provider) -> None:
    visitor = await town.visitor()
    there.key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    assert (await sign_in(visitor, there)).status_code == 403
    use(town, Oidc(there.issuer, CLIENT))
    there.lies = {"issuer": "https://elsewhere.example"}
    assert (await visitor.get("/login/oidc")).status_code == 403
    use(town, Oidc("http://127.0.0.1:9", CLIENT))
    assert (await visitor.get("/login/oidc")).status_code == 403


async def test_an_answer_that_this_browser_did_not_ask_for_opens_nothing(town: City, there: Provider) -> None:
    """Someone else's code, put before a browser that is, or is not, on its own way there."""
    evil = await town.visitor()
    back = there.sign_in((await evil.get("/login/oidc")).headers["location"])
    victim = await town.visitor()
    assert (await victim.get(back)).status_code == 403
    await victim.get("/login/oidc")
    assert (await victim.get(back)).status_code == 403
    assert (await evil.get(back)).status_code == 303, "it was good where it was asked for"
    assert (await evil.get(back)).status_code == 403, "and once"
    assert (await victim.get("/login/oidc/back?error=access_denied")).status_code == 403


async def test_a_disabled_account_stays_out(town: City, there: Provider) -> None:
    async with town.house.db.write() as connection:
        await connection.execute(
            update(schema.account).where(schema.account.c.username == "li").values(disabled_at="x")
        )
    assert (await sign_in(await town.visitor(), there)).status_code == 403
    assert (await why(town))[-1] == ("login.refused", "oidc disabled")


async def test_an_account_is_made_only_where_the_settings_say_so(town: City, there: Provider) -> None:
    there.user = "newcomer"
    assert (await sign_in(await town.visitor(), there)).status_code == 403
    use(town, Oidc(there.issuer, CLIENT, new_role="patrol", new_scope=["complex:garden"]))
    visitor = await town.visitor()
    assert (await sign_in(visitor, there)).status_code == 303
    assert (await visitor.get("/alerts")).status_code == 200
    assert (await visitor.sign_in("newcomer", "!")).status_code == 401


async def test_without_settings_it_is_not_there(tmp_path: Path) -> None:
    async with city(tmp_path, SQLITE) as town:
        visitor = await town.visitor()
        assert (await visitor.get("/login/oidc")).status_code == 404
        assert (await visitor.get("/login/oidc/back?code=x&state=y")).status_code == 404
        assert "/login/oidc" not in await visitor.page("/login")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"issuer": "http://id.example"}, "is not https"),
        ({"secret_file": "none"}, "No such file"),
        ({"new_role": "king"}, "no such role"),
    ],
)
def test_settings_that_cannot_be(tmp_path: Path, changes: dict[str, str], said: str) -> None:
    settings = msgspec.structs.replace(Oidc("https://id.example", CLIENT), **changes)
    with pytest.raises(BadConfig, match=said):
        oidc(tmp_path, Config(oidc=settings))
