"""The document of our topics: AsyncAPI 3 by its own schema, and whatever a driver publishes is described in it."""

from __future__ import annotations

import copy

import pytest

from edge.devices.driver import CannotEncode, Publish, discover
from tests.edge import asyncapi
from tests.edge.devices.samples import SITE, Sample, command_of, samples

DOWN = [sample for sample in samples() if sample.encodes and sample.encodes["command"] != "ack"]
AT = "2026-03-01T00:15:30.000Z"


def test_the_document_is_asyncapi_3() -> None:
    assert asyncapi.faults(asyncapi.document()) == []
    broken = copy.deepcopy(asyncapi.document())
    broken["operations"]["tellState"]["action"] = "publish"  # AsyncAPI 2's word
    del broken["channels"]["birth"]["messages"]
    broken["channels"]["birth"]["publish"] = {}
    assert len(asyncapi.faults(broken)) >= 2, "the schema sees what is wrong"


def test_each_channel_has_an_operation_and_each_parameter_is_told() -> None:
    told = {one["channel"]["$ref"].rpartition("/")[2] for one in asyncapi.document()["operations"].values()}
    assert told == asyncapi.document()["channels"].keys()
    for name, channel in asyncapi.document()["channels"].items():
        named = set(asyncapi.parameters_in(channel["address"]))
        assert named == set(channel.get("parameters", {})), name
        assert all(asyncapi.resolved(message)["payload"] for message in channel["messages"].values())


@pytest.mark.parametrize("sample", DOWN, ids=repr)
def test_what_a_device_is_told_over_mqtt_is_described(sample: Sample) -> None:
    """By the recorded commands of every family: a new one that publishes must be in the document."""
    try:
        made = discover().by_family[sample.family].encode(command_of(sample), SITE, sample.topic)
    except CannotEncode:
        return  # is held against in the contract test
    if isinstance(made, Publish):
        assert asyncapi.wrong(made.topic, made.payload, retain=False) == ""


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        ("gatehouse/garden/z2m:hall/state/door", b'{"state":"AJAR","at":"%s"}'),
        ("gatehouse/garden/z2m:hall/state/door", b'{"state":"ON","at":"yesterday"}'),
        ("gatehouse/garden/z2m:hall/state/door", b'{"state":"ON","at":"%s","card":"8165537"}'),
        ("gatehouse/garden/availability", b'{"state":"perhaps"}'),
        ("gatehouse/garden/z2m:hall/unlocked", b"1"),
        ("homeassistant/device/x/config", b'{"components":{}}'),
        ("zigbee2mqtt/hall/set", b"{}"),
    ],
)
def test_what_is_not_as_described_is_seen(topic: str, payload: bytes) -> None:
    """The control of all tests that go by the document."""
    assert asyncapi.wrong(topic, payload.replace(b"%s", AT.encode())) != ""
    assert asyncapi.wrong("gatehouse/garden/z2m:hall/state/door", b'{"state":"ON","at":"%s"}' % AT.encode()) == ""
