"""What a platform is told of cameras, gates and lanes: those of its area, and whether they answer only on a basis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import select

from domain.viid.sources import Coded
from server.feeds.gat1400.codes import DeviceCodes
from server.store import schema
from server.store.engine import stamp
from server.store.plan_tables import device_state
from tests.server.gat1400.centre_side import GARDEN, NOW, PLATFORM, Side, camera, car, side
from tests.server.gat1400.peer import Peer, peer

RIVER = "river"


async def told(here: Side, profile: str = "standard") -> dict[str, list[dict[str, Any]]]:
    """By path, what a platform gets of the directory when it registers us."""
    there = Peer()
    async with peer(there):
        sender = here.sender(there.url, profile=profile)
        await sender.send([car(1)])
        await sender.close()
    found: dict[str, list[dict[str, Any]]] = {}
    for path, said in there.taken:
        if path in ("/VIID/APEs", "/VIID/Tollgates", "/VIID/Lanes"):
            found.setdefault(path, []).append(said)
    return found


async def says(here: Side, device: str, state: str) -> None:
    row = {"complex": GARDEN, "device": device, "point": "", "kind": "availability", "state": state, "code": ""}
    async with here.db.write() as connection:
        await connection.execute(device_state.insert().values(**row, state_at=stamp(NOW)))


async def audited(here: Side) -> list[tuple[str, dict[str, Any]]]:
    async with here.db.read() as connection:
        query = select(schema.audit.c.action, schema.audit.c.details).order_by(schema.audit.c.number)
        return [(row.action, msgspec.json.decode(row.details)) for row in await connection.execute(query)]


async def test_a_camera_is_said_to_answer_as_it_said_itself_and_only_on_a_basis(tmp_path: Path) -> None:
    async with side(tmp_path) as here:
        await says(here, "vzenith:0", "online")
        await says(here, "vzenith:1", "offline")
        assert {one["ApeID"]: one["IsOnline"] for one in (await told(here))["/VIID/APEs"]} == {
            camera(0): 1,
            camera(1): 2,
            camera(2): 9,
            camera(3): 9,
        }
        await here.allow("vehicle")
        assert {one["IsOnline"] for one in (await told(here))["/VIID/APEs"]} == {9}


async def add_places(here: Side) -> None:
    async with here.db.write() as connection:
        for complex_id, area in ((GARDEN, "south"), (RIVER, "north")):
            await connection.execute(schema.area.insert().values(id=area, kind="street", name=area))
            await connection.execute(schema.area_within.insert().values(upper=area, area=area))
            place = {"id": complex_id, "name": complex_id, "timezone": "Asia/Shanghai", "area": area}
            await connection.execute(schema.complex_.insert().values(**place))
    both = [((place, "x:1"), Coded(camera(number))) for number, place in ((1, GARDEN), (2, RIVER))]
    await DeviceCodes(here.db, PLATFORM).replace(both)


@pytest.mark.parametrize(("area", "numbers"), [("", [1, 2]), ("north", [2])])
async def test_of_its_area_alone(area: str, numbers: list[int], tmp_path: Path) -> None:
    """The whole city is the control: both have codes."""
    async with side(tmp_path) as here:
        await add_places(here)
        await here.allow("device", area=area)
        assert [one["ApeID"] for one in (await told(here))["/VIID/APEs"]] == [camera(number) for number in numbers]


async def test_it_is_counted_in_the_audit_before_it_leaves(tmp_path: Path) -> None:
    async with side(tmp_path) as here:
        given = await told(here, "direct")
        assert {path: len(said) for path, said in given.items()} == {
            "/VIID/APEs": 4,
            "/VIID/Tollgates": 1,
            "/VIID/Lanes": 4,
        }
        (sent, counts), (answered, taken) = await audited(here)
        assert (sent, answered) == ("handover.sent", "handover.answered")
        assert (counts["count"], counts["classes"]) == (9, {"APE": 4, "Tollgate": 1, "Lane": 4})
        assert taken == {"count": 9, "accepted": 9, "waiting": 0}


async def test_without_a_basis_nothing_of_it_is_told(tmp_path: Path) -> None:
    """Whoever holds a session then by mistake tells nothing."""
    async with side(tmp_path) as here:
        async with here.db.write() as connection:
            await connection.execute(schema.platform_basis.delete())
        assert await told(here) == {}
        assert await audited(here) == []
