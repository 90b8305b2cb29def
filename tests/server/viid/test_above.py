"""What libraries above ask: devices within what they may see, subscriptions of their own, watch lists handed on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from domain.viid.envelopes import Fields
from server.viid.equipment import Name
from server.viid.settings import Peer
from server.viid.taking import Verdict
from tests.server.engines import SQLITE, Engine
from tests.server.viid.served import (
    CAMERA,
    OTHER_UPPER,
    OURS,
    UPPER,
    Caller,
    Served,
    codes,
    served,
    statuses,
    subscription,
)

ON_SQLITE = pytest.mark.parametrize("engine", [SQLITE], ids=["sqlite"])
NUMBER = subscription()["SubscribeListObject"]["SubscribeObject"][0]["SubscribeID"]


@pytest.fixture
async def centre(tmp_path: Path, engine: Engine) -> AsyncIterator[Served]:
    async with served(tmp_path, engine) as one:
        yield one


async def registered(centre: Served, code: str = UPPER, user: str = "") -> Caller:
    caller = Caller(centre.url, code, user)
    assert (await caller.register()).status_code == 200
    return caller


async def listed(caller: Caller) -> list[dict[str, Any]]:
    return (await caller.client.get("/VIID/Subscribes")).json()["SubscribeListObject"]["SubscribeObject"]


async def test_a_subscription_is_kept_told_and_cancelled(centre: Served) -> None:
    caller = await registered(centre)
    for _ in range(2):  # told twice, it is one
        assert codes(await caller.post("/VIID/Subscribes", subscription())) == [0]
    (told,) = await listed(caller)
    assert (told["SubscribeID"], told["SubscribeDetail"], told["SubscribeStatus"]) == (NUMBER, "13", 0)
    assert len(await centre.audited("viid.subscribed")) == 1
    body = {"SubscribeListObject": {"SubscribeObject": [{"OperateType": 1, "CancelReason": "结案"}]}}
    assert codes(await caller.client.put(f"/VIID/Subscribes/{NUMBER}", json=body)) == [0]
    assert (await listed(caller))[0]["SubscribeStatus"] == 1
    (row,) = await centre.audited("viid.unsubscribed")
    assert (row["who"], row["ref"], row["reason"]) == (UPPER, NUMBER, "结案")
    assert codes(await caller.post("/VIID/Subscribes", subscription())) == [0]  # and it may subscribe anew
    assert codes(await caller.client.delete(f"/VIID/Subscribes?IDList={NUMBER}")) == [0]
    assert (await caller.client.delete("/VIID/Subscribes")).status_code == 400


async def test_nobody_sees_or_cancels_what_another_subscribed_to(centre: Served) -> None:
    caller, other = await registered(centre), await registered(centre, OTHER_UPPER, "branch")
    await caller.post("/VIID/Subscribes", subscription())
    assert await listed(other) == []
    assert codes(await other.client.delete(f"/VIID/Subscribes?IDList={NUMBER}")) == [8]
    assert (await listed(caller))[0]["SubscribeStatus"] == 0


@ON_SQLITE
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"SubscribeID": "1"}, "SubscribeID"),
        ({"SubscribeID": "330106000000042026112216070000001"}, "is the number of a SubscribeNotification"),
        ({"SubscribeDetail": "13,77"}, "SubscribeDetail 77"),
        ({"SubscribeDetail": ""}, "SubscribeDetail"),
        ({"EndTime": "20201122000000", "BeginTime": "20191122000000"}, "is past"),
        ({"EndTime": "20201122000000"}, "is not after BeginTime"),
        ({"BeginTime": "soon"}, "is no time"),
        ({"ReceiveAddr": "http://192.0.2.66/steal"}, "not an address that was agreed on"),
        ({"ReportInterval": "often"}, "ReportInterval"),
        ({"ResourceURI": ""}, "ResourceURI"),
    ],
)
async def test_a_subscription_that_cannot_be_taken_says_why(changed: dict[str, str], says: str, centre: Served) -> None:
    caller = await registered(centre)
    answer = await caller.post("/VIID/Subscribes", subscription(**changed))
    assert codes(answer) == [8]
    assert says in statuses(answer)[0]["StatusString"]
    assert await listed(caller) == []


@ON_SQLITE
async def test_subscriptions_expire_and_are_bounded(centre: Served) -> None:
    caller = await registered(centre)
    soon = f"{centre.now() + timedelta(hours=8, seconds=60):%Y%m%d%H%M%S}"
    assert codes(await caller.post("/VIID/Subscribes", subscription(EndTime=soon))) == [0]
    centre.ahead = timedelta(seconds=61)
    assert (await listed(caller))[0]["SubscribeStatus"] == 2
    many = [subscription(serial)["SubscribeListObject"]["SubscribeObject"][0] for serial in range(2, 204)]
    answer = await caller.post("/VIID/Subscribes", {"SubscribeListObject": {"SubscribeObject": many}})
    assert codes(answer) == [0] * 200 + [8] * 2


class Cameras:
    """One in each complex."""

    async def of(self, name: Name, peer: Peer) -> Sequence[Fields]:
        every = {"garden": CAMERA, "river": "33010600011190000002"}
        return [{"ApeID": code, "Name": complex_id} for complex_id, code in every.items() if peer.sees(complex_id)]


@ON_SQLITE
async def test_devices_are_told_within_what_a_peer_may_see(centre: Served) -> None:
    centre.house.viid.equipment = Cameras()
    caller, other = await registered(centre), await registered(centre, OTHER_UPPER, "branch")

    async def names(who: Caller, query: str = "") -> list[str]:
        told = (await who.client.get(f"/VIID/APEs{query}")).json()["APEListObject"]["APEObject"]
        return [one["Name"] for one in told]

    assert (await names(caller), await names(other)) == (["garden"], ["river"])
    assert await names(caller, f"?APE.ApeID={CAMERA}") == ["garden"]
    assert await names(caller, "?APE.ApeID=1") == await names(caller, "?RecordStartNo=2") == []
    assert (await caller.client.get("/VIID/Lanes")).json() == {
        "LaneListObject": {"LaneObject": [{"ApeID": CAMERA, "Name": "garden"}]}
    }
    assert len(await centre.audited("viid.asked")) == 6


class WatchLists:
    def __init__(self) -> None:
        self.took: list[tuple[str, Any]] = []

    async def take(self, peer: Peer, address: str, said: Sequence[Fields]) -> Sequence[Verdict]:
        self.took += [(peer.code, one) for one in said]
        return [Verdict(str(one.get("DispositionID"))) for one in said]

    async def told(self, peer: Peer, address: str) -> Sequence[Fields]:
        return [one for code, one in self.took if code == peer.code and isinstance(one, dict)]

    async def withdraw(self, peer: Peer, address: str, numbers: Sequence[str], why: str) -> Sequence[Verdict]:
        self.took += [(peer.code, number) for number in numbers]
        return [Verdict(number) for number in numbers]


@ON_SQLITE
async def test_watch_lists_are_handed_on(centre: Served) -> None:
    caller, lists = await registered(centre), WatchLists()
    one = {"DispositionID": "330106000000012026112216070000001", "TargetFeature": "浙A00000"}
    body = {"DispositionListObject": {"DispositionObject": [one]}}
    assert codes(await caller.post("/VIID/Dispositions", body)) == [4], "nobody keeps them: no word of success"
    centre.house.viid.dispositions = lists
    assert codes(await caller.post("/VIID/Dispositions", body)) == [0]
    assert codes(await caller.client.put(f"/VIID/Dispositions/{one['DispositionID']}", json=body)) == [0]
    assert codes(await caller.client.delete(f"/VIID/Dispositions?IDList={one['DispositionID']}")) == [0]
    assert codes(await caller.client.delete(f"/VIID/Dispositions/{one['DispositionID']}")) == [0]
    assert lists.took == [(UPPER, one), (UPPER, one), (UPPER, one["DispositionID"]), (UPPER, one["DispositionID"])]
    told = (await caller.client.get("/VIID/Dispositions")).json()
    assert told == {"DispositionListObject": {"DispositionObject": [one, one]}}


@ON_SQLITE
async def test_one_is_asked_for_by_its_number(centre: Served) -> None:
    centre.house.viid.equipment = Cameras()
    caller, other = await registered(centre), await registered(centre, OTHER_UPPER, "branch")
    await caller.post("/VIID/Subscribes", subscription())
    assert (await caller.client.get(f"/VIID/APEs/{CAMERA}")).json()["APEObject"]["Name"] == "garden"
    assert (await caller.client.get(f"/VIID/Subscribes/{NUMBER}")).json()["SubscribeObject"]["SubscribeStatus"] == 0
    for path in (f"/VIID/APEs/{CAMERA}", f"/VIID/Subscribes/{NUMBER}"):
        assert refusal(await other.client.get(path)) == (404, 4), "another's is as good as none"
    assert codes(await other.client.delete(f"/VIID/Subscribes/{NUMBER}")) == [8]
    assert codes(await caller.client.delete(f"/VIID/Subscribes/{NUMBER}")) == [0]


# The table of resources in the reference, section 4, less those that libraries above are answered.
NOT_ANSWERED = (
    *("APSs", "VideoSlices", "Images", "Files", "Things", "Scenes", "Cases", "AnalysisRules", "VideoLabels"),
    *("VIIDServers", "DispositionNotifications", "SubscribeNotifications"),
)


@ON_SQLITE
async def test_what_is_not_answered_is_refused_in_the_words_of_the_standard(centre: Served) -> None:
    """Every path of the standard, by every verb: a status object that says so, and nothing of a web server's own."""
    caller = await registered(centre)
    for name in NOT_ANSWERED:
        for path in (f"/VIID/{name}", f"/VIID/{name}/1", f"/VIID/{name}/1/Data"):
            for method in ("GET", "POST", "PUT", "DELETE"):
                answer = await caller.client.request(method, path, json={} if method in ("POST", "PUT") else None)
                assert refusal(answer) in ((404, 4), (403, 4)), (method, path)
    assert refusal(await caller.client.delete("/VIID/APEs/1")) == (404, 4)


@ON_SQLITE
async def test_who_has_no_session_learns_of_no_path(centre: Served) -> None:
    stranger = Caller(centre.url, UPPER)
    for path in ("/VIID/APEs", "/VIID/Cases", "/VIID/nothing/at/all", "/VIID/Dispositions/1"):
        assert refusal(await stranger.client.get(path)) == (401, 4)


def refusal(answer: httpx.Response) -> tuple[int, int]:
    return answer.status_code, answer.json()["ResponseStatusObject"]["StatusCode"]


@ON_SQLITE
async def test_our_code_stands_for_all_that_a_peer_may_see(centre: Served) -> None:
    caller = await registered(centre)
    await caller.post("/VIID/Subscribes", subscription(ResourceURI=f"{OURS},{CAMERA}", SubscribeDetail="12,13"))
    assert (await listed(caller))[0]["ResourceURI"] == f"{OURS},{CAMERA}"
