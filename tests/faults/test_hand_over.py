"""Records owed to an upper platform, by each protocol: once by their ids, in order, over an outage and kills of us."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from domain.feeds.basis import Basis
from domain.viid.sources import Coded
from server.api.platforms import KINDS
from server.feeds.gat1400.codes import DeviceCodes
from server.store import address, platform_rows
from server.store.engine import Database
from server.store.platform_rows import Platform
from simulators.products import ask
from tests.faults.chain import ended, mutant, pip_broker
from tests.faults.story import choose
from tests.faults.upper_ends import DEVICES, ENDS, NOW, FarEnd, code
from tests.rig import COMPLEX, Rig, until
from tests.server.centre import Gateway

pytestmark = pytest.mark.faults

ROUND, KILLS = choose(60, 1_200), choose(2, 20)


async def owe(folder: Path, far: FarEnd) -> None:
    """The platform, its basis, and its devices' codes, as people record them."""
    db = Database(address.of(folder, ""))
    one = Platform(id="city", name="市局", kind=far.kind, is_on=True, **far.row())
    days = {"since": NOW - timedelta(days=1), "until": NOW + timedelta(days=9)}
    basis = Basis(unit="市公安局", document="公函7", classes=frozenset({far.data_class}), **days)  # pyright: ignore[reportArgumentType]
    codes = [((COMPLEX, f"vzenith:{n}"), Coded(code(n, "119"))) for n in range(DEVICES)]
    await DeviceCodes(db, "city").replace(codes)
    async with db.write() as connection:
        await platform_rows.add(connection, one)
        await platform_rows.record_basis(connection, "city", basis, "wang", NOW)
    await db.close()


class Played:
    """A centre, a gateway that sends a round of records, and the far end of one protocol."""

    def __init__(self, rig: Rig, far: FarEnd) -> None:
        self.rig, self.far = rig, far
        self.sent, self._gateway = 0, Gateway(httpx.AsyncClient())

    async def begin(self) -> None:
        await self.rig.start_server()
        await owe(self.rig.server_folder, self.far)
        await self.far.asks(self.rig.url)
        folder = str(self.rig.server_folder)
        told = await ask("gatehouse-server", "enrol-code", "--data", folder, "--complex", COMPLEX)
        self._gateway = Gateway(httpx.AsyncClient(base_url=self.rig.url, timeout=60))
        assert (await self._gateway.enrol(told["code"])).status_code == 200

    async def end(self) -> None:
        await self._gateway.client.aclose()

    async def bring(self) -> None:
        """One more round of records, durable at the centre."""
        numbers = range(self.sent, self.sent + ROUND)
        await self._gateway.send(*(self.far.event(number) for number in numbers))
        self.sent += ROUND

    @property
    def states(self) -> dict[str, int]:
        return dict(self.rig.centre_query("SELECT state, count(*) FROM handover GROUP BY state"))

    async def all_accepted(self) -> None:
        await until(lambda: self.states == {"accepted": self.sent}, 240, 0.2)

    async def killed_in_mid_batch(self) -> None:
        """The far end takes what comes and says nothing; then we die, and begin again."""
        self.far.stall(is_stalled=True)
        await self.bring()
        await until(lambda: self.states.get("sent"), 60)
        self.rig.server.kill()
        assert self.states["sent"], "nothing was under way: the kill was too late"
        self.far.stall(is_stalled=False)
        await self.rig.start_server()
        await self.all_accepted()

    async def away(self) -> None:
        """An outage, longer than anybody asks again at once."""
        await self.far.away(is_away=True)
        await self.bring()
        await until(lambda: self.rig.centre_query("SELECT session FROM platform")[0][0] == "ill", 60)
        await self.far.away(is_away=False)
        await self.all_accepted()

    def check(self) -> None:
        """Each once by its id, and of each device in the order in which it happened."""
        taken = self.far.taken()
        names = [self.far.name(number) for number in range(self.sent)]
        assert sorted(taken) == sorted(names)
        places = {name: place for place, name in enumerate(taken)}
        for n in range(DEVICES):
            mine = [places[name] for name in names[n::DEVICES]]
            assert mine == sorted(mine), f"of device {n} out of order"


async def begun(folder: Path, kind: str, centre: list[str] | None = None) -> Played:
    far, server = ENDS[kind](), folder / "centre"
    secrets = folder / "secrets"
    secrets.mkdir()
    await far.start(secrets)
    rig = Rig(folder, pip_broker(), extra_server=far.server_toml, centre=centre)
    rig.make_server_folder()
    for file in secrets.iterdir():
        (server / file.name).write_bytes(file.read_bytes())
    rig.account = await ask("gatehouse-server", "init", "--data", str(server))
    return Played(rig, far)


def test_every_protocol_has_its_far_end_here() -> None:
    assert sorted(ENDS) == sorted(KINDS)


@pytest.mark.parametrize("kind", sorted(ENDS))
async def test_each_record_once_in_order_over_kills_and_an_outage(tmp_path: Path, kind: str) -> None:
    played = await begun(tmp_path, kind)
    async with ended(played.rig, enrolled=False):
        await played.begin()
        for _ in range(KILLS):
            await played.killed_in_mid_batch()
        await played.away()
        played.check()
        assert played.far.repeats() > 0, "nothing came twice: no kill fell between taking and answering"
        await played.end()
    await played.far.stop()


@pytest.mark.parametrize("kind", sorted(ENDS))
async def test_the_control_whose_cursor_moves_before_the_answer_is_caught(tmp_path: Path, kind: str) -> None:
    """All is settled while the platform is away, and none of it ever arrives."""
    played = await begun(tmp_path, kind, mutant("settles_first"))
    async with ended(played.rig, enrolled=False):
        await played.begin()
        await played.far.away(is_away=True)
        await played.bring()
        await played.all_accepted()
        played.rig.server.kill()
        await played.far.away(is_away=False)
        await played.rig.start_server()
        await played.bring()
        await played.all_accepted()
        with pytest.raises(AssertionError):
            played.check()
        await played.end()
    await played.far.stop()
