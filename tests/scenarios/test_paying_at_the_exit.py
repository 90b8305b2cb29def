"""From the phone to the arm in real processes: a driver scans the exit's code, pays, and the barrier opens; the notice
of the second payment is lost, and it opens all the same."""

from __future__ import annotations

import re
from pathlib import Path

import httpx

from simulators.payments.server import Payments
from simulators.products import ask
from tests.browser.stage import free_port
from tests.rig import COMPLEX, SERVER_TOML, until
from tests.scenarios.lane_site import IN, OUT, LaneSite
from tests.server.payments.site import payments

FIRST, SECOND = "湘A8K6Q2", "湘A8K6Q3"
PHONE = {"User-Agent": "Mobile", "Accept": "text/html"}


def _with_payments(here: LaneSite, sim: Payments, port: int) -> None:
    """The centre listens where the providers are told that it does, from its first start on."""
    folder = here.rig.server_folder

    def write(_: int) -> None:
        settings = SERVER_TOML.format(host="127.0.0.1", port=port, database="")
        (folder / "server.toml").write_text(f'public_url = "http://127.0.0.1:{port}"\n{settings}\n{sim.toml()}')
        sim.write_keys(folder)

    here.rig._write_server = write  # pyright: ignore[reportPrivateUsage]


async def test_a_driver_pays_by_phone_and_the_arm_goes_up(tmp_path: Path) -> None:
    async with payments(tmp_path / "keys") as sim:
        here = LaneSite(tmp_path)
        _with_payments(here, sim, free_port())
        try:
            await here.start()
            told = await ask("gatehouse-server", "payments", "codes", COMPLEX, "--data", str(here.rig.server_folder))
            code = next(one["code"] for one in told["codes"] if one["lane"] == "out")
            await _comes_and_waits(here, FIRST, 1)
            await _pays(here, sim, code, "wechat")
            await until(lambda: here.openings(OUT) == 1)
            await until(lambda: (FIRST, 600) in here.charges())
            await _comes_and_waits(here, SECOND, 2)
            sim.faults.coming.append("lost")
            await _pays(here, sim, code, "alipay")
            await until(lambda: here.openings(OUT) == 2)
            clearing = "SELECT account, fen FROM journal_line WHERE account LIKE 'clearing%' ORDER BY account"
            assert here.rig.centre_query(clearing) == [("clearing:alipay", 600), ("clearing:wechat", 600)]
        finally:
            await here.stop()


async def _comes_and_waits(here: LaneSite, plate: str, count: int) -> None:
    here.car(IN, plate, hours_ago=2.5)
    await until(lambda: len(here.rig.centre_query("SELECT 1 FROM session WHERE state = 'inside'")) == 1)
    here.car(OUT, plate)
    await until(lambda: len(here.events("barrier", label="decision", reason="due")) == count)
    await until(lambda: here.rig.centre_query("SELECT 1 FROM lane_car WHERE plate = ?", plate))


async def _pays(here: LaneSite, sim: Payments, code: str, channel: str) -> None:
    async with httpx.AsyncClient(headers=PHONE, follow_redirects=True) as phone:
        page = await phone.get(f"{here.rig.url}/pay/{code}")
        assert "¥6.00" in page.text, page.text
        form = re.search(rf'action="(/pay/{code}/\w+)"', page.text)
        assert form
        order = await phone.post(here.rig.url + form[1], data={"channel": channel})
        link = re.search(r'id="go" href="([^"]+)"', order.text)
        assert link, order.text
        at_provider = await phone.get(link[1].replace("&amp;", "&"))
        assert "支付" in (await phone.post(str(at_provider.url))).text
