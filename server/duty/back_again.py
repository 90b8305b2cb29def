"""Ends by itself what told of a silence that is over: of a gateway that is heard again or was replaced, of a device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from domain.duty.acts import Expire
from server.cells import moves
from server.duty.duties import Duties
from server.rounds import look_every
from server.store import back_rows, duty_alerts, duty_rows
from server.store.back_rows import Back, Replaced
from server.store.duty_rows import Matter
from server.store.engine import Database

LOOK_EVERY_S = 30.0
_ALERT_WITHIN = timedelta(days=1)  # a silence that no rule makes an alert of is forgotten after that


class BackAgain:
    """One process at a time does it, a complex at a time, each in its turn: nobody acts on a matter in between."""

    def __init__(self, db: Database, duties: Duties, now: Callable[[], datetime], ring: Callable[[], None]) -> None:
        self._db, self._duties, self._now, self._ring = db, duties, now, ring

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        await look_every(LOOK_EVERY_S, "back_again", self.look)

    async def look(self) -> int:
        """How many alerts ended just now."""
        now = self._now()
        async with self._db.read() as connection:
            away = await moves.away(connection)  # nobody writes for those
            gateways = await back_rows.gateways_back(connection, now)
            devices = await back_rows.devices_back(connection, now)
            replaced = await back_rows.gateways_replaced(connection)
        complexes = {complex_id for complex_id, _ in gateways.values()}
        complexes |= {one.complex for one in (*devices, *replaced)}
        ended = 0
        for complex_id in sorted(complexes - away):
            async with self._db.write(complex_id) as connection:
                ended += await self._end(connection, complex_id, now)
            self._ring()
        return ended

    async def _end(self, connection: AsyncConnection, complex_id: str, now: datetime) -> int:
        """Asked again in the turn: it may have fallen silent meanwhile, or somebody closed it."""
        over = await back_rows.devices_back(connection, now, complex_id)
        for id_, (where, since) in (await back_rows.gateways_back(connection, now)).items():
            if where == complex_id:
                over += await self._of_gateway(connection, complex_id, id_, since)
                await back_rows.forget_silence(connection, id_)
        for one in await back_rows.gateways_replaced(connection):
            over += await self._of_replaced(connection, one, now) if one.complex == complex_id else ()
        if over:
            await back_rows.clear(connection, over, now)
            await self._off_the_ladder(connection, over, now)
        return len(over)

    async def _of_gateway(
        self, connection: AsyncConnection, complex_id: str, gateway_id: str, since: datetime
    ) -> list[Back]:
        alerts = [one.id for one in await back_rows.silent_alerts(connection, complex_id, gateway_id)]
        done = (await duty_alerts.handled(connection, alerts)).done
        return [Back(one, complex_id, since) for one in alerts if one not in done]

    async def _of_replaced(self, connection: AsyncConnection, one: Replaced, now: datetime) -> list[Back]:
        """Its silence was told; the alert may come later, where the reader of alerts stands still."""
        told = await back_rows.silent_alerts(connection, one.complex, one.id)
        if any(its.at > one.silent_since for its in told) or now - one.at > _ALERT_WITHIN:
            await back_rows.forget_silence(connection, one.id)
        done = (await duty_alerts.handled(connection, [its.id for its in told])).done
        return [Back(its.id, one.complex, one.at, "retire") for its in told if its.id not in done]

    async def _off_the_ladder(self, connection: AsyncConnection, over: Sequence[Back], now: datetime) -> None:
        """A matter of which nothing is left; where something else is in it too, that goes on."""
        names = await duty_alerts.matters_of(connection, [one.alert for one in over])
        for matter in (await duty_rows.by_names(connection, names)).values():
            if matter.state.status != "ended" and await self._is_over(connection, matter):
                machine = await self._duties.of(connection, matter.state.complex)
                why = Expire(key=f"cleared:{matter.state.revision}", why="cleared")
                state, steps = machine.duty.apply(matter.state, why, now)
                await duty_rows.keep(connection, [machine.moved(matter, state, now, steps=steps)], now)

    async def _is_over(self, connection: AsyncConnection, matter: Matter) -> bool:
        ids = [one.alert.id for one in await duty_alerts.of_incident(connection, matter.state.incident)]
        return (await duty_alerts.handled(connection, ids)).done >= set(ids)
