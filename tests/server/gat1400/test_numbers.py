"""Numbers in the database: each once, kept over restarts, on both engines; codes of devices from a sheet."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from domain.viid.ids import MOST_SERIAL
from domain.viid.serials import Issued, Wanted
from domain.viid.sources import Coded
from domain.viid.times import stamp
from server.feeds.gat1400.codes import BadCodes, DeviceCodes, read_codes
from server.feeds.gat1400.serials import KEPT_FOR, SerialsInDatabase
from server.store.viid_number_tables import viid_serial
from tests.server.engines import Engine, open_database
from tests.server.gat1400.centre_side import NOW, camera

SHEET = """\
complex,device,code,name,tollgate,lane,longitude,CommunityID
garden,vzenith:1,33010600011190000001,东门,33010600011210000001,2,120.1,33010600012160000001
garden,uhppote:2,33010600011250000002,,,,,
"""


def now() -> datetime:
    return NOW


def wanted(number: int, of: int = 0, second: int = 0, count: int = 1) -> Wanted:
    return Wanted(bytes([number, of]), camera(of), NOW + timedelta(seconds=second), count)


async def test_each_once_and_the_same_after_a_restart(tmp_path: Path, engine: Engine) -> None:
    async with open_database(tmp_path, engine) as db:
        asked = [wanted(n, n % 2, n % 3, 2) for n in range(60)]
        first = await SerialsInDatabase(db, now).take(asked)
        again = await SerialsInDatabase(db, now).take([*asked, wanted(99, 0, 0, 2)])
    assert again[:60] == first
    used = {(one.code, got.at, got.first + k) for one, got in zip(asked, first, strict=True) for k in range(2)}
    assert len(used) == 120
    assert (
        again[60].first
        == max(got.first for one, got in zip(asked, first, strict=True) if one.code == camera(0) and got.at == NOW) + 2
    )


async def test_several_at_once_take_no_serial_twice(tmp_path: Path, engine: Engine) -> None:
    async with open_database(tmp_path, engine) as db:
        takers = [SerialsInDatabase(db, now).take([wanted(n, 0) for n in range(k, k + 20)]) for k in range(0, 60, 10)]
        found = await asyncio.gather(*takers)
    by_record = {n + k * 10: issued for k, some in enumerate(found) for n, issued in enumerate(some)}
    assert len({issued.first for issued in by_record.values()}) == len(by_record) == 70
    assert found[0][10] == found[1][0]


async def test_a_full_second_leaves_for_the_next_and_what_is_too_old_gets_this_moment(
    tmp_path: Path, engine: Engine
) -> None:
    async with open_database(tmp_path, engine) as db:
        full = {"code": camera(0), "record": b"x", "second": stamp(NOW), "first": 1, "last": MOST_SERIAL}
        async with db.write() as connection:
            await connection.execute(viid_serial.insert(), [full])
        serials = SerialsInDatabase(db, now)
        (next_second,) = await serials.take([wanted(1)])
        old = Wanted(b"old", camera(1), NOW - KEPT_FOR - timedelta(days=1))
        ahead = Wanted(b"ahead", camera(1), NOW + timedelta(days=400))
        assert await serials.take([old, ahead]) == [Issued(NOW, 1), Issued(NOW, 2)]
    assert next_second == Issued(NOW + timedelta(seconds=1), 1)


async def test_what_is_issued_no_more_is_let_go(tmp_path: Path, engine: Engine) -> None:
    async with open_database(tmp_path, engine) as db:
        await SerialsInDatabase(db, now).take([wanted(1)])
        later = SerialsInDatabase(db, lambda: NOW + KEPT_FOR + timedelta(days=3))
        await SerialsInDatabase(db, lambda: NOW + KEPT_FOR).forget()
        async with db.read() as connection:
            assert len((await connection.execute(viid_serial.select())).all()) == 1
        await later.forget()
        async with db.read() as connection:
            assert (await connection.execute(viid_serial.select())).all() == []


async def test_codes_of_a_sheet_are_found_by_device(tmp_path: Path, engine: Engine) -> None:
    async with open_database(tmp_path, engine) as db:
        codes, other = DeviceCodes(db, "district"), DeviceCodes(db, "street")
        await codes.replace(read_codes(SHEET))
        found = await codes.of({("garden", "vzenith:1"), ("garden", "vzenith:9"), ("river", "uhppote:2")})
        assert list(found) == [("garden", "vzenith:1")]
        assert found["garden", "vzenith:1"] == Coded(
            "33010600011190000001",
            name="东门",
            tollgate="33010600011210000001",
            lane=2,
            longitude=120.1,
            extra={"CommunityID": "33010600012160000001"},
        )
        assert len(await codes.all()) == 2 and await other.all() == {}
        await codes.replace([])
        assert await codes.all() == {}


BAD = {
    "complex,device\na,b\n": "no code",
    "complex,device,code\ngarden,x,123\n": "line 2: code '123'",
    SHEET + "garden,vzenith:1,33010600011190000003,,,,,\n": "line 4: vzenith:1 of garden stands there twice",
    SHEET.replace(",2,120.1", ",two,120.1"): "line 2: ",
    SHEET.replace("33010600011210000001", "9"): "line 2: tollgate '9'",
}


@pytest.mark.parametrize("text", BAD)
def test_a_bad_sheet_says_which_line(text: str) -> None:
    with pytest.raises(BadCodes, match=BAD[text]):
        read_codes(text)
