"""Charge points on a real socket: another project's charge point is the peer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action, RegistrationStatus, RemoteStartStopStatus
from websockets.exceptions import ConnectionClosed, InvalidStatus

from domain.desired_bodies import Device
from edge.clock import Clock, standing
from edge.device_secrets import DeviceSecret, DeviceSecrets
from edge.devices.driver import discover
from edge.transports import websocket
from edge.transports.websocket import WebSocketTransport
from tests.edge.control_bench import control_bench
from tests.edge.devices.samples import RECEIVED_AT, samples, says
from tests.edge.link_bench import LinkBench, link_bench, running
from tests.rig import until

CP = "ocpp:CP001"
DEVICE = Device(id=CP, place="东门车棚")


class Peer(ChargePoint):
    """A charge point that does what it is told."""

    stopped: list[int] = []

    @on(Action.remote_stop_transaction)
    def on_stop(self, transaction_id: int) -> call_result.RemoteStopTransaction:
        self.stopped.append(transaction_id)
        return call_result.RemoteStopTransaction(status=RemoteStartStopStatus.accepted)


@asynccontextmanager
async def centre(
    folder: Path, *devices: Device, clock: Clock | None = None, right: Any = None, **settings: Any
) -> AsyncIterator[tuple[LinkBench, WebSocketTransport]]:
    told = {"websocket": {"host": "127.0.0.1", "port": 0, **settings}}
    async with link_bench(folder, *(devices or (DEVICE,)), clock=clock, **told) as here:
        transport = websocket.make(replace(here.around, right=right) if right else here.around)
        async with running(transport):
            await until(lambda: transport.port != 0)
            yield here, transport


def line(transport: WebSocketTransport, identity: str = "CP001", **how: Any) -> Any:
    url = f"ws://127.0.0.1:{transport.port}/steve/ocpp/{identity}"
    return websockets.connect(url, **{"subprotocols": ["ocpp1.6"], "open_timeout": 5, **how})


@asynccontextmanager
async def peer(transport: WebSocketTransport) -> AsyncIterator[Peer]:
    async with line(transport) as socket:
        point = Peer("CP001", socket)
        task = asyncio.create_task(point.start())
        try:
            yield point
        finally:
            task.cancel()


async def test_a_charge_point_of_another_project_charges_and_is_stopped(tmp_path: Path) -> None:
    async with centre(tmp_path) as (here, transport), peer(transport) as point:
        boot = await point.call(call.BootNotification(charge_point_model="M", charge_point_vendor="V"))
        assert (boot.status, boot.interval) == (RegistrationStatus.accepted, 300)
        assert (await point.call(call.Heartbeat())).current_time.startswith("20")
        assert (await point.call(call.Authorize(id_tag="CARD0017"))).id_tag_info["status"] == "Accepted"
        start = call.StartTransaction(connector_id=1, id_tag="CARD0017", meter_start=10, timestamp=boot.current_time)
        number = (await point.call(start)).transaction_id
        (started,) = [event for event in await here.events("charging") if event.state == "started"]
        assert (started.ext["transaction"], started.place) == (number, "东门车棚"), "durable before it was answered"
        assert transport.send(CP, here.encode(CP, "charging.stop", transaction=number))
        (result,) = await here.recorded("command_result")
        assert (result.request_id, result.ok, point.stopped) == ("order-0001", True, [number])
        stop = call.StopTransaction(meter_stop=900, timestamp=boot.current_time, transaction_id=number)
        await point.call(stop)
        assert [event.state for event in await here.events("charging")] == ["authorized", "started", "stopped"]


async def test_whose_card_is_not_on_the_list_does_not_charge_where_the_list_decides(tmp_path: Path) -> None:
    everywhere = {"doors": [{"device": CP}], "until": "2099-12-31"}
    cards = [
        {"id": "good", "card": "CARD0017", **everywhere},
        {"id": "lost", "card": "CARD0018", **everywhere, "revoked": True},
        {"id": "over", "card": "CARD0019", **everywhere, "until": "2020-01-01"},
        {"id": "house", "card": "CARD0020", **everywhere, "doors": [{"device": "osdp:1"}]},
    ]
    (tmp_path / "box").mkdir()
    async with control_bench(tmp_path / "box") as box:
        await box.wish(1, credentials={"cards": cards})
        right = box.control.charging.decide  # as the agent wires it
        async with centre(tmp_path, right=right) as (here, transport), peer(transport) as point:

            async def told(tag: str, hour: int = 1) -> list[str]:
                asked = await point.call(call.Authorize(id_tag=tag))
                start = call.StartTransaction(1, tag, 10, f"2026-03-01T{hour:02}:15:31Z")
                return [asked.id_tag_info["status"], (await point.call(start)).id_tag_info["status"]]

            tags = ("CARD0017", "CARD0018", "CARD0019", "CARD0020", "CARD9999")
            assert [await told(tag) for tag in tags] == [["Accepted"] * 2] * 5, "anyone may, unless the policy says so"
            await box.wish(1, policy={"charge_by": "cards"})
            said = [["Accepted"] * 2, ["Blocked"] * 2, ["Expired"] * 2, ["Blocked"] * 2, ["Invalid"] * 2]
            assert [await told(tag, 2) for tag in tags] == said
            found = [(event.state, event.reason) for event in await here.events("charging") if event.reason]
    reasons = ["card_list", "revoked", "expired", "wrong_door", "unknown_card"]
    asked = [("authorized" if reason == "card_list" else "refused", reason) for reason in reasons]
    began = [("started", reason) for reason in reasons]
    assert sorted(found) == sorted([*asked, *began]), "each as it was answered"


async def test_every_sample_gives_its_events_over_the_real_line(tmp_path: Path) -> None:
    clock = standing(RECEIVED_AT)
    async with centre(tmp_path, clock=clock) as (here, transport), line(transport) as socket:
        for sample in samples("ocpp16"):
            if sample.expect:
                await socket.send(sample.payload.decode())
                if sample.payload.lstrip()[1:].lstrip()[:1] == b"2":
                    await asyncio.wait_for(socket.recv(), 5)
        await here.recorded("command_result")
        kept = [event for event in await here.events() if event.kind != "availability"]
    said = [expected for sample in samples("ocpp16") for expected in sample.expect]
    assert [expected for expected in said if not any(says(event, expected) for event in kept)] == []
    assert len(kept) == len(said)


async def test_what_is_not_durable_is_not_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.transports.websocket_client._DURABLE_S", 0.2)
    told = {"websocket": {"host": "127.0.0.1", "port": 0}}
    async with link_bench(tmp_path, DEVICE, committing=False, **told) as here:
        transport = websocket.make(here.around)
        async with running(transport):
            await until(lambda: transport.port != 0)
            async with line(transport) as socket:
                await socket.send(samples("ocpp16")[0].payload.decode())
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(socket.recv(), 5)


async def test_who_may_not_call_is_refused_with_the_reason(tmp_path: Path) -> None:
    DeviceSecrets(tmp_path).keep(CP, DeviceSecret("s3cret"))  # pragma: allowlist secret
    basic = {"Authorization": "Basic Q1AwMDE6czNjcmV0"}  # CP001 and its password
    cases: list[tuple[str, dict[str, Any], int]] = [
        ("CP002", {}, 404),
        ("CP001", {}, 401),
        ("CP001", {"additional_headers": {"Authorization": "Basic Q1AwMDE6d3Jvbmc="}}, 401),
        ("CP001", {"additional_headers": {"Authorization": "Basic %%%"}}, 401),
        ("CP001", {"additional_headers": basic, "subprotocols": ["ocpp2.0.1"]}, 400),
    ]
    async with centre(tmp_path) as (_, transport):
        for identity, how, status in cases:
            with pytest.raises(InvalidStatus) as refused:
                async with line(transport, identity, **how):
                    pass
            assert refused.value.response.status_code == status
        async with line(transport, additional_headers=basic) as socket:
            assert socket.subprotocol == "ocpp1.6"


async def test_connections_and_frames_are_bounded(tmp_path: Path) -> None:
    devices = [Device(id=f"ocpp:CP00{number}") for number in (1, 2)]
    async with centre(tmp_path, *devices, connections=1) as (_, transport), line(transport) as socket:
        with pytest.raises(InvalidStatus) as refused:
            async with line(transport, "CP002"):
                pass
        assert refused.value.response.status_code == 503
        await socket.send(json.dumps([2, "a", "DataTransfer", {"vendorId": "x" * 70_000}]))
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)


async def test_a_broken_frame_is_parked_and_the_line_goes_on(tmp_path: Path) -> None:
    async with centre(tmp_path) as (here, transport), line(transport) as socket:
        await socket.send('[2,"a","StatusNotification",{"status":"Sleeping"}]')
        await asyncio.wait_for(socket.recv(), 5)
        await socket.send("[9]")
        await socket.send('[2,"b","Heartbeat",{}]')
        assert json.loads(await asyncio.wait_for(socket.recv(), 5))[1] == "b"
        assert here.intake.counts["undecodable"] == 2


async def test_coming_and_going_are_events_and_a_short_gap_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_STILL_AWAY_S", 0.3)
    async with centre(tmp_path) as (here, transport):
        async with line(transport):
            await here.recorded("availability")
        async with line(transport) as older, line(transport) as newer:
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(older.recv(), 5)
            await newer.send('[2,"b","Heartbeat",{}]')
            await asyncio.wait_for(newer.recv(), 5)
            assert [event.state for event in await here.events("availability")] == ["online"]
        assert not transport.send(CP, here.encode(CP, "charger.reset"))
        found = await here.recorded("availability", 2)
        assert [event.state for event in found] == ["online", "offline"]


async def test_a_charge_point_that_was_taken_off_the_list_is_sent_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "_LOOK_S", 0.02)
    async with centre(tmp_path) as (here, transport), line(transport) as socket:
        here.devices.replace([])
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(socket.recv(), 5)


def test_the_transport_is_wanted_for_charge_points_alone() -> None:
    assert discover().transports_of([CP]) == {"websocket"}
    assert "websocket" not in discover().transports_of(["uhppoted:1"])
