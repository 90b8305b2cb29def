"""What the centre's parts share: one structure that ``bootstrap`` fills and requests reach by ``request.app.state``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from server.books.lots import Lots
from server.cells.arrive import Arrivals
from server.centre_log import CentreLog
from server.channels.registry import Channels
from server.config import Config
from server.conservation import Conservation
from server.corrections import Corrections
from server.desired import Desired
from server.duty.acting import Acting
from server.gateway_auth import GatewayAuth
from server.hello import Hellos
from server.ingest import Ingest
from server.live import Hub
from server.media import MediaBox
from server.payments.desk import Desk
from server.payments.refunds import Refunds
from server.projections.alerts import picture_arrived
from server.refill import Refill
from server.retention.erase import Eraser
from server.retention.rounds import Retention
from server.rollouts import Rollouts
from server.second_factor import SecondFactor
from server.seen import Seen
from server.store.engine import Database
from server.viid.library import Library
from server.watch.sealing import Seal

if TYPE_CHECKING:
    from server.oidc import Provider


@dataclass(frozen=True)
class House:
    """One running server."""

    folder: Path
    config: Config
    db: Database
    log: CentreLog
    ingest: Ingest
    refill: Refill
    media: MediaBox
    gateways: GatewayAuth
    live: Hub
    desired: Desired
    conservation: Conservation
    hellos: Hellos
    arrivals: Arrivals
    retention: Retention
    eraser: Eraser
    second_factor: SecondFactor
    seal: Seal
    oidc: Provider | None
    rollouts: Rollouts
    desk: Desk
    refunds: Refunds
    corrections: Corrections
    lots: Lots
    acting: Acting
    channels: Channels
    viid: Library
    now: Callable[[], datetime]
    seen: Seen = field(default_factory=Seen)

    async def announce_picture(self, complex_id: str, sha256: str) -> None:
        """Tell the screens that show an alert with this picture.

        In the complex's turn: an alert that is being raised meanwhile is either found here, or finds the picture.
        """
        async with self.db.write(complex_id, rank="first", at_once=True) as connection:
            known = await picture_arrived(connection, complex_id, sha256, self.now())
        if known:
            self.live.ring()
