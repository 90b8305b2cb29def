"""The broker's files as text: nothing that an installer or a device writes widens the access list."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.client import topic_matches_sub

from edge.broker.config import (
    BadSetting,
    BrokerSettings,
    access_text,
    hashed,
    listeners_in,
    passwords_text,
    settings_text,
)
from edge.broker.users import AGENT, BadDevice, agent_user, broker_users, overlap
from edge.devices.driver import BrokerUser, Driver, Message, Reading, Registry, Site, discover, own_user
from tests.edge.devices.samples import Sample, command_of, samples

REGISTRY = discover()
SETTINGS = BrokerSettings(folder="/f", addresses=("127.0.0.1",), port=8883, user="mosquitto", message_bytes=1_000)


def nothing(message: Message, site: Site) -> Reading:
    return Reading([])


def registry(*topics: str, kind: str = "lamp") -> Registry:
    return Registry([Driver(kind, (kind,), nothing, dict.fromkeys(topics, kind))])


LINES = ("a\nuser gatehouse", "a\ntopic write #", "a\rb", "a\t", "a\0b", "a\u2028b", " a", "a ")
LEVELS = ("#", "+", "a+", "a/b", "a/#", "", "$SYS", "x" * 129)


@pytest.mark.parametrize("identity", [*LINES, *LEVELS])
def test_an_identity_that_could_widen_the_list_is_refused_by_name(identity: str) -> None:
    with pytest.raises(BadDevice, match="vzenith:"):
        broker_users([f"vzenith:{identity}"], REGISTRY, "garden")


@given(identity=st.text(max_size=30), site=st.text(min_size=1, max_size=20))
def test_whatever_an_identity_is_the_list_keeps_its_shape(identity: str, site: str) -> None:
    """Refused, or the lines of one user, each with the identity as one whole level or made safe."""
    try:
        users = broker_users([f"vzenith:{identity}"], REGISTRY, site)
    except BadDevice:
        return
    lines = [line for line in re.split(r"[\r\n\v\f]", access_text(users)) if line and not line.startswith("# Written")]
    assert sum(line.startswith("user ") for line in lines) == 1
    assert re.fullmatch(r"user vzenith\.[\w.~%-]+", lines[0], re.ASCII)
    for line in lines[1:]:
        topic = re.fullmatch(r"topic (?:write|read) (.*)", line)
        assert topic, line
        levels = topic[1].split("/")
        assert levels[0] == "edge" or identity in levels[:2]
        assert "#" not in levels[:-1]
        assert levels.count("+") <= (levels[-1] == "reply")


@pytest.mark.parametrize("identity", ["two words", "东门", "a'b\"c", "%u", "a,b"])
def test_an_odd_identity_is_a_user_like_any(identity: str) -> None:
    (user,) = broker_users([f"vzenith:{identity}"], REGISTRY, "garden")
    assert f"device/{identity}/message/up/#" in user.writes
    assert re.fullmatch(r"[\w.~%-]+", user.name, re.ASCII)


def test_names_of_devices_do_not_meet() -> None:
    devices = ["vzenith:a b", "vzenith:a%20b", "vzenith:a.b", "vzenith:a_b"]
    assert len(broker_users(devices, REGISTRY, "garden")) == len(devices)


def test_two_users_never_write_the_same_topic() -> None:
    both = Registry(
        [
            Driver("lamp", ("lamp",), nothing, {"lamps/+/state": "lamp"}),
            Driver("spy", ("spy",), nothing, {"lamps/#": "spy"}),
        ]
    )
    with pytest.raises(BadDevice, match=r"lamp\.porch .*spy|spy .*lamp\.porch"):
        broker_users(["lamp:porch", "spy:1"], both, "garden")
    assert len(broker_users(["lamp:porch", "lamp:gate"], both, "garden")) == 2


MEETING = ("a/+ a/b", "a/# a", "# x/y", "+/b a/+", "a/b a/b", "a/b/# a/+/c/d")
APART = ("a/+ a", "a/+/c a/b/d", "a/b/c a/b", "a b")


@pytest.mark.parametrize(("pair", "meet"), [*((pair, True) for pair in MEETING), *((pair, False) for pair in APART)])
def test_filters_that_meet(pair: str, meet: bool) -> None:
    one, other = pair.split()
    assert overlap(one, other) == overlap(other, one) == meet


def test_a_kind_that_no_driver_has_is_told() -> None:
    with pytest.raises(BadDevice, match=r"no driver 'vzenth'; there are .*uhppoted, .*vzenith"):
        broker_users(["vzenth:1"], REGISTRY, "garden")
    with pytest.raises(BadDevice, match="agent's own user"):
        broker_users([f"{AGENT}:1"], registry("lamps/#", kind=AGENT), "garden")


def test_a_device_that_comes_another_way_has_no_user() -> None:
    users = broker_users(["hikvision:00005e005341", "vzenith:1"], REGISTRY, "garden")
    assert [user.name for user in users] == ["vzenith.1"]


def test_a_driver_that_says_nothing_gets_its_filters_with_the_identity() -> None:
    (user,) = broker_users(["lamp:porch"], registry("lamps/+/state", "lamps/+/down/+/reply"), "garden")
    vendor = [topic for topic in user.writes if not topic.startswith("edge/")]
    assert (user.name, vendor) == ("lamp.porch", ["lamps/porch/state", "lamps/porch/down/+/reply"])
    (bridge,) = broker_users(["lamp:porch", "lamp:gate"], registry("lamps/#"), "garden")
    assert (bridge.name, bridge.writes[0]) == ("lamp", "lamps/#")
    assert own_user("lamp", ["lamps/#"], "porch") == BrokerUser("lamp", ("lamps/#",))


@pytest.mark.parametrize("driver", [driver for driver in REGISTRY.by_kind.values() if driver.topics])
def test_every_driver_gives_a_user_that_can_do_its_work(driver: Driver) -> None:
    """What it may write its driver reads; what is recorded of it, and what we tell it, it may write and read."""
    user = driver.user_of("405419896")
    assert re.fullmatch(r"[\w.%-]+", user.name, re.ASCII)
    listens_anywhere = driver.identity_is_path  # a topic that the installer chose, and names in edge.toml
    assert listens_anywhere or all(any(overlap(topic, known) for known in driver.topics) for topic in user.writes)
    for sample in samples():
        device = device_of(sample) if sample.family in REGISTRY.by_family and sample.topic else ""
        if device.partition(":")[0] == driver.kind:
            mine = driver.user_of(device.partition(":")[2])
            allowed = mine.reads if sample.encodes else mine.writes
            assert any(topic_matches_sub(topic, sample.topic) for topic in allowed), sample


def device_of(sample: Sample) -> str:
    """Whose message a sample is, or whom it is for."""
    if sample.encodes:
        return command_of(sample).device
    return next((event["device"] for event in sample.expect if "device" in event), "")


def test_a_topic_that_was_set_otherwise_is_its_device_s_to_write_and_ours_to_read() -> None:
    further = {"cams/+/event/#": "axis-mqtt", "house-3/#": "zigbee2mqtt"}
    users = broker_users(["axis:ACCC8E000001", "z2m:2f/hall door", "esp-rfid:/door/lobby"], REGISTRY, "garden", further)
    by_name = {user.name: user for user in users}
    assert "cams/ACCC8E000001/event/#" in by_name["axis.ACCC8E000001"].writes
    assert "house-3/#" in by_name["zigbee2mqtt"].writes
    assert "zigbee2mqtt/2f/hall door/set" in by_name["zigbee2mqtt"].reads
    assert "/door/lobby" in by_name["esp-rfid.%2Fdoor%2Flobby"].writes
    assert set(further) <= set(agent_user(users, REGISTRY, "garden", further).reads)
    with pytest.raises(BadDevice, match="esp-rfid:"):
        broker_users(["esp-rfid:/door/#"], REGISTRY, "garden")


def test_the_agent_writes_what_devices_read_and_reads_this_site_alone() -> None:
    users = broker_users(["vzenith:1", "uhppoted:2"], REGISTRY, "garden")
    agent = agent_user(users, REGISTRY, "garden")
    assert set(agent.writes) == {topic for user in users for topic in user.reads}
    assert "uhppoted/gateway/requests/#" in agent.writes and "device/1/message/down/#" in agent.writes
    assert not any("message/up" in topic for topic in agent.writes)
    assert any(topic_matches_sub(topic, "edge/v1/garden/x/event/door") for topic in agent.reads)
    assert not any(topic_matches_sub(topic, "edge/v1/river/x/event/door") for topic in agent.reads)
    assert set(REGISTRY.topics) <= set(agent.reads)


@pytest.mark.parametrize("field", ["folder", "user"])
@pytest.mark.parametrize("value", ["/a\nallow_anonymous true", "/a\r", " /a"])
def test_a_setting_stays_on_its_line(field: str, value: str) -> None:
    with pytest.raises(BadSetting):
        settings_text(msgspec.structs.replace(SETTINGS, **{field: value}))
    with pytest.raises(BadSetting):
        settings_text(msgspec.structs.replace(SETTINGS, user=""))


def test_a_user_with_a_colon_or_a_line_is_refused() -> None:
    for name in ("a:b", "a\nb:c", ""):
        with pytest.raises(BadSetting):
            passwords_text({name: "x"}, lambda size: bytes(size))


def test_settings_hold_what_they_must() -> None:
    text = settings_text(SETTINGS)
    lines = text.splitlines()
    assert "allow_anonymous false" in lines and "per_listener_settings false" in lines
    assert "message_size_limit 1000" in lines and "max_inflight_messages 1000" in lines
    assert listeners_in(text) == (8883, ("127.0.0.1",))
    assert listeners_in("") is None
    assert all(line.startswith("listener 8883 ") for line in lines if line.startswith("listener"))


def test_a_password_is_hashed_as_mosquitto_passwd_does_it(tmp_path: Path) -> None:
    """Held against the program itself: its own salt gives its own hash."""
    if shutil.which("mosquitto_passwd") is None:
        pytest.skip("mosquitto_passwd is not installed")
    file = tmp_path / "passwords"
    file.touch()
    subprocess.run(["mosquitto_passwd", "-b", str(file), "u", "geheim 密码"], check=True)
    _, line = file.read_text().strip().split(":")
    salt = base64.b64decode(line.split("$")[3])
    assert hashed("geheim 密码", salt) == line
