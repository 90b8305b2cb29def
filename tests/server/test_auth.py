"""Who is let in, for how long, and to what: logins, lock-out, CSRF, roles, and a walk over every route there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, FastAPI
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select
from starlette.routing import BaseRoute

from server.api.who import Patrolling
from server.app import create_app
from server.audit import nobody
from server.auth import COOKIE, declares_access, every_route, require
from server.logins import Logins, digest, lock_after
from server.passwords import Passwords, TooMany
from server.store import people, schema
from server.store.engine import Database, stamp
from server.store.scope import CITY
from tests.server import rows
from tests.server.engines import Engine, open_database
from tests.server.people import City, Visitor, city

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **span: float) -> None:
        self.time += timedelta(**span)


class Gate:
    """Logins over a fresh database with one account, by a clock that tests turn."""

    def __init__(self, db: Database) -> None:
        self.db, self.clock = db, Clock()
        self.logins = Logins(db, Passwords(rows.QUICK), self.clock, timedelta(hours=12))

    async def try_(self, password: str, times: int = 1) -> str | None:
        token = None
        for _ in range(times):
            token = await self.logins.open("li", password)
        return token


@pytest.fixture
async def gate(tmp_path: Path, engine: Engine) -> AsyncIterator[Gate]:
    async with open_database(tmp_path, engine) as db:
        async with db.write() as connection:
            values = {"username": "li", "password_hash": rows.QUICK.hash("right"), "role": "patrol"}
            await connection.execute(schema.account.insert().values(**values, created_at=stamp(START)))
        yield Gate(db)


async def test_a_login_is_kept_only_as_a_digest_and_ends_by_itself(gate: Gate) -> None:
    token = await gate.try_("right")
    assert token is not None
    async with gate.db.read() as connection:
        kept = (await connection.execute(select(schema.login))).mappings().one()
    assert kept["digest"] == digest(token)
    assert token not in str(dict(kept))
    found = await gate.logins.find(token)
    assert found is not None and (found.username, found.role) == ("li", "patrol")
    gate.clock.forward(hours=12, seconds=1)
    assert await gate.logins.find(token) is None


async def test_a_login_can_be_ended_and_ended_ones_are_cleared_away(gate: Gate) -> None:
    first, second = await gate.try_("right"), await gate.try_("right")
    assert first and second and first != second
    await gate.logins.end(first, nobody(None))
    assert await gate.logins.find(first) is None
    assert await gate.logins.find(second) is not None
    gate.clock.forward(days=2)
    await gate.try_("right")
    async with gate.db.read() as connection:
        assert len((await connection.execute(select(schema.login))).all()) == 1


async def test_five_failures_lock_for_a_minute_then_longer(gate: Gate) -> None:
    assert await gate.try_("wrong", times=4) is None
    assert await gate.try_("right") is not None  # four are forgiven, and forgotten
    await gate.try_("wrong", times=5)
    assert await gate.try_("right") is None
    gate.clock.forward(seconds=61)
    await gate.try_("wrong")  # the sixth in a row: two minutes
    gate.clock.forward(seconds=61)
    assert await gate.try_("right") is None
    gate.clock.forward(seconds=60)
    assert await gate.try_("right") is not None


def test_locks_double_and_stop_at_an_hour() -> None:
    seconds = [lock.total_seconds() if (lock := lock_after(failures)) else 0 for failures in range(1, 14)]
    assert seconds == [0, 0, 0, 0, 60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


async def test_guesses_side_by_side_do_not_pass_the_lock(gate: Gate) -> None:
    """Twenty wrong guesses and the right one are checked at once; those that end after the lock fell are refused."""
    await asyncio.gather(*(gate.logins.open("li", f"guess {number}") for number in range(20)))
    assert await gate.try_("right") is None


async def test_an_unknown_name_is_checked_like_a_known_one() -> None:
    """Equal time follows from equal work: a whole hash is computed in both cases."""
    checked: list[str] = []

    class Counting(PasswordHash):
        def verify_and_update(self, password: str | bytes, hash: str | bytes) -> tuple[bool, str | None]:
            checked.append(str(hash)[:10])
            return super().verify_and_update(password, hash)

    passwords = Passwords(Counting((Argon2Hasher(time_cost=1, memory_cost=8, parallelism=1),)))
    assert await passwords.check("nobody has this password", None) == (False, None)
    assert (await passwords.check("right", rows.QUICK.hash("right")))[0]
    assert checked == ["$argon2id$"] * 2
    assert await passwords.check("x", "not a hash") == (False, None)


async def test_weaker_hashes_are_renewed_when_the_password_is_there(gate: Gate) -> None:
    stronger = PasswordHash((Argon2Hasher(time_cost=2, memory_cost=16, parallelism=1),))
    logins = Logins(gate.db, Passwords(stronger), gate.clock, timedelta(hours=1))
    async with gate.db.read() as connection:
        before = await people.by_username(connection, "li")
    assert await logins.open("li", "right")
    async with gate.db.read() as connection:
        after = await people.by_username(connection, "li")
    assert before and after and after.password_hash != before.password_hash
    assert await logins.open("li", "right")


async def test_a_crowd_at_the_door_is_turned_away_not_queued_for_ever() -> None:
    passwords = Passwords(rows.QUICK)
    results = await asyncio.gather(*(passwords.check("x", None) for _ in range(200)), return_exceptions=True)
    turned_away = [result for result in results if isinstance(result, TooMany)]
    assert turned_away and len(turned_away) < 200


async def test_the_application_checks_real_passwords(town: City) -> None:
    """The other tests use weak hashes for speed; this one goes the whole way."""
    await people.add_account(town.house.db, "zhou", "a long password", "patrol", CITY, START)
    async with town.house.db.read() as connection:
        account = await people.by_username(connection, "zhou")
    assert account and account.password_hash.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    del town.app.state.logins
    visitor = await town.visitor()
    assert (await visitor.sign_in("zhou", "a long passwore")).status_code == 401
    assert (await visitor.sign_in("zhou", "a long password")).status_code == 303


async def test_accounts_have_known_roles_and_names_of_their_own(town: City) -> None:
    with pytest.raises(ValueError, match="no such role: 'king'"):
        await people.add_account(town.house.db, "x", "y", "king", CITY, START)
    with pytest.raises(people.UsernameTaken, match="'li'"):
        await people.add_account(town.house.db, "li", "y", "patrol", CITY, START)


async def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_do_not_get(town: City) -> None:
    visitor = await town.visitor()
    answer = await visitor.sign_in("li")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "secure" not in cookie
    secure = await (await town.visitor(base="https://centre.example.invalid")).sign_in("li")
    assert "secure" in secure.headers["set-cookie"].lower()
    assert secure.headers["strict-transport-security"]


async def test_wrong_name_wrong_password_and_locked_look_the_same(town: City) -> None:
    visitor = await town.visitor()
    answers = [await visitor.sign_in("nobody", "x"), await visitor.sign_in("li", "x")]
    for _ in range(5):
        await visitor.sign_in("li", "x")
    answers.append(await visitor.sign_in("li"))
    assert [answer.status_code for answer in answers] == [401, 401, 401]
    texts = {answer.text.replace('value="nobody"', "").replace('value="li"', "") for answer in answers}
    assert len(texts) == 1


async def test_pages_lead_to_the_login_and_back_only_to_us(town: City) -> None:
    visitor = await town.visitor()
    answer = await visitor.get("/parking?complex=garden")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/parking%3Fcomplex%3Dgarden")
    fields = {"username": "wang", "password": rows.PASSWORD}
    for given, leads in (
        ("/doors", "/doors"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil", "/"),
    ):
        answer = await visitor.client.post("/login", data={**fields, "next": given})
        assert answer.headers["location"] == leads
    script = await (await town.visitor()).client.get("/session", headers={"Accept": "application/json"})
    assert (script.status_code, script.json()["error"]) == (401, "not_signed_in")
    htmx = await (await town.visitor()).get("/gateways", **{"HX-Request": "true"})
    assert (htmx.status_code, htmx.headers["hx-redirect"]) == (401, "/login")


async def test_signing_out_ends_the_login_at_the_centre(town: City) -> None:
    visitor = await town.visitor("li")
    token = visitor.client.cookies[COOKIE]
    assert (await visitor.submit("/logout")).headers["location"] == "/login"
    visitor.client.cookies.set(COOKIE, token)
    assert (await visitor.get("/")).status_code == 303


async def test_what_changes_something_needs_the_token_and_our_own_page(town: City) -> None:
    visitor = await town.visitor("li")
    token = visitor.csrf
    for wrong in ("", "guess", "ü"):
        visitor.csrf = wrong
        assert (await visitor.submit("/alerts/a1/actions", action="acknowledge", request="k1")).status_code == 403
    assert (await visitor.client.post("/alerts/actions", json={"action": "acknowledge"})).status_code == 403
    visitor.csrf = token
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await visitor.tap("acknowledge", "a1", request="key-00001", **headers)).status_code == 403
    assert await town.visitor() and not await actions(town)
    own = {"Origin": "http://centre.example.invalid", "Sec-Fetch-Site": "same-origin"}
    assert (await visitor.tap("acknowledge", "a1", request="key-00001", **own)).status_code == 200
    assert len(await actions(town)) == 1


async def actions(town: City) -> list[str]:
    """What was done to the alert that these tests tap."""
    query = select(schema.alert_action.c.action).where(schema.alert_action.c.alert == "a1")
    async with town.house.db.read() as connection:
        return list((await connection.execute(query)).scalars())


async def test_another_site_cannot_sign_someone_in(town: City) -> None:
    visitor = await town.visitor()
    fields = {"username": "li", "password": rows.PASSWORD}
    answer = await visitor.client.post("/login", data=fields, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


async def test_a_nul_sign_in_a_name_is_a_wrong_name_not_a_defect(town: City) -> None:
    """PostgreSQL keeps none, and says so; SQLite looks for it and finds nobody."""
    visitor = await town.visitor()
    assert (await visitor.sign_in("a\x00b")).status_code in (401, 422)
    assert (await visitor.get("/session")).status_code == 303


async def test_large_forms_are_not_read(town: City) -> None:
    visitor = await town.visitor()
    answer = await visitor.client.post("/login", data={"username": "x" * 70_000})
    assert answer.status_code == 413

    async def endless() -> AsyncIterator[bytes]:
        yield b"username=x"

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await visitor.client.post("/login", content=endless(), headers=headers)).status_code == 411


ROLE_PATHS = {
    "/": {"wang": 200, "li": 200, "chen": 200, "sun": 303},
    "/alerts": {"wang": 200, "li": 200, "chen": 200, "sun": 403},
    "/parking": {"wang": 200, "li": 403, "chen": 200, "sun": 200},
    "/parking/charges": {"wang": 200, "li": 403, "chen": 200, "sun": 200},
    "/doors": {"wang": 200, "li": 200, "chen": 200, "sun": 403},
    "/gateways": {"wang": 200, "li": 403, "chen": 200, "sun": 403},
    "/gateways/new": {"wang": 200, "li": 403, "chen": 403, "sun": 403},
    "/gateways/readers": {"wang": 200, "li": 403, "chen": 403, "sun": 403},
    "/gateways/refusals": {"wang": 200, "li": 403, "chen": 403, "sun": 403},
}


async def test_each_role_gets_its_pages(town: City) -> None:
    visitors = {username: await town.visitor(username) for username in ("wang", "li", "chen", "sun")}
    for path, wanted in ROLE_PATHS.items():
        found = {username: (await visitors[username].get(path)).status_code for username in wanted}
        assert found == wanted, path


async def test_a_committee_looks_and_does_not_act(town: City) -> None:
    visitor: Visitor = await town.visitor("chen")
    assert (await visitor.tap("acknowledge", "a1", request="key-00002")).status_code == 403
    page = await visitor.page("/alerts/a1")
    assert 'action="/alerts/a1/actions"' not in page


def undeclared(app: FastAPI) -> list[str]:
    """Paths of routes that do not say who may use them."""

    def name(route: BaseRoute) -> str:
        return f"{','.join(sorted(getattr(route, 'methods', None) or ['*']))} {getattr(route, 'path', route)}"

    return [name(route) for route in every_route(app.routes) if declares_access(route) is None]


async def test_every_route_says_who_may_use_it(town: City) -> None:
    assert undeclared(town.app) == []


async def test_the_walk_finds_a_route_that_says_nothing(town: City) -> None:
    app, router = create_app(town.house), APIRouter()

    @router.get("/open")
    async def _open() -> None: ...

    @router.get("/shut", dependencies=[Depends(require("operator"))])
    async def _shut() -> None: ...

    @router.get("/named")
    async def _named(person: Patrolling) -> None: ...

    app.include_router(router)
    outer = APIRouter()
    outer.include_router(router, prefix="/inner")
    app.include_router(outer)
    found = [path for path in undeclared(app) if "/v1/" not in path]
    assert len(found) == 2 and all(path.endswith("/open") for path in found)


def test_a_role_that_is_none_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="no such role: guard"):
        require("guard")
