"""The readers of the log: the projections, the book, the duty ladder, and what tells gateways of each other."""

from __future__ import annotations

from server.batches import Unpacker
from server.books.charges import Charges
from server.books.lane_money import LaneMoney
from server.care.movements import Movements
from server.config import Config
from server.configured import no_entries, places, utc_now
from server.duty.ladder import Ladder
from server.feeds.lane_cars import LaneCars
from server.feeds.used_codes import UsedCodes
from server.house import House
from server.projections.alerts import Alerts
from server.projections.conservation import Conservation
from server.projections.detections import Detections
from server.projections.doors import Doors
from server.projections.orders import OrderResults
from server.projections.parking import Parking
from server.projections.pictures import Pictures
from server.rebuild import Projection
from server.shard_reader import Breath, Fold, Rest, ShardReader
from server.store.one_writer import Rank
from server.watch.hits import WatchHits


def shard_readers(house: House, unpacker: Unpacker, rest: Rest) -> list[ShardReader]:
    """The projections, the book, and what tells gateways of each other; what they unpack they share."""
    is_busy = house.ingest.pouring.is_busy

    def breath(rank: Rank = "usual") -> Breath:
        return Breath(is_busy, house.ingest.hurry, rank=rank)

    paces = {Alerts.name: breath("first")}
    readers = [
        ShardReader(one, house.db, unpacker, house.live.ring, paces.get(one.name, rest), is_busy)
        for one in projections(house.config).values()
    ]
    book = Charges(house.lots, house.now, no_entries(house.config))
    beside: list[Fold] = [book, LaneMoney(house.now), UsedCodes(), LaneCars(), Movements()]
    ladder = ShardReader(Ladder(house.acting.duties, house.now), house.db, unpacker, house.live.ring, breath(), is_busy)
    hits = ShardReader(WatchHits(house.acting.duties, house.now), house.db, unpacker, rest=breath(), is_busy=is_busy)
    return [
        *readers,
        ladder,
        hits,
        *(ShardReader(one, house.db, unpacker, rest=rest, is_busy=is_busy) for one in beside),
    ]


def folding(config: Config) -> list[str]:
    """The readers whose rows belong to complexes."""
    return [
        *projections(config),
        Charges.name,
        LaneMoney.name,
        UsedCodes.name,
        LaneCars.name,
        Ladder.name,
        Movements.name,
        WatchHits.name,
    ]


def projections(config: Config) -> dict[str, Projection]:
    """Every projection by name; a rebuild makes its own, which rings nobody."""
    return _projections(config, announce=True)


def quiet_projections(config: Config) -> dict[str, Projection]:
    return _projections(config, announce=False)


def _projections(config: Config, *, announce: bool) -> dict[str, Projection]:
    sites = places(config)
    alerts = Alerts(sites, utc_now, announce=announce)
    found: list[Projection] = [
        alerts,
        Doors(utc_now if announce else None),
        Parking(),
        Conservation(sites),
        OrderResults(),
        Pictures(),
        Detections(),
    ]
    return {projection.name: projection for projection in found}
