"""Watch lists from above: only on a basis that names them, never without their words, hits only to who ordered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from jsonschema import Draft202012Validator
from sqlalchemy import select

from domain.events import Event, Subject
from domain.viid.schema import message_schema
from domain.watch.listed import WatchLists
from domain.watch.matching import WatchBook, hit, reading
from server.desired import Asked
from server.feeds.cascade.hits import Hits
from server.gateway_auth import Gateway as Known
from server.store import watch_order_rows, watch_rows
from server.store.schema import audit
from server.store.scope import CITY
from server.store.watch_tables import watch_entry, watch_order, watch_owed
from server.watch.views import refused_order
from simulators.upper.asking import NotHeard
from simulators.upper.faults import Faults
from tests.rig import until
from tests.server.engines import SQLITE, Engine
from tests.server.viid.cascade_side import GATE, Side, camera, cascade, sent

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
PLATE = "浙A12345"
STRICT = Draft202012Validator(message_schema(strict=True))


def now() -> datetime:
    return datetime.now(UTC)


def beijing(ahead: timedelta) -> str:
    return f"{now() + timedelta(hours=8) + ahead:%Y%m%d%H%M%S}"


async def listed(side: Side, complex_id: str = "garden") -> WatchLists | None:
    """What a gateway is handed."""
    said = await side.house.desired.poll(Known("gw", complex_id), Asked(wait_s=0, forms={"watch_lists": 2}))
    body = next((one.body for one in said.documents if one.kind == "watch_lists"), None)
    return None if body is None else msgspec.convert(body, WatchLists)


def car(plate: str = PLATE, number: int = 1) -> Event:
    subject = Subject(type="plate", id=plate, plate_color="blue", plate_status="read")
    return Event(kind="plate", device="x:0", source_event_id=str(number), time=now(), subject=subject, lane="east")


async def hits_of(side: Side, event: Event) -> list[Event]:
    """As a gateway finds them by what it was handed."""
    lists = await listed(side)
    found = WatchBook(lists).find(reading(event), now()) if lists else []
    return [hit(event, one) for one in found]


async def test_an_order_is_placed_and_its_hit_goes_to_who_ordered_it(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine, settings={}) as side:
        gateway = await side.gateway()
        await side.allow("disposition")
        begins_at = now()
        number = await side.asks.dispose(PLATE, begins_at)
        assert await side.asks.dispose(PLATE, begins_at, DispositionID=number) == number, "said twice, it is one"
        (kept,) = await side.rows(watch_entry)
        assert (kept["sender_kind"], kept["sender"], kept["disposition"]) == ("platform", "city", number)
        assert PLATE.encode() not in kept["sealed"]
        entry = side.house.seal.opened(kept["sealed"], now(), now())
        assert (entry.plate, entry.unit, entry.document, entry.purpose) == (
            PLATE,
            "西湖分局",
            "西公布控〔2026〕7号",
            "被盗车辆",
        )
        read = car()
        (found,) = await hits_of(side, read)
        await sent(gateway, read, found)
        (owed,) = await side.wait_for(watch_owed, lambda rows: rows and rows[0]["state"] == "accepted")
        assert owed["attempts"] == 1
        (told,) = side.told("DispositionNotification")
        (seen,) = side.told("MotorVehicle")
        assert told.said is not None
        assert seen.said is not None
        assert (told.said["DispositionID"], told.said["CntObjectID"]) == (number, seen.id)
        assert (seen.said["PlateNo"], seen.said["DeviceID"], seen.within) == (PLATE, camera(0), told.id)
        steps = [row["action"] for row in await side.rows(audit) if row["action"].startswith("watch.")]
        assert {"watch.placed", "watch.listed", "watch.hit", "watch.reported", "watch.report_answered"} <= set(steps)
        shown = await side.rows(audit)
        assert not any(PLATE in str(row) for row in shown), "no word of it outside the chain's own rows, nor in those"
        # Nothing of it is on the statement, nor in the hand-over of records: vehicle is no class of this basis.
        assert await side.noted("handover.sent") == []


async def test_nobody_orders_without_a_basis_that_names_it(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        with pytest.raises(NotHeard, match=r"'StatusCode': 4.*no legal basis"):
            await side.asks.dispose(PLATE, now())
        await side.allow("vehicle", "device")
        with pytest.raises(NotHeard, match=r"'StatusCode': 4.*names watch lists"):
            await side.asks.dispose(PLATE, now())
        assert await side.rows(watch_entry) == []
        assert await listed(side) is None
        kept = await side.rows(watch_order)
        assert {row["state"] for row in kept} == {"refused"}
        basis = await side.allow("disposition")
        number = await side.asks.dispose(PLATE, now())
        # Its basis ends: what is placed stands until its own end, and no hit leaves any more.
        await side.end(basis)
        gateway, read = await side.gateway(), car()
        await sent(gateway, read, *(await hits_of(side, read)))
        (row,) = await side.wait_for(watch_owed, lambda rows: rows and rows[0]["state"] == "dropped")
        assert (row["disposition"], row["reason"]) == (number, "no_basis")
        assert side.told("DispositionNotification") == []


async def test_a_platform_is_told_its_own_orders_and_their_words_while_they_stand(
    tmp_path: Path, engine: Engine
) -> None:
    async with cascade(tmp_path, engine) as side:
        with pytest.raises(NotHeard, match="names watch lists"):
            await side.asks.objects("Disposition")
        await side.allow("disposition")
        first = await side.asks.dispose(PLATE, now())
        second = await side.asks.dispose("浙B54321", now())
        await side.asks.withdraw(first)
        told = {one["DispositionID"]: one for one in await side.asks.objects("Disposition")}
        STRICT.validate({"DispositionListObject": {"DispositionObject": list(told.values())}})
        assert (told[first]["DispositionStatus"], told[second]["DispositionStatus"]) == (1, 0)
        assert (told[second]["TargetFeature"], told[second]["ApplicantName"]) == ("浙B54321", "李警官")
        assert PLATE not in str(told[first]), "its words went with its withdrawal"
        (one,) = await side.asks.objects("Disposition", f"?Disposition.DispositionID={second}")
        assert one == told[second]
        noted = [row for row in await side.rows(audit) if row["action"] == "watch.asked"]
        assert len(noted) == 2
        assert not any("浙B54321" in str(row) for row in await side.rows(audit))


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"ApplicantOrg": None}, "ApplicantOrg: the unit that approved it is missing"),
        ({"ApplicantInfo": " "}, "ApplicantInfo: the number of its document is missing"),
        ({"Reason": None}, "Reason: its purpose is missing"),
        ({"EndTime": None}, "EndTime: is missing"),
        ({"EndTime": "20280101000000"}, "ends: at most 366 days"),
        ({"EndTime": "20200101000000", "BeginTime": "20190101000000"}, "ends: has gone by"),
        ({"DispositionCategory": "2"}, "only motor vehicles"),
        ({"TargetFeature": "红色轿车"}, "one whole number plate is wanted, there are 0"),
        ({"TargetFeature": "浙A12345,浙A54321"}, "there are 2"),
        ({"DispositionRange": "1", "TollgateList": "33010600011210000099"}, "within its range"),
        ({"DispositionRange": "1"}, "TollgateList: is missing"),
        ({"ReceiveAddr": "http://192.0.2.66/steal"}, "not an address that was agreed on"),
        ({"DispositionID": "330106000000042026112216070000001"}, "is the number of a SubscribeNotification"),
    ],
)
async def test_what_lacks_a_word_is_refused_and_kept_for_the_officer(
    changed: dict[str, Any], says: str, tmp_path: Path, engine: Engine
) -> None:
    async with cascade(tmp_path, engine) as side:
        await side.allow("disposition")
        with pytest.raises(NotHeard, match=f"'StatusCode': 8.*{says}"):
            await side.asks.dispose(changed.pop("TargetFeature", PLATE), now(), **changed)
        assert await side.rows(watch_entry) == []
        (row,) = await side.rows(watch_order)
        assert row["state"] == "refused"
        assert says in row["why"]
        assert PLATE.encode() not in row["sealed"]
        async with side.house.db.read() as connection:
            (kept,) = await watch_order_rows.refused(connection)
        shown = refused_order(side.house.seal, kept, "市局")
        assert PLATE not in str(shown.plain)
        assert len([one for one in await side.rows(audit) if one["action"] == "watch.refused"]) == 1


async def test_withdrawn_or_over_no_hit_leaves_any_more(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine) as side:
        gateway = await side.gateway()
        await side.allow("disposition")
        first = await side.asks.dispose(PLATE, now())
        read = car()
        late = await hits_of(side, read)
        await side.asks.withdraw(first)
        await side.asks.withdraw(first)  # once more: it is withdrawn
        await sent(gateway, read, *late)
        await until_in(side, "watch.dropped")
        assert await side.rows(watch_owed) == []
        assert (await listed(side) or WatchLists("00" * 16, ())).entries == ()
        with pytest.raises(NotHeard, match="has ended"):
            await side.asks.dispose(PLATE, now(), DispositionID=first)
        with pytest.raises(NotHeard, match="no such order"):
            await side.asks.withdraw("330106000000012026112216070000077")
        await side.asks.dispose("浙B54321", now(), EndTime=beijing(timedelta(seconds=3)))
        await side.wait_for(watch_entry, lambda rows: all(row["closed_at"] for row in rows))
        await until_in(side, "watch.expired")
        assert side.told("DispositionNotification") == []


async def until_in(side: Side, action: str) -> None:
    await side.wait_for(audit, lambda rows: any(row["action"] == action for row in rows))


@ON_SQLITE
async def test_an_order_lies_only_where_its_sender_may_see_and_its_range_says(tmp_path: Path, engine: Engine) -> None:
    async with cascade(tmp_path, engine, complexes=("garden",)) as side:
        await side.allow("disposition")
        by_gate = await side.asks.dispose(PLATE, now(), DispositionRange="1", TollgateList=GATE)
        async with side.house.db.read() as connection:
            kept = await watch_rows.of_order(connection, watch_rows.Sender("platform", "city"), by_gate)
        assert [one.complex for one in kept] == ["garden"], "river has the gate too, and is not this peer's"
        assert await listed(side, "river") is None
        with pytest.raises(NotHeard, match="within its range"):
            await side.asks.dispose("浙B54321", now(), DispositionArea="44")
        assert await side.asks.dispose("浙B54321", now(), DispositionArea="3301")
        with pytest.raises(NotHeard, match="in other words"):
            await side.asks.dispose("浙C54321", now(), DispositionID=by_gate)


@ON_SQLITE
async def test_a_hit_is_told_through_faults_once_by_its_number(tmp_path: Path, engine: Engine) -> None:
    faults = Faults(5, 0.0, [])
    faults.coming.extend(["lost", "503", "half", "busy", "drop"])
    async with cascade(tmp_path, engine, "hour", faults=faults) as side:
        gateway = await side.gateway()
        await side.allow("disposition")
        await side.asks.dispose(PLATE, now())
        read = car()
        await sent(gateway, read, *(await hits_of(side, read)))
        (row,) = await side.wait_for(watch_owed, lambda rows: rows and rows[0]["state"] == "accepted")
        assert row["attempts"] > 1
        (told,) = side.told("DispositionNotification")
        assert told.times > 1, "an answer was lost"
        assert told.differing == 0


class Forgetful(Hits):
    """The broken variant: it settles before the answer."""

    async def look(self) -> None:
        for one in await self._claim():
            from server.feeds.sender import Accepted

            await self._settle(one, Accepted())
            await self._tell(one)


@ON_SQLITE
async def test_the_control_who_settles_a_hit_first_loses_it(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from server.feeds.cascade import making

    monkeypatch.setattr(making, "Hits", Forgetful)
    faults = Faults(5, 0.0, [])
    faults.coming.extend(["503"])
    async with cascade(tmp_path, engine, faults=faults) as side:
        gateway = await side.gateway()
        await side.allow("disposition")
        await side.asks.dispose(PLATE, now())
        read = car()
        await sent(gateway, read, *(await hits_of(side, read)))
        await side.wait_for(watch_owed, lambda rows: rows and rows[0]["state"] == "accepted")
        await until(lambda: side.platform.kept.requests["fault 503"] > 0, 10)
        assert side.told("DispositionNotification") == []


@ON_SQLITE
async def test_the_officer_sees_what_was_refused_and_others_do_not(tmp_path: Path, engine: Engine) -> None:
    """The rows of it stand in the chain; the audit's page leaves them out, as all of watch lists."""
    from server.store import audit_rows

    async with cascade(tmp_path, engine) as side:
        with pytest.raises(NotHeard):
            await side.asks.dispose(PLATE, now())
        async with side.house.db.read() as connection:
            shown = await audit_rows.search(connection, CITY, audit_rows.Filter(), 100)
            hidden = await audit_rows.confidential(connection, CITY, 100)
            every = (await connection.execute(select(audit.c.action))).scalars().all()
        assert "watch.refused" in every
        assert [one.action for one in hidden] == ["watch.refused"]
        assert not any(one.action.startswith("watch.") for one in shown)
