"""People of every role and every reach, signed in without a password: whom the matrix sends to every route."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from server.auth import COOKIE, CSRF_HEADER
from server.house import House
from server.logins import digest
from server.store import area_tree, schema
from server.store.engine import stamp
from server.store.people import ROLES
from server.store.scope import CITY, NOTHING, Scope, of_complexes
from tests.server import rows

CSRF = "matrix"
AREAS = {
    "d1": ("district", "东城区", None),
    "s1": ("street", "一街道", "d1"),
    "c1": ("community", "一社区", "s1"),
    "d2": ("district", "西城区", None),
    "s2": ("street", "二街道", "d2"),
    "c2": ("community", "二社区", "s2"),
}
# The garden lies in d1, the river in d2.
REACHES = {
    "city": CITY,
    "inside": Scope(areas=frozenset({"d1"})),
    "outside": Scope(areas=frozenset({"s2"}), complexes=of_complexes(rows.RIVER).complexes),
    "none": NOTHING,
}


class Someone(NamedTuple):
    """A person of a role, and how far their scope reaches."""

    role: str
    reach: str
    number: int = 0

    @property
    def token(self) -> str:
        return f"{self.role} {self.reach}".replace(" ", "-")

    @property
    def headers(self) -> dict[str, str]:
        return {"cookie": f"{COOKIE}={self.token}", CSRF_HEADER: CSRF}


async def add_areas(connection: AsyncConnection) -> None:
    for identity, (kind, name, parent) in AREAS.items():
        row = {"id": identity, "kind": kind, "name": name, "parent": parent}
        await connection.execute(schema.area.insert().values(**row))
    await area_tree.settle(connection)
    for complex_id, area in ((rows.GARDEN, "c1"), (rows.RIVER, "c2")):
        placed = update(schema.complex_).where(schema.complex_.c.id == complex_id)
        await connection.execute(placed.values(area=area))
    await connection.execute(schema.grid_cell.insert().values(id="g1", area="c1", name="第一网格"))
    await connection.execute(schema.building.insert().values(id="b1", complex=rows.GARDEN, name="1号楼"))


async def add_everyone(house: House) -> list[Someone]:
    everyone: list[Someone] = []
    async with house.db.write() as connection:
        for role in ROLES:
            for reach, scope in REACHES.items():
                number = await rows.add_person(connection, f"{role}-{reach}", role, scope)
                everyone.append(Someone(role, reach, number))
    for someone in everyone:
        await sign_in(house, someone)
    return everyone


async def sign_in(house: House, someone: Someone) -> None:
    now = house.now()
    times = {"created_at": stamp(now), "expires_at": stamp(now + timedelta(hours=1)), "verified_at": stamp(now)}
    row = {"digest": digest(someone.token), "account": someone.number, "csrf": CSRF, **times}
    async with house.db.write() as connection:
        await connection.execute(schema.login.insert().values(**row))
