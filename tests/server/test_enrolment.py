"""A gateway's id follows from its key: it comes back as itself, and as nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from joserfc.jwk import OKPKey

from server.config import Complex, Config
from server.enrolment import gateway_id
from server.store.schema import enrol_code
from server.store.schema import gateway as gateway_table
from tests.server.centre import GARDEN, Centre, Gateway, centre
from tests.server.engines import Engine

RIVER = Complex("river", "滨河小区")


@pytest.fixture
async def here(tmp_path: Path, engine: Engine) -> AsyncIterator[Centre]:
    async with centre(tmp_path, engine, Config(complexes=[GARDEN, RIVER])) as running:
        yield running


async def code(here: Centre, complex_id: str = "garden") -> str:
    return (await here.house.gateways.issue_code(complex_id))[0]


def said(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def test_the_same_key_is_the_same_gateway_and_uses_the_code_up(here: Centre) -> None:
    mine = Gateway(here.client)
    await mine.enrol(await code(here))
    first, again = mine.id, await code(here)
    await mine.enrol(again)
    assert mine.id == first
    assert len(await here.rows(gateway_table)) == 1
    assert said(await Gateway(here.client).enrol(again)) == (403, "used_code")
    assert {row["gateway"] for row in await here.rows(enrol_code)} == {first}


async def test_a_centre_that_lost_its_disk_gives_the_same_id(here: Centre, tmp_path: Path, engine: Engine) -> None:
    mine = Gateway(here.client)
    await mine.enrol(await code(here))
    (tmp_path / "new").mkdir()
    async with centre(tmp_path / "new", engine) as other:
        again = Gateway(other.client)
        again.key = mine.key
        await again.enrol(await code(other))
        assert again.id == mine.id
        assert (await other.client.post("/v1/hello", json={"streams": {}}, headers=again.headers())).status_code == 200


async def test_another_key_is_another_gateway(here: Centre) -> None:
    one, other = await here.gateway(), await here.gateway()
    assert one.id != other.id
    assert all(re.fullmatch(r"gw-[0-9a-f]{12}", gateway.id) for gateway in (one, other))


async def test_a_replaced_key_stays_dead(here: Centre) -> None:
    mine = await here.gateway()
    await here.house.gateways.replace(mine.id)
    fresh = await code(here)
    assert said(await mine.enrol(fresh)) == (403, "replaced_key")
    assert (await Gateway(here.client).enrol(fresh)).status_code == 200, "the refusal did not use the code up"


async def test_a_key_does_not_move_to_another_complex(here: Centre) -> None:
    mine = await here.gateway("garden")
    refused = await mine.enrol(await code(here, "river"))
    assert said(refused) == (403, "other_complex")
    assert [row["complex"] for row in await here.rows(gateway_table)] == ["garden"]


async def test_an_id_that_another_key_has_is_not_given_twice(here: Centre) -> None:
    """Two keys with the same 48 bits, as far as this centre can tell: the row has the other one's."""
    mine, other = Gateway(here.client), OKPKey.generate_key("Ed25519")
    taken = {"id": gateway_id(mine.key.as_dict(private=False)), "complex": "garden", "enrolled_at": "2026-01-01"}
    async with here.house.db.write() as connection:
        await connection.execute(gateway_table.insert().values(**taken, public_key=other.as_dict(private=False)))
    assert said(await mine.enrol(await code(here))) == (403, "bad_key")


async def test_an_id_does_not_depend_on_how_the_key_is_written() -> None:
    key = OKPKey.generate_key("Ed25519").as_dict(private=False)
    assert gateway_id({**key, "use": "sig", "alg": "Ed25519"}) == gateway_id(
        {"x": key["x"], "crv": "Ed25519", "kty": "OKP"}
    )
