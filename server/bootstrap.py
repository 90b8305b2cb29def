"""Opens a data folder: migrates its database, wires the parts of the centre, and closes them."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from eventlog.postgres_batches import PostgresBatchLog
from eventlog.sqlite_batches import SqliteBatchLog
from server.books.charges import Charges
from server.books.lots import Lots
from server.cells import moves
from server.cells.arrive import Arrivals
from server.cells.fence import raise_fences
from server.centre_log import CentreLog
from server.config import Complex, Config
from server.configured import (
    cell_settings,
    channels_of,
    no_entries,
    oidc,
    payment_calls,
    places,
    tariffs_of,
    utc_now,
    view_library,
)
from server.conservation import Conservation as Comparison
from server.corrections import Corrections
from server.desired import Desired
from server.duty.acting import Acting
from server.duty.duties import Duties
from server.gateway_auth import GatewayAuth
from server.hello import Hellos
from server.house import House
from server.ingest import Ingest
from server.live import Hub
from server.media import MediaBox
from server.objects import open_objects
from server.payments.desk import Desk
from server.payments.refunds import Refunds
from server.readers import folding
from server.refill import Refill
from server.retention.erase import Eraser
from server.retention.erasures import Erasures
from server.retention.rounds import Retention
from server.rollouts import Rollouts
from server.second_factor import SecondFactor, key_of
from server.store import address, failures, migrate
from server.store.engine import Database
from server.store.schema import complex_
from server.store.upsert import insert
from server.viid.ordering import WatchOrders
from server.watch.sealing import Seal
from server.web.render import render_live


async def open_house(folder: Path, config: Config) -> House:
    """Open a data folder: migrate its database, make what is missing, and wire the parts. Raises DatabaseBusy."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    url = address.of(folder, config.database)
    with failures.named():
        await asyncio.to_thread(migrate.upgrade, url)
    db = Database(url)
    batches = await _open_log(folder, url, db)
    objects = open_objects(folder, config)
    await know_complexes(db, config.complexes)
    await _keep_fences(db)
    calls = payment_calls(folder, config)
    lots = Lots(partial(tariffs_of, folder, config))
    book = Charges(lots, utc_now, no_entries(config))
    desired, desk = Desired(db, utc_now), Desk(db, calls, book, utc_now)
    desk.ring = lambda complex_id: desired.ring({complex_id})
    media, erasures = MediaBox(objects, db, utc_now), Erasures(db, utc_now)
    refill = Refill(batches, db, utc_now, erasures.without_erased)
    conservation = Comparison(db, batches, places(config), utc_now)
    seal = Seal(key_of(folder))
    orders = WatchOrders(db, seal, desired.ring, utc_now)
    return House(
        folder=folder,
        config=config,
        db=db,
        log=batches,
        ingest=Ingest(batches, db, utc_now, sieve=erasures.without_erased),
        refill=refill,
        media=media,
        gateways=GatewayAuth(db, utc_now, timedelta(minutes=config.code_life_min)),
        live=Hub(db, render_live, utc_now),
        desired=desired,
        conservation=conservation,
        hellos=Hellos(db, batches, refill, conservation, utc_now),
        arrivals=Arrivals(db, batches, folding(config), partial(cell_settings, folder, config), utc_now),
        retention=Retention(db, batches, media, config.retention, places(config), utc_now),
        eraser=Eraser(db, media, folder, utc_now),
        second_factor=SecondFactor(key_of(folder)),
        seal=seal,
        oidc=oidc(folder, config),
        rollouts=Rollouts(db, utc_now),
        desk=desk,
        refunds=Refunds(db, calls, utc_now),
        corrections=Corrections(db, lambda: book, utc_now),
        lots=lots,
        acting=Acting(db, Duties(places(config))),
        channels=channels_of(folder, config),
        viid=view_library(folder, config, db, batches, media, orders),
        now=utc_now,
    )


async def _open_log(folder: Path, url: str, db: Database) -> CentreLog:
    if not address.is_postgres(url):
        return await SqliteBatchLog.open(folder / address.FILE, db.lock.at("first"), utc_now)
    return await PostgresBatchLog.open(url, utc_now)


async def close_house(house: House) -> None:
    house.desk.calls.close()
    await house.channels.close()
    await house.log.close()
    await house.db.close()


async def know_complexes(db: Database, complexes: list[Complex]) -> None:
    if not complexes:
        return
    statement = insert(complex_)
    changed = {"name": statement.excluded.name, "timezone": statement.excluded.timezone}
    rows = [{"id": place.id, "name": place.name, "timezone": place.timezone} for place in complexes]
    async with db.write() as connection:
        await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), rows)


async def _keep_fences(db: Database) -> None:
    """A migration may have made a table anew, and its triggers with it."""
    async with db.read() as connection:
        nothing_moves = not await moves.away(connection)
    if not nothing_moves:
        async with db.write_alone() as connection:
            await raise_fences(connection)
