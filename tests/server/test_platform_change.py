"""A platform's name, address and secret changed: on a basis that covers it, on record, and with nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from server.feeds.platform_worker import Platforms
from server.feeds.sender import Sender
from server.store import platform_rows
from server.store.platform_rows import Platform
from server.store.platform_tables import handover
from server.store.schema import audit
from tests.rig import until
from tests.server import rows
from tests.server.centre import centre
from tests.server.engines import SQLITE, Engine
from tests.server.people import City, city
from tests.server.test_platforms import FarEnd, add_platform, all_in, allow, listening, owed, swipe
from tests.server.test_slow_platform import silent

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
OLD, NEW = "https://platform.example.invalid/", "https://elsewhere.example.invalid/"


async def found(town: City) -> Platform:
    async with town.house.db.read() as connection:
        one = await platform_rows.find(connection, "p1")
    assert one is not None
    return one


async def noted(town: City) -> list[dict[str, Any]]:
    async with town.house.db.read() as connection:
        query = audit.select().where(audit.c.action == "platform.changed")
        return [dict(row) for row in (await connection.execute(query)).mappings()]


WRONG: list[tuple[dict[str, str], str]] = [
    ({"address": NEW}, "reason:"),
    ({"address": NEW, "reason": "搬迁"}, "basis:"),
    ({"address": NEW, "reason": "搬迁", "basis": "99"}, "basis:"),
    ({"secret_file": "other.secret", "reason": "换密码"}, "basis:"),
    ({"address": "ftp://elsewhere.example.invalid/", "reason": "搬迁", "basis": "1"}, "address:"),
    ({"address": "https://a:b@elsewhere.example.invalid/", "reason": "搬迁", "basis": "1"}, "address:"),
    ({"secret_file": "../x", "reason": "搬迁", "basis": "1"}, "secret_file:"),
]


@ON_SQLITE
async def test_records_go_elsewhere_only_on_a_basis_that_covers_it(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        async with town.house.db.write() as connection:
            await rows.add_platform(connection, town.house.now())
        visitor = await town.visitor("wang")
        for wrong, word in WRONG:
            answer = await visitor.submit("/platforms/p1/change", **({"name": "市局", "address": OLD} | wrong))
            assert answer.status_code == 200
            assert word in answer.text
        assert (await found(town)).address == OLD
        assert await noted(town) == []
        right = {"name": "市局", "address": NEW, "secret_file": "new.secret", "reason": "搬迁", "basis": "1"}
        assert (await visitor.submit("/platforms/p1/change", **right)).status_code == 303
        one = await found(town)
        assert (one.address, one.secret_file) == (NEW, "new.secret")
        (row,) = await noted(town)
        assert row["reason"] == "搬迁"
        assert msgspec.json.decode(row["details"]) == {
            "address": [OLD, NEW],
            "secret_file": ["", "new.secret"],
            "basis": 1,
            "document": "公函7",
        }


@ON_SQLITE
async def test_a_name_needs_no_basis_and_the_same_again_is_no_change(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        async with town.house.db.write() as connection:
            await rows.add_platform(connection, town.house.now())
        visitor = await town.visitor("wang")
        for _ in range(2):
            assert (await visitor.submit("/platforms/p1/change", name="分局", address=OLD)).status_code == 303
        assert (await found(town)).name == "分局"
        assert [msgspec.json.decode(row["details"]) for row in await noted(town)] == [{"name": ["市局", "分局"]}]


@ON_SQLITE
async def test_with_no_basis_in_force_nothing_goes_so_the_address_is_free(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        now = town.house.now()
        async with town.house.db.write() as connection:
            await rows.add_platform(connection, now)
            await platform_rows.end_basis(connection, "p1", 1, "wang", "期满", now)
        visitor = await town.visitor("wang")
        assert (
            await visitor.submit("/platforms/p1/change", name="市局", address=NEW, reason="搬迁")
        ).status_code == 303
        assert (await found(town)).address == NEW


@ON_SQLITE
async def test_settings_stay_as_they_are(tmp_path: Path, engine: Engine) -> None:
    async with city(tmp_path, engine) as town:
        said = {"settings": {"device_id": "33010600011200000001"}}
        async with town.house.db.write() as connection:
            one = Platform(id="p1", name="市局", kind="gat1400", address="http://192.0.2.1", **said)  # pyright: ignore[reportArgumentType]
            await platform_rows.add(connection, one)
        visitor = await town.visitor("wang")
        moved = await visitor.submit("/platforms/p1/change", name="市局", address="http://192.0.2.2", reason="搬迁")
        assert moved.status_code == 303
        assert (await found(town)).settings == said["settings"]


async def test_the_new_address_gets_what_the_old_one_had_not_answered(tmp_path: Path, engine: Engine) -> None:
    """In the midst of a transmission: the record is sent again, to where the platform is now; nothing is skipped."""
    async with silent() as old, listening() as new, centre(tmp_path, engine) as here:
        db, gateway = here.house.db, await here.gateway()
        await add_platform(db, f"http://127.0.0.1:{old.port}/")
        await allow(db, "door")
        await gateway.send(swipe(1))
        await until(lambda: old.calls)
        await gateway.send(swipe(2))
        async with db.write() as connection:
            one = await platform_rows.find(connection, "city")
            assert one is not None
            await platform_rows.change(
                connection, msgspec.structs.replace(one, address=f"http://127.0.0.1:{new.port}/")
            )
        sent = await here.wait_for(handover, all_in("accepted", 2))
        assert old.calls == 1
        assert all(row["id"].hex().encode() in new.read for row in sent)


async def secrets_used(folder: Path, engine: Engine, *words: str) -> list[bytes]:
    """With which secrets senders are made, where the file says these one after the other, each looked at twice."""
    made = list[bytes]()

    def make(_: Platform, secret: bytes) -> Sender:
        made.append(secret)
        return FarEnd()

    async with owed(folder, engine) as here:
        async with here.house.db.write() as connection:
            one = await platform_rows.find(connection, "city")
            assert one is not None
            await platform_rows.change(connection, msgspec.structs.replace(one, secret_file="a.secret"))
        worker = Platforms(here.house.db, folder, {"by_hand": make}, lambda: datetime.now(UTC), lambda _: 0.01)
        for word in words:
            (folder / "a.secret").write_text(word)
            for _ in range(2):
                await worker.look()
        (folder / "a.secret").unlink()
        await worker.look()
        await worker.stop()
    return made


@ON_SQLITE
async def test_another_word_in_the_secrets_file_begins_the_session_anew(tmp_path: Path, engine: Engine) -> None:
    """Once for each word; who is connected stays so where the file is gone."""
    assert await secrets_used(tmp_path, engine, "one", "one", "two") == [b"one", b"two"]
