"""People: invited by a link, led to a second factor, asked for a code and then let go on; sessions seen and ended."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pyotp.totp import TOTP
from sqlalchemy import select, update

from server import second_factor
from server.audit import Actor
from server.auth import COOKIE
from server.logins import digest
from server.password_rules import weakness
from server.second_factor import SecondFactor, WrongKey, key_of
from server.store import account_rows, schema
from server.store.engine import stamp
from tests.server import rows
from tests.server.engines import Engine
from tests.server.people import City, Visitor, city

NEW = "a slow green tram"


@pytest.fixture
async def town(tmp_path: Path, engine: Engine) -> AsyncIterator[City]:
    async with city(tmp_path, engine) as made:
        yield made


def secret_in(answer: httpx.Response) -> str:
    """The secret that a page shows for typing."""
    found = re.search(r"<code>([A-Z2-7 ]{20,})</code>", answer.text)
    assert found, answer.text[:300]
    return found[1].replace(" ", "")


def link_in(answer: httpx.Response) -> str:
    found = re.search(r"/invite/[\w-]+", answer.text)
    assert found, answer.text[:300]
    return found[0]


def code_of(secret: str, steps: int = 0) -> str:
    return TOTP(secret).at(int(time.time()) + 30 * steps)


async def set_up(visitor: Visitor) -> tuple[str, list[str]]:
    """The visitor's secret and recovery codes."""
    secret = secret_in(await visitor.submit("/me/second-factor/new"))
    answer = await visitor.submit("/me/second-factor/confirm", second_code=code_of(secret, -1))
    codes = re.findall(r"<code>(\w{4}-\w{4}-\w{4})</code>", answer.text)
    assert len(codes) == 10
    return secret, codes


async def forget_code(town: City, username: str) -> None:
    """As if the last code had been shown sixteen minutes ago."""
    long_ago = stamp(datetime.now(UTC) - timedelta(minutes=16))
    mine = select(schema.account.c.id).where(schema.account.c.username == username).scalar_subquery()
    async with town.house.db.write() as connection:
        await connection.execute(
            update(schema.login).where(schema.login.c.account == mine).values(verified_at=long_ago)
        )


async def actions(town: City) -> list[str]:
    async with town.house.db.read() as connection:
        return list((await connection.execute(select(schema.audit.c.action))).scalars())


async def test_the_invited_sets_a_password_by_a_link_that_is_good_once(town: City) -> None:
    wang = await town.visitor("wang")
    answer = await wang.submit("/accounts", username="zhou", role="patrol", scope="complex:garden")
    link = link_in(answer)
    async with town.house.db.read() as connection:
        assert link.rpartition("/")[2] not in str((await connection.execute(select(schema.invitation))).all())
    zhou = await town.visitor()
    assert "zhou" in await zhou.page(link) and "zhou" in await zhou.page(link)
    for bad in ("short", "password123", "zhou is a patrol", "1234567890"):
        assert (await zhou.submit(link, password=bad, again=bad)).status_code == 422
    assert (await zhou.submit(link, password=NEW, again=NEW + "x")).status_code == 422
    assert (await zhou.sign_in("zhou", NEW)).status_code == 401
    assert (await zhou.submit(link, password=NEW, again=NEW)).headers["location"] == "/login"
    assert (await zhou.sign_in("zhou", NEW)).status_code == 303
    assert (await (await town.visitor()).submit(link, password=NEW, again=NEW)).status_code == 410
    assert (await zhou.get("/invite/" + "x" * 43)).status_code == 410
    assert {"account.made", "account.invited", "invitation.used"} <= set(await actions(town))


async def test_a_link_ends_by_itself_and_by_the_next(town: City) -> None:
    wang = await town.visitor("wang")
    first = link_in(await wang.submit("/accounts/2/invite"))
    second = link_in(await wang.submit("/accounts/2/invite"))
    stranger = await town.visitor()
    assert (await stranger.get(first)).status_code == 410
    assert (await stranger.get(second)).status_code == 200
    async with town.house.db.write() as connection:
        ended = stamp(datetime.now(UTC) - timedelta(seconds=1))
        await connection.execute(update(schema.invitation).values(expires_at=ended))
    assert (await stranger.submit(second, password=NEW, again=NEW)).status_code == 410
    evil = {"Origin": "https://evil.example"}
    assert (await stranger.client.post(second, data={"password": NEW}, headers=evil)).status_code == 403


async def test_a_change_of_rights_asks_for_a_code_and_then_goes_on_by_itself(town: City) -> None:
    wang = await town.visitor("wang", is_verified=False)
    form = {"username": "zhou", "role": "patrol", "scope": "city"}
    led = await wang.submit("/accounts", **form)
    assert led.status_code == 303 and led.headers["location"].startswith("/me/second-factor")
    secret, _ = await set_up(wang)
    await forget_code(town, "wang")
    asked = await wang.submit("/accounts", **form)
    assert asked.status_code == 403 and 'name="second_code"' in asked.text
    kept = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', asked.text))
    assert kept["second_next"] == "/accounts" and kept.items() >= form.items()
    async with town.house.db.read() as connection:
        assert "zhou" not in (await connection.execute(select(schema.account.c.username))).scalars().all()
    wrong = await wang.submit("/me/second-factor/check", **kept | {"second_code": "000000"})
    assert wrong.status_code == 403 and 'value="zhou"' in wrong.text
    wang.client.follow_redirects = True
    done = await wang.submit("/me/second-factor/check", **kept | {"second_code": code_of(secret)})
    assert done.status_code == 200 and done.url.path == "/accounts" and "/invite/" in done.text
    assert (await wang.submit("/accounts/2/unlock")).status_code == 200, "asked once in a quarter of an hour"


async def test_scripts_and_files_are_told_where_to_go(town: City) -> None:
    wang = await town.visitor("wang", is_verified=False)
    token = {"X-CSRF-Token": wang.csrf}
    answer = await wang.client.post("/accounts/2/unlock", headers=token | {"Accept": "application/json"})
    assert (answer.status_code, answer.json()["error"]) == (403, "second_factor")
    answer = await wang.client.post("/accounts/2/unlock", headers=token | {"HX-Request": "true"})
    assert answer.headers["hx-redirect"].startswith("/me/second-factor")
    await set_up(wang)
    await forget_code(town, "wang")
    files = {"file": ("x.xlsx", b"x")}
    headers = token | {"Accept": "text/html"}
    answer = await wang.client.post("/places/import", data={"csrf": wang.csrf}, files=files, headers=headers)
    assert answer.status_code in (200, 403) and 'name="second_code"' in answer.text and "second_post" not in answer.text


async def test_no_code_is_taken_twice_and_guesses_lock(town: City) -> None:
    wang = await town.visitor("wang", is_verified=False)
    secret, codes = await set_up(wang)
    check = "/me/second-factor/check"
    assert (await wang.submit(check, second_code=code_of(secret, -1))).status_code == 403, "the one it was set up by"
    assert (await wang.submit(check, second_code=code_of(secret, 1))).status_code == 303
    assert (await wang.submit(check, second_code=code_of(secret, 1))).status_code == 403
    assert (await wang.submit(check, second_code=code_of(secret, 0))).status_code == 403, "nor an earlier one"
    assert (await wang.submit(check, second_code=codes[0])).status_code == 303
    assert (await wang.submit(check, second_code=codes[0])).status_code == 403
    for _ in range(4):
        await wang.submit(check, second_code="000000")
    assert (await wang.submit(check, second_code=codes[1])).status_code == 403, "locked"
    assert {"second_factor.set", "second_factor.passed", "second_factor.failed"} <= set(await actions(town))


async def test_the_secret_is_encrypted_and_on_no_page_again(town: City) -> None:
    wang = await town.visitor("wang")
    secret, _ = await set_up(wang)
    async with town.house.db.read() as connection:
        kept = await account_rows.second(connection, 1)
    assert kept.totp_secret and secret not in kept.totp_secret
    for path in ("/me", "/me/second-factor", "/accounts", "/accounts/1"):
        assert secret not in (await wang.page(path)).replace(" ", "")
    assert (await wang.submit("/me/second-factor/new")).status_code == 409
    assert (town.house.folder / "second-factor.key").stat().st_mode & 0o077 == 0
    other = SecondFactor(key_of(town.house.folder.parent))
    now = datetime.now(UTC)
    with pytest.raises(WrongKey, match="put the right one back"):
        async with town.house.db.write() as connection:
            by = (await connection.execute(select(schema.login.c.digest))).scalars().first()
            await other.check(connection, Actor("wang", "operator", 1), str(by), "123456", now)


async def test_sessions_are_listed_and_ended(town: City) -> None:
    here, there = await town.visitor("li"), await town.visitor("li")
    page = await here.page("/me")
    assert page.count("python-httpx") == 2 and "这一次" in page
    assert (await here.submit("/me/sessions", session=digest(there.client.cookies[COOKIE]))).status_code == 303
    assert (await there.get("/session")).status_code == 303
    assert (await here.get("/session")).status_code == 200
    other = await town.visitor("zhao")
    await here.submit("/me/sessions", session=digest(other.client.cookies[COOKIE]))
    assert (await other.get("/session")).status_code == 200, "nobody ends another's"
    await (await town.visitor("wang")).submit("/accounts/2/sessions")
    assert (await here.get("/session")).status_code == 303


async def test_a_new_password_wants_the_old_one_and_ends_other_sessions(town: City) -> None:
    here, there = await town.visitor("li"), await town.visitor("li")
    change = {"password": NEW, "again": NEW}
    assert (await here.submit("/me/password", old="wrong", **change)).status_code == 422
    assert (await here.submit("/me/password", old=rows.PASSWORD, password="short", again="short")).status_code == 422
    assert (await here.submit("/me/password", old=rows.PASSWORD, **change)).status_code == 303
    assert (await here.get("/session")).status_code == 200
    assert (await there.get("/session")).status_code == 303
    assert (await there.sign_in("li")).status_code == 401
    assert (await there.sign_in("li", NEW)).status_code == 303


async def test_a_disabled_account_is_out_at_once_and_nobody_does_it_to_themself(town: City) -> None:
    wang, li = await town.visitor("wang"), await town.visitor("li")
    assert (await wang.submit("/accounts/1/disable")).status_code == 409
    assert (await wang.submit("/accounts/1/role", role="auditor", scope="city")).status_code == 409
    assert (await wang.submit("/accounts/2/disable")).status_code == 303
    assert (await li.get("/session")).status_code == 303
    assert (await li.sign_in("li")).status_code == 401
    assert "已停用" in await wang.page("/accounts/2")
    await wang.submit("/accounts/2/enable")
    assert (await li.sign_in("li")).status_code == 303
    assert (await wang.submit("/accounts/2/explode")).status_code == 404
    assert (await wang.submit("/accounts/99/disable")).status_code == 404


async def test_locks_are_shown_and_opened_and_roles_change(town: City) -> None:
    wang, li = await town.visitor("wang"), await town.visitor()
    for _ in range(5):
        await li.sign_in("li", "wrong")
    assert re.search("锁定到 .*连续 5 次错误", await wang.page("/accounts"))
    await wang.submit("/accounts/2/unlock")
    assert (await li.sign_in("li")).status_code == 303
    answer = await wang.submit("/accounts/2/role", role="clerk", scope="complex:river")
    assert answer.status_code == 303
    assert (await li.get("/alerts")).status_code == 403 and (await li.get("/parking")).status_code == 200
    assert (await wang.submit("/accounts/2/role", role="clerk", scope="complex:nowhere")).status_code == 422
    assert (await wang.submit("/accounts/2/role", role="king", scope="city")).status_code == 422


async def test_a_second_factor_is_reset_by_another_operator(town: City) -> None:
    li = await town.visitor("li")
    await set_up(li)
    wang = await town.visitor("wang")
    assert "重置动态口令" in await wang.page("/accounts/2")
    await wang.submit("/accounts/2/second-factor")
    assert (await li.get("/session")).status_code == 303
    assert "重置动态口令" not in await wang.page("/accounts/2")


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("short", "short"),
        ("x" * 257, "long"),
        ("Password123!", "common"),
        ("1234567890", "common"),
        ("aaaaaaaaaaaa", "common"),
        ("qwertyuiop", "common"),
        ("gatehouse2026", "common"),
        ("the name is wang", "name"),
        (NEW, None),
        ("三月的雨下得很大很久", None),
    ],
)
def test_weak_passwords(password: str, why: str | None) -> None:
    assert weakness(password, "wang") == why


def test_a_code_is_fresh_for_a_quarter_of_an_hour() -> None:
    now = datetime.now(UTC)
    assert second_factor.is_fresh(stamp(now - timedelta(minutes=14)), now)
    assert not second_factor.is_fresh(stamp(now - timedelta(minutes=15, seconds=1)), now)
    assert not second_factor.is_fresh(None, now)
