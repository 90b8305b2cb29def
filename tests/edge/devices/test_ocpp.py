"""Charge points: what the samples leave open — units, faults, numbers of transactions, orders, answers."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ocpp.messages import unpack, validate_payload

from domain.events import Event
from edge.devices.driver import BadMessage, CannotEncode, Command, Message, Packet, discover
from edge.devices.ocpp import DRIVER
from tests.edge.devices.samples import SITE, json_of, sample

PATH = "/ocpp/CP001"
NOW = datetime(2026, 3, 1, 0, 16, tzinfo=UTC)


def said(*frame: Any, at: datetime | None = None) -> list[Event]:
    return DRIVER.decode(Message("ocpp16", json.dumps(frame).encode(), PATH, received_at=at), SITE).events


def answer(*frame: Any) -> Any:
    found = discover().answer(Message("ocpp16", json.dumps(frame).encode(), PATH, received_at=NOW), SITE)
    return found and json.loads(found.payload)


def order(name: str, **args: Any) -> Any:
    packet = discover().encode(Command(name, "ocpp:CP001", "g1", NOW, args), SITE)
    assert isinstance(packet, Packet)
    check(unpack(packet.payload.decode()))
    return json.loads(packet.payload)


def check(message: Any) -> None:
    """By the schemas of another project."""
    asyncio.run(validate_payload(message, "1.6"))


def meters(*sampled: dict[str, Any]) -> dict[str, float]:
    value = {"timestamp": "2026-03-01T00:20:00Z", "sampledValue": list(sampled)}
    (event,) = said(2, "m", "MeterValues", {"connectorId": 1, "meterValue": [value]})
    return event.metrics


@pytest.mark.parametrize(
    ("sampled", "metrics"),
    [
        ({"value": "121900"}, {"energy_wh": 121900}),
        ({"value": "121.9", "unit": "kWh"}, {"energy_wh": 121900}),
        ({"value": "6.8", "measurand": "Power.Active.Import", "unit": "kW"}, {"power_w": 6800}),
        ({"value": "6800", "measurand": "Power.Active.Import"}, {"power_w": 6800}),
        ({"value": "230.4", "measurand": "Voltage", "phase": "L1-N", "unit": "V"}, {"voltage_mv_l1n": 230400}),
        ({"value": "16", "measurand": "Current.Import", "unit": "A"}, {"current_ma": 16000}),
        ({"value": "212", "measurand": "Temperature", "unit": "Fahrenheit"}, {"temperature_c": 100}),
        ({"value": "300", "measurand": "Temperature", "unit": "K", "location": "Body"}, {"temperature_c_body": 26.85}),
        ({"value": "81", "measurand": "SoC", "unit": "Percent", "location": "EV"}, {"battery_pct_ev": 81}),
    ],
)
def test_units_are_ours_whatever_was_sent(sampled: dict[str, Any], metrics: dict[str, float]) -> None:
    assert meters(sampled) == metrics


def test_what_cannot_be_read_is_kept_as_codes_and_never_as_a_number() -> None:
    value = {"timestamp": "2026-03-01T00:20:00Z", "sampledValue": [{"value": "5", "unit": "BTU"}, {"value": "x"}]}
    signed = {"value": "7b22", "format": "SignedData"}
    body = {"connectorId": 1, "meterValue": [value, {**value, "sampledValue": [signed]}]}
    first, second = said(2, "m", "MeterValues", body)
    assert (first.metrics, second.metrics) == ({}, {})
    assert "BTU" in first.raw_codes.values() or "x" in first.raw_codes.values()
    assert second.raw_codes["Energy.Active.Import.Register.format"] == "SignedData"


@pytest.mark.parametrize(
    ("status", "error", "alarm"),
    [
        ("Faulted", "HighTemperature", "charger_overheat"),
        ("Faulted", "NoError", "charger_fault"),
        ("Available", "WeakSignal", "charger_weak_signal"),
        ("Faulted", "SomethingNew", "charger_fault"),
        ("Available", "NoError", None),
    ],
)
def test_a_fault_is_an_alarm(status: str, error: str, alarm: str | None) -> None:
    events = said(2, "a", "StatusNotification", {"connectorId": 1, "errorCode": error, "status": status})
    assert [event.alarm for event in events if event.kind == "alarm"] == ([alarm] if alarm else [])
    assert events[-1].kind == "charging"
    assert events[-1].time is None


def test_a_start_that_is_sent_again_gets_the_same_transaction_and_says_it() -> None:
    frame = json_of("ocpp16", "start-transaction.json")
    (event,) = said(*frame)
    number = answer(*frame)[2]["transactionId"]
    assert answer(2, "again", *frame[2:])[2]["transactionId"] == number == event.ext["transaction"]
    other = {**frame[3], "timestamp": "2026-03-01T00:15:32Z"}
    assert answer(2, "next", "StartTransaction", other)[2]["transactionId"] != number
    stopped, measured = said(
        2,
        "s",
        "StopTransaction",
        {
            "transactionId": number,
            "meterStop": 121000,
            "timestamp": "2026-03-01T01:15:31Z",
            "reason": "Remote",
            "transactionData": [{"timestamp": "2026-03-01T01:00:00Z", "sampledValue": [{"value": "120900"}]}],
        },
    )
    assert (stopped.state, stopped.metrics, stopped.reason) == ("stopped", {"energy_wh": 121000}, "Remote")
    assert stopped.ext["transaction"] == measured.ext["transaction"] == number


def test_what_a_charge_point_kept_while_it_was_cut_off_is_no_bad_clock() -> None:
    frame = json_of("ocpp16", "start-transaction.json")
    (old,) = said(*frame, at=NOW + timedelta(hours=5))
    (wrong,) = said(2, "a", "StatusNotification", status(timestamp="2020-01-01T00:00:00Z"), at=NOW)
    assert (old.time_quality, wrong.time_quality) == ("replay", "device_clock_bad")


def status(**changed: Any) -> dict[str, Any]:
    return {"connectorId": 1, "errorCode": "NoError", "status": "Charging", **changed}


@pytest.mark.parametrize(
    "frame",
    [
        [2, "b", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}],
        [2, "h", "Heartbeat", {}],
        [2, "a", "Authorize", {"idTag": "CARD0017"}],
        [2, "d", "DataTransfer", {"vendorId": "V", "messageId": "m", "data": "secret words"}],
        [2, "s", "StatusNotification", status()],
    ],
)
def test_answers_fit_the_schemas(frame: list[Any]) -> None:
    told = answer(*frame)
    result: Any = unpack(json.dumps(told))
    result.action = frame[2]
    check(result)


def test_an_action_nobody_knows_is_kept_and_refused() -> None:
    (event,) = said(2, "x9", "BrewCoffee", {"cups": 2})
    assert (event.kind, event.code, event.raw_codes) == ("unknown", "BrewCoffee", {"cups": 2})
    assert answer(2, "x9", "BrewCoffee", {})[:3] == [4, "x9", "NotImplemented"]


def test_what_a_vendor_transfers_is_named_and_not_told() -> None:
    (event,) = said(2, "d", "DataTransfer", {"vendorId": "V", "messageId": "m", "data": "secret words"})
    assert (event.kind, event.bytes) == ("passthrough", 12)
    assert "secret" not in repr(event)


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b'{"link":"sideways"}',
        b"[]",
        b'[2,"a","Heartbeat"]',
        b'[5,"a",{}]',
        b"[2,7,3,{}]",
        b'[2,"","Heartbeat",{}]',
    ],
)
def test_no_frame_is_refused(payload: bytes) -> None:
    with pytest.raises(BadMessage):
        DRIVER.decode(Message("ocpp16", payload, PATH), SITE)


def test_who_speaks_must_be_known() -> None:
    message = sample("ocpp16", "status-charging.json").message(topic="")
    with pytest.raises(BadMessage, match="last segment"):
        DRIVER.decode(message, SITE)


def test_the_samples_order_field_for_field() -> None:
    found = sample("ocpp16", "cmd-remote-stop.json")
    assert found.encodes == {"command": "charging.stop", "transaction": 7}
    assert order("charging.stop", transaction=7) == json.loads(found.payload)


def test_orders_fit_the_schemas() -> None:
    assert order("charging.start", card="CARD0017", point="connector/2")[3] == {"idTag": "CARD0017", "connectorId": 2}
    assert order("connector.unlock", point="connector/1")[3] == {"connectorId": 1}
    assert order("charger.reset")[3] == {"type": "Soft"}
    for name, args in [
        ("charging.stop", {}),
        ("charging.start", {"card": "x" * 21}),
        ("connector.unlock", {"point": "door/1"}),
        ("charger.reset", {"type": "warm"}),
    ]:
        with pytest.raises(CannotEncode):
            order(name, **args)


@pytest.mark.parametrize(
    ("frame", "ok"),
    [
        ([3, "g1", {"status": "Accepted"}], True),
        ([3, "g1", {"status": "Rejected"}], False),
        ([3, "g1", {"status": "UnlockFailed"}], False),
        ([4, "g1", "NotSupported", "no", {}], False),
    ],
)
def test_an_answer_to_an_order(frame: list[Any], ok: bool) -> None:
    (event,) = said(*frame)
    assert (event.kind, event.device, event.request_id, event.ok) == ("command_result", "ocpp:CP001", "g1", ok)
    assert answer(*frame) is None
