"""Devices whose topics an installer set otherwise: heard, and a family that nobody has is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.config import BadConfig, load
from edge.devices.driver import Message, Site, discover
from edge.transports.mqtt_routes import Routes

TOPIC = "house-3/2f/hall door"


def written(folder: Path, family: str) -> Path:
    file = folder / "edge.toml"
    file.write_text(f'[broker.topics]\n"house-3/#" = "{family}"\n')
    return file


def test_a_topic_set_otherwise_is_its_family_s(tmp_path: Path) -> None:
    config, registry = load(written(tmp_path, "zigbee2mqtt")), discover()
    assert Routes(registry.topics).find(TOPIC.encode()).family is None
    route = Routes(registry.topics_with(config.broker.topics)).find(TOPIC.encode())
    assert (route.family, route.topic) == ("zigbee2mqtt", TOPIC)
    (event,) = registry.decode(Message("zigbee2mqtt", b'{"contact":false}', TOPIC), Site()).events
    assert (event.device, event.state) == ("z2m:2f/hall door", "open")


def test_a_family_that_nobody_has_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match=r"broker\.topics: .*zigbee3mqtt.*esp-rfid"):
        load(written(tmp_path, "zigbee3mqtt"))
