"""A new device is one new file."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import edge.devices
from edge.devices.driver import BadMessage, CannotEncode, Command, Driver, Message, Reading, Registry, discover
from tests.edge.devices.samples import RECEIVED_AT, SITE

LAMP = '''
"""A lamp that says on or off."""
from types import MappingProxyType

from domain.events import Event
from edge.devices.driver import BadMessage, Driver, Reading


def decode(message, site):
    if message.payload not in (b"on", b"off"):
        raise BadMessage("neither on nor off")
    device = "lamp:" + message.topic.partition("/")[2]
    return Reading([Event(kind="input", device=device, value=message.payload == b"on", time_quality="gateway")])


DRIVER = Driver(kind="lamp", families=("lamp",), decode=decode, topics=MappingProxyType({"lamps/+": "lamp"}))
'''


@pytest.fixture
def lamp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    (tmp_path / "lamp.py").write_text(LAMP, encoding="utf-8")
    (tmp_path / "_notes.py").write_text('"""No driver."""\n', encoding="utf-8")
    monkeypatch.setattr(edge.devices, "__path__", [*edge.devices.__path__, str(tmp_path)])
    discover.cache_clear()
    yield discover()
    for name in ("edge.devices.lamp", "edge.devices._notes"):
        sys.modules.pop(name, None)
    discover.cache_clear()


def test_a_new_file_is_found(lamp: Registry) -> None:
    assert lamp.topics["lamps/+"] == "lamp"
    reading = lamp.decode(Message("lamp", b"on", "lamps/porch"), SITE)
    assert [(event.device, event.value) for event in reading.events] == [("lamp:porch", True)]


def test_it_refuses_and_the_others_still_work(lamp: Registry) -> None:
    with pytest.raises(BadMessage):
        lamp.decode(Message("lamp", b"dim", "lamps/porch"), SITE)
    with pytest.raises(CannotEncode):
        lamp.encode(Command("lamp.on", "lamp:porch", "r1", RECEIVED_AT), SITE)
    assert lamp.decode(Message("frigate", b"ON", "frigate/lobby/motion"), SITE).events[0].label == "motion"


def test_without_the_file_there_is_no_such_family() -> None:
    assert "lamp" not in discover().by_family
    with pytest.raises(BadMessage, match="no driver serves 'lamp'"):
        discover().decode(Message("lamp", b"on"), SITE)


def test_two_drivers_for_one_family_are_a_mistake_that_is_told() -> None:
    twin = Driver(kind="twin", families=("frigate",), decode=lambda message, site: Reading([]))
    with pytest.raises(ValueError, match="frigate"):
        Registry([*discover().by_kind.values(), twin])


def test_finding_the_drivers_loads_no_library_of_theirs() -> None:
    found = "import sys; from edge.devices.driver import discover; discover()"
    said = f"{found}; print(sorted(set(sys.argv) & set(sys.modules)))"
    libraries = ("defusedxml", "lxml", "aiohttp", "libosdp", "serial")
    done = subprocess.run([sys.executable, "-c", said, *libraries], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr
