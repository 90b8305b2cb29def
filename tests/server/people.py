"""A city with people in it, and browsers without a browser: a client each, signed in, with its CSRF token."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from fastapi import FastAPI

from server.app import create_app
from server.auth import COOKIE
from server.bootstrap import close_house, open_house
from server.config import Config
from server.house import House
from server.logins import Logins, digest
from server.passwords import Passwords
from server.store import account_rows
from server.store.engine import stamp
from tests.server import rows
from tests.server.engines import Engine, migrated
from tests.server.filled_copies import filled
from tests.server.told import give_channels

BASE = "http://centre.example.invalid"
_TOKEN = re.compile(r'name="csrf" content="([^"]+)"')


class Visitor:
    """Someone at a browser. ``csrf`` is the token of the last page that had one."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client, self.csrf = client, ""

    async def sign_in(self, username: str, password: str = rows.PASSWORD) -> httpx.Response:
        response = await self.client.post("/login", data={"username": username, "password": password, "next": "/"})
        if response.status_code == 303:
            found = (await self.client.get("/session", headers={"Accept": "application/json"})).json()
            self.csrf = found["csrf"]
        return response

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers={"Accept": "text/html", **headers})

    async def page(self, path: str) -> str:
        response = await self.get(path)
        assert response.status_code == 200, (path, response.status_code, response.headers.get("location"))
        return response.text

    async def submit(self, path: str, **fields: str) -> httpx.Response:
        return await self.client.post(path, data={"csrf": self.csrf, **fields}, headers={"Accept": "text/html"})

    async def tap(self, action: str, *alerts: str, request: str, **headers: str) -> httpx.Response:
        body = {"action": action, "alerts": list(alerts), "request": request}
        return await self.client.post("/alerts/actions", json=body, headers={"X-CSRF-Token": self.csrf, **headers})


class City:
    """The house, its application, and as many visitors as a test wants."""

    def __init__(self, house: House, app: FastAPI, stack: AsyncExitStack) -> None:
        self.house, self.app, self._stack = house, app, stack

    async def visitor(self, username: str | None = None, base: str = BASE, *, is_verified: bool = True) -> Visitor:
        """``is_verified``: the second factor was shown just now."""
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        client = await self._stack.enter_async_context(httpx.AsyncClient(transport=transport, base_url=base))
        visitor = Visitor(client)
        if username is not None:
            assert (await visitor.sign_in(username)).status_code == 303
            if is_verified:
                await self._verify(visitor)
        return visitor

    async def _verify(self, visitor: Visitor) -> None:
        async with self.house.db.write() as connection:
            await account_rows.verified(connection, digest(visitor.client.cookies[COOKIE]), stamp(self.house.now()))


def make_app(house: House) -> FastAPI:
    """The application as it is, but for passwords that are checked in no time."""
    app = create_app(house)
    app.state.logins = Logins(house.db, Passwords(rows.QUICK), house.now, timedelta(hours=house.config.login_life_h))
    return app


@asynccontextmanager
async def _empty(folder: Path, engine: Engine) -> AsyncIterator[str]:
    with migrated(folder, engine) as database:
        yield database


@asynccontextmanager
async def city(folder: Path, engine: Engine, *, is_filled: bool = True) -> AsyncIterator[City]:
    """A house whose hub runs; the readers of the log do not, so that rows stay as tests put them."""
    async with filled(folder, engine) if is_filled else _empty(folder, engine) as database:
        house = await open_house(folder, Config(database=database))
        try:
            if is_filled:
                give_channels(house)
            hub = asyncio.create_task(house.live.run())
            async with AsyncExitStack() as stack:
                yield City(house, make_app(house), stack)
            house.live.close()
            await hub
        finally:
            await close_house(house)
