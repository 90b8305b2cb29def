"""From a click at the centre to a door, in real processes: a card swiped at the reader is enrolled there and opens,
and revoked on the page it is refused within fifteen seconds."""

from __future__ import annotations

import re
import time
from pathlib import Path

import httpx

from simulators.broker import NatsBroker
from tests.rig import COMPLEX, until
from tests.scenarios.door_site import DEVICE, GOOD_CARD, LOST_CARD, DoorSite, cards

BOUND_S = 15.0
UNTIL = "2099-12-31"


class Clerk:
    """Somebody at a browser of the running centre."""

    def __init__(self, client: httpx.Client, account: dict[str, str]) -> None:
        self._client = client
        said = {"username": account["username"], "password": account["password"], "next": "/"}
        assert client.post("/login", data=said).status_code == 303
        self._csrf = client.get("/session", headers={"Accept": "application/json"}).json()["csrf"]

    def page(self, path: str) -> str:
        answer = self._client.get(path, headers={"Accept": "text/html"})
        return self.page(answer.headers["location"]) if answer.status_code == 303 else answer.text

    def submit(self, path: str, **fields: str) -> str:
        """Where it leads."""
        answer = self._client.post(path, data={"csrf": self._csrf, **fields}, headers={"Accept": "text/html"})
        assert answer.status_code == 303 and "refused" not in answer.headers["location"], answer.text[:500]
        return answer.headers["location"]


async def test_enrolled_by_a_swipe_and_refused_within_the_bound_after_the_click(tmp_path: Path) -> None:
    here = DoorSite(tmp_path, NatsBroker())
    try:
        await here.start()
        await here.wish("credentials", {"cards": cards(revoked=False)["cards"][:1]})  # the good one, by command line
        with httpx.Client(base_url=here.rig.url) as client:
            clerk = Clerk(client, here.rig.account)
            home = clerk.submit("/residents", complex=COMPLEX, room="101", name="王芳")
            client_page = clerk.submit(f"{home}/swipe", reader=f"{DEVICE} door/1")
            await here.swipe(LOST_CARD)
            await until(lambda: "确认登记这张卡" in clerk.page(client_page), every_s=0.3)
            assert here.door.opened_for(LOST_CARD) == 0, "nobody knew it"
            swiped = re.search(r'name="swipe" value="(\w+)"', clerk.page(client_page))
            assert swiped
            clerk.submit(f"{home}/cards", kind="card", swipe=swiped[1], until=UNTIL)
            await until(lambda: "已到 1 / 1 扇门" in clerk.page(home), every_s=0.3)
            await here.swipe(LOST_CARD)
            await until(lambda: here.door.opened_for(LOST_CARD) == 1)

            click = re.search(rf"{home}/cards/[\w-]+/revoke", clerk.page(home))
            assert click
            began = time.monotonic()
            clerk.submit(click[0])
            await until(lambda: "已到 1 / 1 扇门" in clerk.page(home), BOUND_S, 0.3)
            await here.swipe(LOST_CARD)
            left_s = BOUND_S - (time.monotonic() - began)
            await until(lambda: here.decisions()[-1:] == [(str(LOST_CARD), "revoked")], left_s)
            assert here.door.opened_for(LOST_CARD) == 1, "it opened nothing more"
            await here.swipe(GOOD_CARD)  # the control: the door does open, for whom the command line let in
            await until(lambda: here.door.opened_for(GOOD_CARD) == 1)
            assert here.door.opened_for(LOST_CARD) == 1
    finally:
        here.stop()
